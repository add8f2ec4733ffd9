// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"regexp"
	"slices"
	"sync"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// sidecarBuild makes the container that one sidecar of a set becomes in a pod.
type sidecarBuild struct {
	*collector
	set  *SidecarSet
	s    *Sidecar
	list string // of the pod spec that it goes into
}

// container builds the container that a sidecar becomes in this pod: resources, mounts, devices, env.
func (b *sidecarBuild) container() *yaml.Node {
	c := b.resources(b.s.Container)
	mounts, shareEnv := b.sharedMounts()
	c = b.merged(c, volumeMountsField, mounts)
	c = b.env(c, firstOfEach(append(b.transferred(), shareEnv...)))
	return b.merged(c, devicesField, b.sharedDevices())
}

// appContainers are the pod's own containers as sharing sees them: those that an earlier injection put there are left out.
func (b *sidecarBuild) appContainers() []*yaml.Node {
	return slices.DeleteFunc(slices.Clone(b.containers), func(c *yaml.Node) bool {
		e, _ := manifest.Named(manifest.Items(manifest.Lookup(c, envField)), isInjectedEnv)
		return e != nil && manifest.Text(manifest.Lookup(e, "value")) == "true"
	})
}

// subPathVariable finds the names of variables in a subPathExpr, as Kruise does.
var subPathVariable = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)`)
})

// sharedMounts are the mounts of the app's containers, and the variables that their subPathExpr name.
func (b *sidecarBuild) sharedMounts() (mounts, env []*yaml.Node) {
	if b.s.ShareVolumePolicy.Type != enabled {
		return nil, nil
	}
	for _, c := range b.appContainers() {
		own := manifest.NewIndex(manifest.Items(manifest.Lookup(c, envField)))
		for _, m := range manifest.Items(manifest.Lookup(c, volumeMountsField)) {
			mounts = append(mounts, m)
			expr := manifest.Text(manifest.Lookup(m, "subPathExpr"))
			if expr == "" {
				continue
			}
			for _, match := range subPathVariable().FindAllStringSubmatch(expr, -1) {
				if e, _ := own.Named(match[1]); e != nil {
					env = append(env, e)
				}
			}
		}
	}
	return mounts, env
}

// sharedDevices are the devices of the app's containers.
func (b *sidecarBuild) sharedDevices() []*yaml.Node {
	if b.s.ShareVolumeDevicePolicy == nil || b.s.ShareVolumeDevicePolicy.Type != enabled {
		return nil
	}
	var out []*yaml.Node
	for _, c := range b.appContainers() {
		out = append(out, manifest.Items(manifest.Lookup(c, devicesField))...)
	}
	return out
}

// merged appends to the mounts or devices of a container those whose path neither has.
func (b *sidecarBuild) merged(c *yaml.Node, field string, more []*yaml.Node) *yaml.Node {
	taken := map[string]bool{}
	for _, f := range []string{volumeMountsField, devicesField} {
		for _, m := range manifest.Items(manifest.Lookup(c, f)) {
			taken[mountPoint(m)] = true
		}
	}
	elements := slices.Clone(manifest.Items(manifest.Lookup(c, field)))
	own := len(elements)
	for _, m := range more {
		if at := mountPoint(m); !taken[at] {
			taken[at] = true
			elements = append(elements, manifest.Copy(m, false))
			b.origin(b.list, b.s.Name+"]."+field+"["+at+"]", b.set, "shared from the app's containers", "")
		}
	}
	if len(elements) == own {
		return c
	}
	return manifest.With(c, field, manifest.NewSequence(elements...))
}

// mountPoint is where a mount or a device appears in the container.
func mountPoint(m *yaml.Node) string {
	if p := manifest.Text(manifest.Lookup(m, "mountPath")); p != "" {
		return p
	}
	return manifest.Text(manifest.Lookup(m, "devicePath"))
}

// collectVolumes adds the volumes that a sidecar mounts; the pod's volume of a name prevails, and so does one that a
// controller makes from a claim template.
func (c *collector) collectVolumes(set *SidecarSet, s *Sidecar) {
	if c.claims == nil {
		c.claims = c.claimed()
	}
	for _, field := range []string{volumeMountsField, devicesField} {
		for i, m := range manifest.Items(manifest.Lookup(s.Container, field)) {
			name := manifest.Text(manifest.Lookup(m, nameField))
			v := set.volume(name)
			own, _ := c.named[volumesField].Named(name)
			_, earlier := c.places[named{volumesField, name}]
			switch {
			case own != nil || c.claims[name]:
				c.keptVolume(set, name, v, own)
			case earlier:
			case v == nil:
				c.report(c.mistake(), nil, "no-volume", "", fmt.Sprintf(
					"SidecarSet %s, container %s, %s mounts the volume %q, which neither the SidecarSet nor the pod has",
					set.Metadata.Name, s.Name, indexed(field, i), name),
					"add it to the SidecarSet's spec.volumes or to the pod's volumes")
			default:
				c.place(volumesField, name, len(c.changes.volumes))
				c.origin(volumesField, name, set, "spec.volumes, mounted by container "+s.Name, "")
				c.changes.volumes = append(c.changes.volumes, placed{
					set: set.Metadata.Name, name: name, node: v, replaces: -1,
				})
			}
		}
	}
}

// isScratch says whether a volume brings nothing along. A set has such a one so that its mount can stand without the app's,
// which is meant to prevail.
func isScratch(v *yaml.Node) bool {
	return !manifest.IsNull(manifest.Lookup(v, "emptyDir"))
}

// keptVolume tells that a set's volume is not injected, and warns where what the sidecar finds in its place is another.
func (c *collector) keptVolume(set *SidecarSet, name string, v, own *yaml.Node) {
	why := "the pod's own volume prevails"
	if own == nil {
		why = "the workload's volumeClaimTemplate prevails"
	}
	if v == nil {
		return
	}
	told := c.kept[[2]string{set.Metadata.Name, name}]
	if c.kept == nil {
		c.kept = map[[2]string]bool{}
	}
	c.kept[[2]string{set.Metadata.Name, name}] = true
	c.origin(volumesField, name, set, "spec.volumes, not injected", why)
	if isScratch(v) || told || own != nil && sameVolume(own, v) {
		return
	}
	c.report(manifest.SeverityWarning, own, "volume-conflict", specField+"."+volumesField+"["+name+"]", fmt.Sprintf(
		"SidecarSet %s has another volume of this name, and %s: its containers mount that one", set.Metadata.Name, why),
		"rename one of the two if that is not meant")
}
