// SPDX-License-Identifier: Apache-2.0

package yamltext_test

import (
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// TestPlainTag holds what is known without the library against what the library says, for all short texts of characters that
// numbers and times are made of, and for longer ones.
func TestPlainTag(t *testing.T) {
	check := func(value string) {
		n := yaml.Node{Kind: yaml.ScalarNode, Value: value}
		if got, want := yamltext.PlainTag(value), n.ShortTag(); got != want {
			t.Errorf("%q is %s, the library says %s", value, got, want)
		}
	}
	var checkAll func(prefix string, length int)
	checkAll = func(prefix string, length int) {
		check(prefix)
		for _, c := range "0159abefinoxTZ_.:+-~/" {
			if length > 0 {
				checkAll(prefix+string(c), length-1)
			}
		}
	}
	checkAll("", 3)
	for _, value := range []string{
		"true", "No", "off", "null", "~", "100m", "128Mi", "1e3", "1E", "12ä", "999999999999999999", "9223372036854775807",
		"9223372036854775808", "18446744073709551616", "2001-12-14", "2001-12-14T21:59:43Z", "0x1F", "1_000", "1_0m", "<<",
	} {
		check(value)
	}
}
