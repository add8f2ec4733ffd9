// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Scalar is what Kubernetes makes of a scalar: its tag and the text that it has in JSON, 8 of 010, 1000 of 1e3, true of yes.
// Kubernetes reads YAML 1.1, and all of it by way of JSON, while the tags of nodes go by 1.2.
func Scalar(n *yaml.Node) (tag, text string) {
	switch tag = n.ShortTag(); {
	case tag == yaml.NodeTagBool:
		return tag, cmp.Or(boolOf11(n.Value), strings.ToLower(n.Value))
	case tag == yaml.NodeTagString && n.Style == 0:
		if word := boolOf11(n.Value); word != "" {
			return yaml.NodeTagBool, word
		}
	case tag == yaml.NodeTagInt, tag == yaml.NodeTagFloat:
		return number(n, tag)
	}
	return tag, n.Value
}

// boolOf11 is true or false where a plain word is one to YAML 1.1 and text to 1.2, else "".
func boolOf11(word string) string {
	switch word {
	case "y", "Y", "yes", "Yes", "YES", "on", "On", "ON":
		return "true"
	case "n", "N", "no", "No", "NO", "off", "Off", "OFF":
		return "false"
	}
	return ""
}

// number is a number as JSON has it. One that is whole there is a whole number, whatever it is in YAML.
func number(n *yaml.Node, tag string) (string, string) {
	var v any
	if n.Decode(&v) != nil { // tagged by hand
		return tag, n.Value
	}
	text, err := json.Marshal(v)
	if err != nil {
		return tag, n.Value // infinite, or none
	}
	if json.Unmarshal(text, new(int64)) == nil || json.Unmarshal(text, new(uint64)) == nil {
		return yaml.NodeTagInt, string(text)
	}
	return yaml.NodeTagFloat, string(text)
}

// Key is what Kubernetes makes of a key: true of on, 8 of 010. What it does not take as a key stays as it is.
func Key(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || !wordlike(n.Value) {
		return n.Value
	}
	tag, text := Scalar(n)
	switch tag {
	case yaml.NodeTagBool, yaml.NodeTagInt:
		return text
	case yaml.NodeTagFloat:
		return floatKey(n)
	}
	return n.Value
}

// wordlike says whether a plain text may be another one as a key. Names of fields hardly are, and there are many.
func wordlike(text string) bool {
	return text != "" && (len(text) <= len("false") && strings.IndexByte("yYnNoOtTfF", text[0]) >= 0 || numberlike(text))
}

func numberlike(text string) bool {
	return text != "" && strings.IndexByte("+-.0123456789", text[0]) >= 0
}

// floatKey is a number that is not whole as sigs.k8s.io/yaml makes a key of it, by the rules of float32.
func floatKey(n *yaml.Node) string {
	var v float64
	if n.Decode(&v) != nil {
		return n.Value
	}
	switch text := strconv.FormatFloat(v, 'g', -1, 32); text {
	case "+Inf":
		return ".inf"
	case "-Inf":
		return "-.inf"
	case "NaN":
		return ".nan"
	default:
		return text
	}
}

// Respelt says whether another text can be a key of that name, as on can be true.
func Respelt(name string) bool {
	_, err := strconv.ParseFloat(name, 64)
	return err == nil || name == "true" || name == "false"
}

// isKey says whether a node is a key of that name: as it is written, since a field may be called on, or as Kubernetes reads it.
func isKey(n *yaml.Node, name string) bool {
	if n.Kind != yaml.ScalarNode || n.Value == name {
		return n.Kind == yaml.ScalarNode
	}
	return (name == "true" || name == "false" || numberlike(name)) && Key(n) == name
}

// ScalarText is Text as JSON has it, 8 of 010.
func ScalarText(n *yaml.Node) string {
	n = Resolve(n)
	if n == nil || n.Kind != yaml.ScalarNode || IsNull(n) {
		return ""
	}
	_, text := Scalar(n)
	return text
}
