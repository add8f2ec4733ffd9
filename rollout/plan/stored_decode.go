// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Decode reads a JSON object that a release has stored, into a struct. What is wrong with it is said to people who may have
// edited it, and who know nothing of the types that it is read into. A null is refused as any other value is: it would be
// read as an object without anything in it.
func Decode(document []byte, into any) error {
	switch text := bytes.TrimSpace(document); {
	case len(text) == 0:
		return errors.New("it is empty, must be a JSON object")
	case string(text) == "null":
		return errors.New("it is null, must be a JSON object")
	}
	err := json.Unmarshal(document, into)
	var broken *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	var moment *time.ParseError
	switch {
	case errors.As(err, &broken) && broken.Offset >= int64(len(document)):
		return errors.New("it ends in the middle of its JSON")
	case errors.As(err, &broken):
		return fmt.Errorf("it is not JSON (character %d)", broken.Offset)
	case errors.As(err, &moment):
		return fmt.Errorf("%q is not a moment: write it as 2006-01-02T15:04:05Z", moment.Value)
	case errors.As(err, &wrong) && wrong.Field == "":
		return fmt.Errorf("it is %s, must be a JSON object", foundWord(wrong.Value))
	case errors.As(err, &wrong):
		return fmt.Errorf("%s is %s, must be %s", wrong.Field, foundWord(wrong.Value), wantedWord(wrong.Type))
	}
	return err
}

// foundWord says in plain words what the decoder found.
func foundWord(value string) string {
	switch kind, number, _ := strings.Cut(value, " "); kind {
	case "array":
		return "a list"
	case "bool":
		return "true or false"
	case "object":
		return "an object"
	case "number":
		if number != "" {
			return "the number " + number
		}
		return "a number"
	default:
		return "a " + kind
	}
}

// wantedWord says in plain words what a value of a type is.
func wantedWord(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "a whole number"
	default:
		return "an object"
	}
}
