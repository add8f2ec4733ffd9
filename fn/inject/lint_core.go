// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// typeReader reads Kubernetes types strictly.
type typeReader struct {
	*reporter
	safe bool // a field that can only be a typing mistake is an error
}

// read reads a Kubernetes type from a node by its json tags and reports what the API server would refuse: values of a
// wrong type, quantities and words that are none, required fields that are missing. A field that the type does not
// have is a warning, because a newer Kubernetes may have it, and injection passes it through; one that only differs by a
// typing mistake from a field that it has is an error.
func (l *typeReader) read(at spot, v reflect.Value) {
	if manifest.IsNull(at.node) {
		return
	}
	n := manifest.Resolve(at.node)
	at.node, at.near = n, n
	switch into := v.Addr().Interface().(type) {
	case *resource.Quantity:
		l.readQuantity(at, into)
		return
	case *intstr.IntOrString:
		l.readIntOrString(at, into)
		return
	case json.Unmarshaler:
		return // times and the like, which no container or volume that a person writes has
	}
	switch v.Kind() { //nolint:exhaustive // the kinds that containers and volumes are made of
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		l.read(at, v.Elem())
	case reflect.Struct:
		l.readStruct(at, v)
	case reflect.Map:
		l.readMap(at, v)
	case reflect.Slice:
		l.readList(at, v)
	case reflect.Int32, reflect.Int64:
		l.readInt(at, v)
	case reflect.String, reflect.Bool:
		l.readScalar(at, v)
	}
}

func (l *typeReader) mismatch(at spot, want string) {
	l.report(manifest.SeverityError, at, "wrong-type", "is "+manifest.Describe(at.near)+", must be "+want, manifest.Advice(at.near))
}

func (l *typeReader) readQuantity(at spot, q *resource.Quantity) {
	if at.node.Kind != yaml.ScalarNode {
		l.mismatch(at, "a quantity such as 100m or 64Mi")
		return
	}
	_, text := manifest.Scalar(at.node)
	parsed, err := resource.ParseQuantity(text)
	if err != nil {
		l.report(manifest.SeverityError, at, "bad-quantity", "is "+manifest.Describe(at.node)+
			", must be a quantity such as 100m or 64Mi", "")
		return
	}
	*q = parsed
}

func (l *typeReader) readIntOrString(at spot, v *intstr.IntOrString) {
	tag, text := manifest.Scalar(at.node)
	switch i, err := strconv.ParseInt(text, 10, 32); {
	case at.node.Kind == yaml.ScalarNode && tag == yaml.NodeTagString:
		*v = intstr.FromString(text)
	case at.node.Kind == yaml.ScalarNode && tag == yaml.NodeTagInt && err == nil:
		*v = intstr.FromInt32(int32(i)) // within range: parsed as 32 bits
	default:
		l.mismatch(at, "a number or a name")
	}
}

// readInt reads a whole number in any of YAML's bases: a file's mode is written in octal.
func (l *typeReader) readInt(at spot, v reflect.Value) {
	tag, text := manifest.Scalar(at.node)
	i, err := strconv.ParseInt(text, 10, 64)
	if err != nil || at.node.Kind != yaml.ScalarNode || tag != yaml.NodeTagInt || v.OverflowInt(i) {
		l.mismatch(at, "a whole number")
		return
	}
	v.SetInt(i)
}

func (l *typeReader) readScalar(at spot, v reflect.Value) {
	d := &manifest.Decoder{}
	d.Value(at.node, v, at.field)
	for _, f := range d.Findings {
		l.report(manifest.SeverityError, at, "wrong-type", f.Message, f.Hint)
	}
	if v.Kind() == reflect.String && len(d.Findings) == 0 {
		l.oneOf(manifest.SeverityError, at, v.String(), wordsOf(v.Type())...)
	}
}

