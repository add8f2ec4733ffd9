// SPDX-License-Identifier: Apache-2.0

package fn

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// write writes a list as it came: its items as they are, and the results.
func write(rw *kio.ByteReadWriter, list *resourceList, out io.Writer) error {
	head := []*yaml.Node{
		manifest.NewScalar("apiVersion"), manifest.NewScalar(rw.WrappingAPIVersion),
		manifest.NewScalar("kind"), manifest.NewScalar(rw.WrappingKind),
	}
	var tail []*yaml.Node
	if rw.FunctionConfig != nil {
		tail = append(tail, manifest.NewScalar("functionConfig"), rw.FunctionConfig.YNode())
	}
	results := rw.Results // those of functions that ran before, where this one has none
	if len(list.results) > 0 {
		text, err := yaml.Marshal(list.results)
		if err != nil {
			return err
		}
		if results, err = yaml.Parse(string(text)); err != nil {
			return err
		}
	}
	if results != nil {
		tail = append(tail, manifest.NewScalar("results"), results.YNode())
	}
	items := make([]*yaml.Node, len(list.items))
	for i, it := range list.items {
		items[i] = it.YNode()
	}
	return writeParts(out, head, items, tail)
}

const (
	itemsKey = "items"
	// itemsAtOnce is how many items are encoded together. The library keeps every event of a document until it ends, some
	// ten times the memory of its text.
	itemsAtOnce = 32
)

// writeParts writes head, items and tail as one mapping, in parts: to the byte what the library writes of the whole.
func writeParts(out io.Writer, head, items, tail []*yaml.Node) error {
	for first := true; first || len(items) > 0; first = false {
		n := partOf(items)
		part := []*yaml.Node{manifest.NewScalar(itemsKey), manifest.NewSequence(items[:n]...)}
		if first {
			part = slices.Concat(head, part)
		}
		if items = items[n:]; len(items) == 0 {
			part = append(part, tail...)
		}
		if err := encode(out, manifest.NewMapping(part...), first); err != nil {
			return err
		}
	}
	return nil
}

// partOf is how many of the items are written next. Between one that ends with a comment and the next, the library writes
// an empty line, where it writes both; and it may write a comment behind a dash or a key with the item after.
func partOf(items []*yaml.Node) int {
	for n := itemsAtOnce; n < len(items); n++ {
		if items[n].HeadComment == "" && !reachesOn(items[n-1]) {
			return n
		}
	}
	return len(items)
}

// reachesOn says whether a comment of an item may be written with what follows it: one below it, or one on the line on which a
// mapping or list begins.
func reachesOn(n *yaml.Node) bool {
	return n.FootComment != "" || n.LineComment != "" && len(n.Content) > 0 || slices.ContainsFunc(n.Content, reachesOn)
}

// encode writes a mapping, without its line "items:" where that stands already.
func encode(out io.Writer, mapping *yaml.Node, whole bool) error {
	var text bytes.Buffer
	e := yaml.NewEncoder(&text)
	if err := e.Encode(&yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{mapping}}); err != nil {
		return err
	}
	if err := e.Close(); err != nil {
		return err
	}
	part := text.Bytes()
	if !whole {
		var found bool
		if part, found = bytes.CutPrefix(part, []byte(itemsKey+":\n")); !found {
			return fmt.Errorf("the library does not begin a list of items on a line of its own")
		}
	}
	_, err := out.Write(part)
	return err
}
