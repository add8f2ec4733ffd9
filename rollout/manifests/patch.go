// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	strictjson "sigs.k8s.io/json"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Patch is a fragment of the Job of a release, merged into it as kubectl patch merges: what a cluster asks of every pod, such
// as tolerations or a priority class. What the release itself consists of it cannot change.
type Patch struct {
	text    []byte // as JSON; nil where there is none
	account string // its serviceAccountName
}

var _ manifest.Unmarshaler = (*Patch)(nil)

// ReadPatch reads a patch that is a file of its own. Where an agent stays it is for a Deployment, which shares with a Job only
// the metadata and the pod template.
func ReadPatch(file string, data []byte, stay bool) (Patch, []manifest.Finding) {
	var p Patch
	var doc yaml.Node
	d := &manifest.Decoder{Source: manifest.Source{File: file}}
	if err := yaml.Unmarshal(data, &doc); err != nil {
		d.ReportSyntax(badPatch, "", data, err)
		return p, d.Findings
	}
	if len(doc.Content) == 0 || manifest.IsNull(doc.Content[0]) {
		d.Report(nil, badPatch, "", "is empty", "write a fragment of a Job, such as spec: {template: {spec: {priorityClassName: "+
			"high}}}")
		return p, d.Findings
	}
	p.UnmarshalNode(doc.Content[0], d, "")
	if spec := manifest.Lookup(doc.Content[0], "spec"); stay && spec != nil {
		manifest.EachPair(spec, func(key, _ *yaml.Node) {
			if key.Value != "template" {
				d.Report(key, badPatch, "spec."+key.Value, "is a Job's, and an agent that stays is a Deployment",
					"patch metadata and spec.template alone")
			}
		})
	}
	return p, d.Findings
}

const badPatch = "bad-patch"

// UnmarshalNode reads a patch and refuses, each at its line, what no Job has and what a patch must not change.
func (p *Patch) UnmarshalNode(n *yaml.Node, d *manifest.Decoder, field string) {
	r := patchReader{d: d, field: field}
	if n.Kind != yaml.MappingNode {
		d.Mismatch(n, "a mapping: a fragment of a Job", field)
		return
	}
	before := len(d.Findings)
	defer func() {
		slices.SortStableFunc(d.Findings[before:], func(a, b manifest.Finding) int {
			return cmp.Compare(a.Source.Line, b.Source.Line)
		})
	}()
	r.refuse(n, nil)
	var tree object
	if err := manifest.Decode(n, &tree); err != nil {
		d.Report(n, badPatch, field, err.Error(), "")
		return
	}
	text, err := json.Marshal(tree)
	if err != nil {
		d.Report(n, badPatch, field, err.Error(), "")
		return
	}
	var job batchv1.Job
	r.strictly(n, text, &job)
	delete(tree, "apiVersion") // of what it is merged into
	delete(tree, "kind")
	if p.text, err = json.Marshal(tree); err != nil {
		d.Report(n, badPatch, field, err.Error(), "")
	}
	p.account = job.Spec.Template.Spec.ServiceAccountName
}

// patchReader reports what is wrong with a patch that stands in a field.
type patchReader struct {
	d     *manifest.Decoder
	field string
}

func (r patchReader) report(n *yaml.Node, path []string, message, hint string) {
	r.reportAs(badPatch, n, path, message, hint)
}

func (r patchReader) reportAs(code string, n *yaml.Node, path []string, message, hint string) {
	r.d.Report(n, code, strings.TrimPrefix(r.field+"."+strings.Join(path, "."), "."), message, hint)
}

// strictly decodes the patch as a Job, and reports unknown fields and wrong types.
func (r patchReader) strictly(root *yaml.Node, text []byte, job *batchv1.Job) {
	unknown, err := strictjson.UnmarshalStrict(text, job)
	for _, e := range unknown {
		_, path, _ := strings.Cut(e.Error(), `"`)
		keys := strings.Split(strings.TrimSuffix(path, `"`), ".")
		if !strings.HasPrefix(keys[len(keys)-1], "$") { // refused already
			r.reportAs("unknown-field", place(root, keys), keys, "a Job has no such field", "")
		}
	}
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		keys := strings.Split(wrong.Field, ".")
		r.reportAs("wrong-type", place(root, keys), keys, fmt.Sprintf("is a %s, must be %s", wrong.Value,
			kindWord(wrong.Type.String())), "")
	case err != nil:
		r.report(root, nil, strings.TrimPrefix(err.Error(), "json: "), "")
	}
}

// kindWord says in plain words what a Go type is.
func kindWord(goType string) string {
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case strings.HasPrefix(goType, "map[") || strings.Contains(goType, "v1."):
		return "a mapping"
	case strings.HasPrefix(goType, "int") || strings.HasPrefix(goType, "*int"):
		return "a whole number"
	case strings.HasSuffix(goType, "bool"):
		return "true or false"
	default:
		return "a string"
	}
}

