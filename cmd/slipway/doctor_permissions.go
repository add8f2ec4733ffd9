// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/fn/inject"
)

// writePermissions prints a ClusterRole with the lists that doctor reads, and nothing beyond.
func writePermissions(w io.Writer, more []inject.WorkloadKind) error {
	kinds := slices.Concat([]liveKind{sidecarSetKind(), webhookKind(), namespaceKind(), podKind(), replicaSetKind()}, workloadKinds(more))
	byGroup := map[string][]string{}
	var groups []string
	for _, k := range kinds {
		if byGroup[k.group] == nil {
			groups = append(groups, k.group)
		}
		byGroup[k.group] = append(byGroup[k.group], k.plural)
	}
	slices.Sort(groups)
	var b strings.Builder
	b.WriteString("# All that slipway doctor reads. Whatever of it is not granted is not seen, and the report says so.\n" +
		"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: slipway-doctor\nrules:\n")
	for _, group := range groups {
		slices.Sort(byGroup[group])
		fmt.Fprintf(&b, "- apiGroups: [%q]\n  resources: [%s]\n  verbs: [list]\n", group, strings.Join(slices.Compact(byGroup[group]), ", "))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the permissions: %w", err)
	}
	return nil
}
