// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// WritePermissions prints the roles with what doctor reads, and nothing beyond: one ClusterRole, or, where it looks at one
// namespace only, a ClusterRole for what is in none and a Role for the rest.
func WritePermissions(w io.Writer, namespace string, more []manifest.Kind) error {
	inCluster := []kind{sidecarSetKind(), webhookKind()}
	inNamespace := append([]kind{podKind(), replicaSetKind()}, workloadKinds(more)...)
	spaces := "- apiGroups: [\"\"]\n  resources: [namespaces]\n  verbs: [%s]\n"
	var b strings.Builder
	b.WriteString("# All that slipway doctor reads. What of it is not granted is not seen, and the report says so.\n")
	if namespace == "" {
		writeRole(&b, "ClusterRole", "", slices.Concat(inCluster, inNamespace))
		fmt.Fprintf(&b, spaces, "list, get")
	} else {
		writeRole(&b, "ClusterRole", "", inCluster)
		b.WriteString("---\n")
		writeRole(&b, "Role", namespace, inNamespace)
		fmt.Fprintf(&b, spaces, "get")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the permissions: %w", err)
	}
	return nil
}

// writeRole writes a role that lists kinds.
func writeRole(b *strings.Builder, role, namespace string, kinds []kind) {
	fmt.Fprintf(b, "apiVersion: rbac.authorization.k8s.io/v1\nkind: %s\nmetadata:\n  name: slipway-doctor\n", role)
	if namespace != "" {
		fmt.Fprintf(b, "  namespace: %s\n", namespace)
	}
	b.WriteString("rules:\n")
	byGroup := map[string][]string{}
	var groups []string
	for _, k := range kinds {
		if byGroup[k.group] == nil {
			groups = append(groups, k.group)
		}
		byGroup[k.group] = append(byGroup[k.group], k.plural)
	}
	slices.Sort(groups)
	for _, group := range groups {
		slices.Sort(byGroup[group])
		fmt.Fprintf(b, "- apiGroups: [%q]\n  resources: [%s]\n  verbs: [list]\n", group,
			strings.Join(slices.Compact(byGroup[group]), ", "))
	}
}
