// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Keys that Kruise's hot upgrade works with; they are part of the container's interface, not of Kruise's bookkeeping.
const (
	workingHotUpgrade = "kruise.io/sidecarset-working-hotupgrade-container"
	versionPrefix     = "version.sidecarset.kruise.io/"
	versionAltPrefix  = "versionalt.sidecarset.kruise.io/"
)

// hotUpgrade splits a sidecar into the pair that a hot upgrade swaps: x-1 with the image, x-2 with the empty one.
// Other sidecars are returned alone.
func (b *sidecarBuild) hotUpgrade(c *yaml.Node) []*yaml.Node {
	if !b.s.hot() {
		return []*yaml.Node{c}
	}
	names := b.s.podNames()
	working, empty := hotVariant(c, names[0]), hotVariant(c, names[1])
	empty = manifest.With(empty, imageField, manifest.NewScalar(b.s.UpgradeStrategy.HotUpgradeEmptyImage))
	b.annotate(b.set, "the working container of a hot upgrade", []annotation{
		{key: versionPrefix + names[0], value: "1"},
		{key: versionPrefix + names[1], value: "0"},
		{key: versionAltPrefix + names[0], value: "0"},
		{key: versionAltPrefix + names[1], value: "1"},
	})
	b.markWorking(b.set, b.s.Name, names[0])
	return []*yaml.Node{working, empty}
}

// hotVariant is one of the pair: its name, and the versions by which the two tell who works.
func hotVariant(c *yaml.Node, name string) *yaml.Node {
	c = manifest.With(c, nameField, manifest.NewScalar(name))
	env := slices.Clone(manifest.Items(manifest.Lookup(c, envField)))
	for _, v := range []struct{ variable, prefix string }{
		{"SIDECARSET_VERSION", versionPrefix}, {"SIDECARSET_VERSION_ALT", versionAltPrefix},
	} {
		path := "metadata.annotations['" + v.prefix + name + "']"
		env = append(env, manifest.NewMapping(manifest.NewScalar(nameField), manifest.NewScalar(v.variable),
			manifest.NewScalar("valueFrom"), manifest.NewMapping(manifest.NewScalar("fieldRef"),
				manifest.NewMapping(manifest.NewScalar("fieldPath"), manifest.NewScalar(path)))))
	}
	return manifest.With(c, envField, manifest.NewSequence(env...))
}
