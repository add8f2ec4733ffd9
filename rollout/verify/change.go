// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// probeChange says what becomes of the old pods, and why.
func probeChange(s *snapshot) []Finding {
	switch {
	case s.toReplace() == 0 && len(s.own) >= s.bounds.Replicas:
		return one(codeNothing, s.target(), fmt.Sprintf("nothing will change: %d of %d pods run the pod template already, and the "+
			"release asks for %d", len(s.own)-len(s.old), len(s.own), s.targets[len(s.targets)-1]), "")
	case s.previous == nil:
		return nil // only new pods, or pods of a revision that nobody knows
	case !s.change.InPlace && s.set.Spec.UpdateType == plan.InPlaceOnly:
		return one(codeInPlaceRefused, s.target(),
			fmt.Sprintf("the release stops before its first pod (exit code 10): InPlaceOnly, but %s can only change in a new pod",
				strings.Join(s.change.Blockers, ", ")),
			"use InPlaceIfPossible or ReCreate, or leave these fields as they are")
	}
	what := fmt.Sprintf("%d old pods are %s", len(s.old), s.set.ChangeSummary(s.change))
	if s.inPlace() {
		return one(codeInPlace, s.target(), what, "")
	}
	remedy := ""
	if s.change.InPlace && s.at.Kind.Group() == kube.KruiseGroup {
		remedy = "images, cpu and memory, and metadata alone can change in place: set the type to InPlaceIfPossible to keep pods, " +
			"addresses and volumes"
	}
	return one(codeRecreated, s.target(), what, remedy)
}

// probePassed finds a partition in the manifest that the plan goes beyond. One that a release has set is none.
func probePassed(s *snapshot) []Finding {
	if said := s.options.Plan.PartitionWarning(s.set); said != "" && s.record == nil {
		return one(codePartitionPassed, s.target(), said, "")
	}
	return nil
}

// probeLaunch finds containers that are to start one after another.
func probeLaunch(s *snapshot) []Finding {
	if said := s.options.Plan.LaunchWarning(s.set); said != "" {
		return one(codeLaunchPriority, s.target(), said, "let the containers wait for each other, as a sidecar among the init "+
			"containers does, or release in partition mode")
	}
	return nil
}

// probeUnknown names the fields that a later Kruise may have and this slipway has not.
func probeUnknown(s *snapshot) []Finding {
	if said := s.options.Plan.UnknownWarning(s.set); said != "" {
		return one(codeUnknown, s.target(), said, "look whether the release needs it, and whether a newer slipway knows it")
	}
	return nil
}

// probeClaims says what a change of volumeClaimTemplates does, and what it does not.
func probeClaims(s *snapshot) []Finding {
	if s.claims == "" {
		return nil
	}
	return one(codeClaims, s.target(), s.claims, "change the PersistentVolumeClaims themselves, such as their size, where the "+
		"pods that stay need it")
}

// probeImages finds containers whose new image is the one that runs already under another name: they restart for nothing,
// and an in-place update that waits for another image id may wait for ever.
func probeImages(s *snapshot) []Finding {
	if s.previous == nil {
		return nil
	}
	var out []Finding
	for _, c := range s.pod.Spec.Containers {
		i := slices.IndexFunc(s.previous.Spec.Containers, func(o corev1.Container) bool { return o.Name == c.Name })
		if i < 0 || s.previous.Spec.Containers[i].Image == c.Image {
			continue
		}
		digest := s.digestOf(c.Image)
		same := 0
		for _, p := range s.old {
			if digest != "" && runs(p, c.Name) == digest {
				same++
			}
		}
		if same > 0 {
			out = append(out, newFinding(codeSameImage, s.target(),
				fmt.Sprintf("container %s goes from %s to %s, which is the image that runs already (%s) in %d of %d old pods: they "+
					"restart and run the same bytes",
					c.Name, s.previous.Spec.Containers[i].Image, c.Image, digest, same, len(s.old)),
				"nothing has been built anew: check the tag, or leave the image as it is"))
		}
	}
	return out
}

// digestOf is the digest behind the name of an image, as far as the cluster knows it: from the name itself, from pods that
// run it, or from nodes that have pulled it.
func (s *snapshot) digestOf(image string) string {
	if _, digest, ok := strings.Cut(image, "@"); ok {
		return digest
	}
	full := manifest.FullImage(image)
	for _, p := range s.own {
		for _, c := range p.Spec.Containers {
			if manifest.FullImage(c.Image) == full && runs(p, c.Name) != "" && imageNow(p, c.Name) == full {
				return runs(p, c.Name)
			}
		}
	}
	for _, n := range s.nodes {
		if digest := n.images[full]; digest != "" {
			return digest
		}
	}
	return ""
}

// runs is the digest that a pod's container runs, "" where that is not known.
func runs(p corev1.Pod, container string) string {
	for _, c := range p.Status.ContainerStatuses {
		if _, digest, ok := strings.Cut(c.ImageID, "@"); ok && c.Name == container {
			return digest
		}
	}
	return ""
}

// imageNow is the image that a pod's container has started with.
func imageNow(p corev1.Pod, container string) string {
	for _, c := range p.Status.ContainerStatuses {
		if c.Name == container {
			return manifest.FullImage(c.Image)
		}
	}
	return ""
}

// probeDeadline compares the deadline of each batch with the time that minReadySeconds takes at least.
func probeDeadline(s *snapshot) []Finding {
	before := len(s.own) - len(s.old)
	for i, target := range s.targets {
		pods := target - before
		before = max(before, target)
		if pods <= 0 {
			continue
		}
		together := max(s.bounds.MaxSurge+s.bounds.MaxUnavailable, 1)
		rounds := (pods + together - 1) / together
		least := time.Duration(rounds) * s.set.Spec.MinReady
		if limit := s.options.Plan.Limit(s.set.Spec, s.bounds, pods); least >= limit {
			return one(codeDeadline, s.target(),
				fmt.Sprintf("batch %d of %d cannot be ready in time: %d pods, %d at a time, are %d rounds of minReadySeconds %v, which is "+
					"%v, and the deadline is %v: the release stops there (exit code 11)",
					i+1, len(s.targets), pods, together, rounds, s.set.Spec.MinReady, least, limit),
				fmt.Sprintf("set progressDeadline to more than %v, raise maxSurge or maxUnavailable, or make the batch smaller", least))
		}
	}
	return nil
}

// probePaused tells that nothing moves.
func probePaused(s *snapshot) []Finding {
	if !s.set.Spec.Paused {
		return nil
	}
	return one(codePaused, s.target(), "the release begins and then waits: updateStrategy.paused is true, and no pod is written "+
		"while it is", "set updateStrategy.paused to false")
}