func (l *typeReader) readList(at spot, v reflect.Value) {
	if at.node.Kind != yaml.SequenceNode {
		l.mismatch(at, "a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(at.node.Content), len(at.node.Content)))
	for i := range at.node.Content {
		element := at.index(i)
		if v.Type().Elem().Kind() == reflect.Struct && manifest.IsNull(element.node) {
			l.mismatch(element, "a mapping")
			continue
		}
		l.read(element, v.Index(i))
	}
}

func (l *typeReader) readMap(at spot, v reflect.Value) {
	if at.node.Kind != yaml.MappingNode {
		l.mismatch(at, "a mapping")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, p := range pairs(at.node) {
		e := reflect.New(v.Type().Elem()).Elem()
		l.read(at.step(at.field+"["+manifest.Key(p.key)+"]", p.value), e)
		v.SetMapIndex(reflect.ValueOf(manifest.Key(p.key)).Convert(v.Type().Key()), e)
	}
}

func (l *typeReader) readStruct(at spot, v reflect.Value) {
	if at.node.Kind != yaml.MappingNode {
		l.mismatch(at, "a mapping")
		return
	}
	fields := manifest.FieldsOf(v.Type())
	present := map[string]bool{}
	for _, p := range pairs(at.node) {
		f, ok := fields.In(v, p.key.Value)
		field := at.field + "." + p.key.Value
		if !ok {
			l.unknownField(at.step(field, p.key), v.Type(), fields)
			continue
		}
		value := at.step(field, p.value)
		l.read(value, f)
		text := f.Kind() == reflect.String && manifest.Text(p.value) == ""
		present[p.key.Value] = !manifest.IsNull(p.value) && (!text || manifest.Resolve(p.value).Kind != yaml.ScalarNode)
	}
	for _, name := range requiredFields(v.Type()) {
		if !present[name] {
			l.report(manifest.SeverityError, at.key(name), "missing-field", "is required", "")
		}
	}
}

// pair is a key of a mapping with its value.
type pair struct{ key, value *yaml.Node }

// pairs lists what a mapping holds, its merge keys included: of each key what prevails.
func pairs(n *yaml.Node) []pair {
	var out []pair
	seen := map[string]bool{}
	manifest.EachPair(n, func(key, value *yaml.Node) {
		if name := manifest.Key(key); !seen[name] {
			seen[name] = true
			out = append(out, pair{key, value})
		}
	})
	return out
}

// isTypo says whether a name is so near to another that no newer Kubernetes would give it a meaning of its own.
func isTypo(name, near string) bool {
	return manifest.Distance(strings.ToLower(name), strings.ToLower(near), 3) < 3
}

func (l *typeReader) unknownField(at spot, t reflect.Type, fields *manifest.StructFields) {
	names := fields.Names()
	if t == reflect.TypeFor[corev1.Container]() {
		names = append(names, manifest.FieldsOf(reflect.TypeFor[Sidecar]()).Names()...)
	}
	severity, hint := manifest.SeverityWarning, "a newer Kubernetes may know it: it is injected as it stands"
	if near := manifest.Nearest(at.node.Value, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
		if isTypo(at.node.Value, near) && l.safe {
			severity = manifest.SeverityError
		}
	}
	l.report(severity, at, "unknown-pod-field", fmt.Sprintf("%s has no field %q", t.Name(), at.node.Value), hint)
}

// requiredFields are the strings that a type declares without omitempty, and the numbers that must be set.
// The names of containers are left to the parser; a header's value may be empty.
func requiredFields(t reflect.Type) []string {
	if t == reflect.TypeFor[corev1.Container]() || t == reflect.TypeFor[corev1.HTTPHeader]() {
		return nil
	}
	var out []string
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		kind := t.Field(i).Type.Kind()
		number := name == "port" || name == "containerPort"
		if name != "" && !strings.Contains(options, "omitempty") && !strings.Contains(options, "inline") &&
			(kind == reflect.String || number) {
			out = append(out, name)
		}
	}
	return out
}

// wordsOf lists the values of the string types that have a closed set of them.
func wordsOf(t reflect.Type) []string {
	switch t {
	case reflect.TypeFor[corev1.PullPolicy]():
		return []string{"Always", "IfNotPresent", "Never"}
	case reflect.TypeFor[corev1.Protocol]():
		return []string{"TCP", "UDP", "SCTP"}
	case reflect.TypeFor[corev1.TerminationMessagePolicy]():
		return []string{"File", "FallbackToLogsOnError"}
	case reflect.TypeFor[corev1.ContainerRestartPolicy]():
		return []string{"Always", "OnFailure", "Never"}
	case reflect.TypeFor[corev1.MountPropagationMode]():
		return []string{"None", "HostToContainer", "Bidirectional"}
	case reflect.TypeFor[corev1.RecursiveReadOnlyMode]():
		return []string{"Disabled", "IfPossible", "Enabled"}
	case reflect.TypeFor[corev1.HostPathType]():
		return []string{"DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"}
	case reflect.TypeFor[corev1.URIScheme]():
		return []string{"HTTP", "HTTPS"}
	case reflect.TypeFor[corev1.SeccompProfileType](), reflect.TypeFor[corev1.AppArmorProfileType]():
		return []string{"RuntimeDefault", "Localhost", "Unconfined"}
	case reflect.TypeFor[corev1.ProcMountType]():
		return []string{"Default", "Unmasked"}
	case reflect.TypeFor[corev1.ResourceResizeRestartPolicy]():
		return []string{"NotRequired", "RestartContainer"}
	case reflect.TypeFor[corev1.PersistentVolumeAccessMode]():
		return []string{"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"}
	case reflect.TypeFor[corev1.PersistentVolumeMode]():
		return []string{"Filesystem", "Block"}
	}
	return nil
}

// withoutFields is a mapping without the fields that somebody else has checked.
func withoutFields(n *yaml.Node, drop func(key string, value *yaml.Node) bool) *yaml.Node {
	out := *manifest.Resolve(n)
	out.Content = nil
	for _, p := range pairs(n) {
		if !drop(p.key.Value, p.value) {
			out.Content = append(out.Content, p.key, p.value)
		}
	}
	return &out
}

// parserChecked says whether a field of a container has a wrong type that the parser has reported.
func parserChecked(key string, value *yaml.Node) bool {
	lists := []string{envField, volumeMountsField, devicesField, "ports", "args", "command", "envFrom"}
	return slices.Contains(lists, key) && !manifest.IsNull(value) && manifest.Resolve(value).Kind != yaml.SequenceNode
}
