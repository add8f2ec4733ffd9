// SPDX-License-Identifier: Apache-2.0

// Package filltest makes values in which every field is set, for tests of what is stored: a field that is added later is set
// without anybody thinking of it, and so it shows where it is not stored, not read again, or not in a golden file.
//
// What a field is set to follows from the names under which it is stored, so neither a field beside it nor a new name in Go
// changes it, and golden files of old versions stay good.
package filltest

import (
	"encoding"
	"fmt"
	"hash/fnv"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Fill sets every field of what v points to, down to the last one. Lists and maps get one element.
func Fill(tb testing.TB, v any) {
	tb.Helper()
	fill(tb, "", reflect.ValueOf(v).Elem())
}

func fill(tb testing.TB, path string, v reflect.Value) {
	tb.Helper()
	n := number(path)
	switch to := v.Addr().Interface().(type) {
	case *time.Time:
		*to = time.Date(2026, 1, 1, 0, 0, n, 0, time.UTC)
		return
	case *time.Duration:
		*to = time.Duration(n) * time.Second
		return
	case *time.Weekday:
		*to = time.Weekday(n % 7)
		return
	case encoding.TextUnmarshaler:
		if err := to.UnmarshalText(fmt.Append(nil, n)); err != nil {
			tb.Fatalf("%s: %v", path, err)
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(path)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(n))
	case reflect.Float64:
		v.SetFloat(float64(n) + 0.5)
	case reflect.Interface:
		v.Set(reflect.ValueOf(path))
	default:
		fillParts(tb, path, v)
	}
}

// number is that of a path, small enough for a time of day in minutes. Two paths seldom have the same.
func number(path string) int {
	h := fnv.New32a()
	h.Write([]byte(path))
	return int(h.Sum32()%1400) + 1
}

// fillParts fills what holds other values.
func fillParts(tb testing.TB, path string, v reflect.Value) {
	tb.Helper()
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if !field.IsExported() {
				tb.Fatalf("%s of %v is not exported, so nothing stores it: give the type a text form", field.Name, v.Type())
			}
			fill(tb, join(path, stored(field)), v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(tb, path, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(tb, path, v.Index(0))
	case reflect.Map:
		element := reflect.New(v.Type().Elem()).Elem()
		fill(tb, join(path, "key"), element)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("key").Convert(v.Type().Key()), element)
	default:
		tb.Fatalf("%s is a %v, which nobody has taught to be filled", path, v.Type())
	}
}

// stored is the name under which a field is stored: "" where its parts stand in its place.
func stored(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	if name == "" && !field.Anonymous {
		name = strings.ToLower(field.Name[:1]) + field.Name[1:] // of a value that is stored in parts
	}
	return name
}

func join(path, name string) string {
	return strings.Trim(path+"."+name, ".")
}
