// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/slipway-dev/slipway/rollout/ondelete"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// ParseNodes reads how many nodes there are, and which labels they have: "10", or "3:pool=canary,20:zone=a:disk=ssd,5".
func ParseNodes(s string) ([]ondelete.Node, error) {
	var all []ondelete.Node
	for group := range strings.SplitSeq(s, ",") {
		number, labels, labelled := strings.Cut(group, ":")
		n, err := strconv.Atoi(number)
		if errors.Is(err, strconv.ErrRange) {
			n, err = math.MaxInt, nil
		}
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%q: write a whole number that is not negative, or groups of nodes with their labels: %s", group,
				NodesExample)
		}
		if n > mostReserved-len(all) {
			return nil, fmt.Errorf("more than %d nodes cannot be played", mostReserved)
		}
		var shared map[string]string
		if labelled {
			if shared, err = parseLabels(labels); err != nil {
				return nil, fmt.Errorf("%q: %w", group, err)
			}
		}
		for range n {
			all = append(all, ondelete.Node{Name: nodeName(len(all)), Labels: shared})
		}
	}
	return all, nil
}

// NodesExample is how nodes with labels are written.
const NodesExample = "3:pool=canary,20:zone=a,30:zone=b"

func parseLabels(text string) (map[string]string, error) {
	labels := map[string]string{}
	for label := range strings.SplitSeq(text, ":") {
		key, value, found := strings.Cut(label, "=")
		if !found || key == "" {
			return nil, errors.New("a label of nodes is written KEY=VALUE, and several with a colon between them")
		}
		if wrong := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...); len(wrong) > 0 {
			return nil, fmt.Errorf("no node can have the label %q: %s", label, wrong[0])
		}
		if _, twice := labels[key]; twice {
			return nil, fmt.Errorf("a node has one value of the label %s", key)
		}
		labels[key] = value
	}
	return labels, nil
}

// Missing says what only the cluster knows of a release and nodes do not say: how many pods there are, or which are in a batch.
// "" is nothing.
func Missing(p plan.BatchPlan, set plan.Workload, nodes []ondelete.Node) string {
	say := "10"
	if p.NodeLabels() != nil {
		say = NodesExample
	}
	if set.KindOf().Nodes && len(nodes) == 0 {
		return fmt.Sprintf("a %s has a pod for each node, so how many are in a batch is known in the cluster only: say --nodes %s, "+
			"or let rollout run say it", set.KindName(), say)
	}
	if i := ondelete.Unmatched(p.Batches, nodes); i >= 0 {
		return fmt.Sprintf("no node of --nodes has %s, which spec.batches[%d].nodes of the plan asks for: say which nodes have it, "+
			"such as --nodes %s", p.Batches[i].Nodes, i, say)
	}
	return ""
}

// nodeName is the name of a node, from 0.
func nodeName(i int) string { return "node-" + strconv.Itoa(i) }