// place finds the key of a path, or of as much of it as there is.
func place(n *yaml.Node, path []string) *yaml.Node {
	at := n
	for _, key := range path {
		name, index, listed := strings.Cut(key, "[")
		found := false
		for i := 0; n != nil && n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				at, n, found = n.Content[i], manifest.Resolve(n.Content[i+1]), true
				break
			}
		}
		if !found {
			return at
		}
		if i := 0; listed {
			if _, err := fmt.Sscanf(index, "%d]", &i); err == nil && n.Kind == yaml.SequenceNode && i < len(n.Content) {
				n = manifest.Resolve(n.Content[i])
			}
		}
	}
	return at
}

// kept are the fields of a Job that make the release what it is, and who sets them.
func kept() map[string]string {
	const depends = "the release depends on it: take it out of the patch"
	return map[string]string{
		"metadata.name":                    "the name follows from what is released: take it out of the patch",
		"metadata.generateName":            "the name follows from what is released: take it out of the patch",
		"metadata.namespace":               "the Job is in the namespace of its target: take it out of the patch",
		"spec.completions":                 depends,
		"spec.parallelism":                 "it follows from the plan: write parallel there",
		"spec.completionMode":              depends,
		"spec.selector":                    depends,
		"spec.manualSelector":              depends,
		"spec.successPolicy":               depends,
		"spec.backoffLimit":                depends,
		"spec.backoffLimitPerIndex":        depends,
		"spec.maxFailedIndexes":            depends,
		"spec.podFailurePolicy":            depends,
		"spec.podReplacementPolicy":        depends,
		"spec.template.spec.restartPolicy": depends,

		containerPath + ".image":   "it is set by --image, or release.image of the configuration",
		containerPath + ".args":    "arguments of slipway rollout run are flags, after -- or in release.flags of the configuration",
		containerPath + ".command": "the image starts slipway: take it out of the patch",
	}
}

const containerPath = "spec.template.spec.containers"

// refuse reports what in a part of the patch would change the release. Parts that hold such fields can be neither taken out
// nor replaced.
func (r patchReader) refuse(n *yaml.Node, path []string) {
	manifest.EachPair(n, func(key, value *yaml.Node) {
		at := append(path[:len(path):len(path)], key.Value)
		whole := strings.Join(at, ".")
		value = manifest.Resolve(value)
		switch {
		case strings.HasPrefix(key.Value, "$"):
			r.report(key, at, "a patch of a release only adds and replaces", "write null to take a field out")
		case kept()[whole] != "":
			r.report(key, at, "cannot be patched", kept()[whole])
		case whole == "apiVersion" && value.Value != "batch/v1" || whole == "kind" && value.Value != "Job":
			r.report(key, at, fmt.Sprintf("is %q, but what is patched is a Job of batch/v1", value.Value), "")
		case manifest.IsNull(value) && holdsKept(whole):
			r.report(key, at, "is null, and would take out what the release depends on", "take it out of the patch")
		case whole == containerPath:
			r.containers(value, at)
		case whole == "spec.template.spec.volumes":
			r.named(value, at, "name", ownVolume().MatchString)
		case value.Kind == yaml.MappingNode:
			r.refuse(value, at)
		}
	})
}

func holdsKept(path string) bool {
	for key := range kept() {
		if strings.HasPrefix(key, path+".") {
			return true
		}
	}
	return false
}

// containers lets a patch change the one container that there is.
func (r patchReader) containers(list *yaml.Node, path []string) {
	for _, c := range manifest.Items(list) {
		if name := manifest.Lookup(c, "name"); manifest.Text(name) != containerName {
			at := name
			if at == nil {
				at = c
			}
			r.report(at, append(path, "name"), fmt.Sprintf("is %q, but the Job has one container, %s", manifest.Text(name),
				containerName),
				"name the container to patch; a second one would keep the Job from ending: add it to initContainers with "+
					"restartPolicy: Always")
			continue
		}
		r.refuse(c, path)
		r.named(manifest.Lookup(c, "volumeMounts"), append(path, "volumeMounts"), "mountPath", func(s string) bool {
			return s == planPath || s == secretsPath || strings.HasPrefix(s, planPath+"/") || strings.HasPrefix(s, secretsPath+"/")
		})
	}
}

// ownVolume matches the names of volumes that slipway mounts.
func ownVolume() *regexp.Regexp { return regexp.MustCompile(`^(plan|secret-[0-9]+)$`) }

// named refuses the elements of a list that are slipway's own.
func (r patchReader) named(list *yaml.Node, path []string, key string, own func(string) bool) {
	for _, element := range manifest.Items(list) {
		if n := manifest.Lookup(element, key); own(manifest.Text(n)) {
			r.report(n, append(path, key), fmt.Sprintf("%s is slipway's own", manifest.Text(n)), "use another one")
		}
	}
}

// apply merges the patch into a Job.
func (p Patch) apply(job object) (object, error) {
	if p.text == nil {
		return job, nil
	}
	original, err := json.Marshal(job)
	if err != nil {
		return nil, fmt.Errorf("patching the Job: %w", err)
	}
	merged, err := strategicpatch.StrategicMergePatch(original, p.text, batchv1.Job{})
	if err != nil {
		return nil, fmt.Errorf("patching the Job: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(merged))
	d.UseNumber()
	var out object
	if err := d.Decode(&out); err != nil {
		return nil, fmt.Errorf("patching the Job: %w", err)
	}
	return out, nil
}
