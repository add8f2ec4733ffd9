// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// SelectorQuery writes a CloneSet's selector as a query parameter.
func SelectorQuery(selector any) string {
	var parts []string
	labels := stringsOf(Field(selector, "matchLabels"))
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, k+"="+labels[k])
	}
	for _, e := range items(selector, "matchExpressions") {
		var values []string
		for _, v := range items(e, "values") {
			values = append(values, fmt.Sprint(v))
		}
		key, in := Text(e, "key"), "("+strings.Join(values, ",")+")"
		switch Text(e, "operator") {
		case "In":
			parts = append(parts, key+" in "+in)
		case "NotIn":
			parts = append(parts, key+" notin "+in)
		case "Exists":
			parts = append(parts, key)
		case "DoesNotExist":
			parts = append(parts, "!"+key)
		}
	}
	return strings.Join(parts, ",")
}
