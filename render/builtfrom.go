// SPDX-License-Identifier: Apache-2.0

package render

import (
	"path/filepath"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render/yamltext"
)

// readFiles is a file system that remembers, in order, what was read of it. A build keeps no record of the file that an
// object comes from, and the lines of what it makes are in no file that a person could open.
type readFiles struct {
	filesys.FileSystem
	paths []string
}

// ReadFile remembers the path.
func (r *readFiles) ReadFile(path string) ([]byte, error) {
	r.paths = append(r.paths, path)
	return r.FileSystem.ReadFile(path)
}

// builtFrom tells where the objects of a built kustomization were written.
type builtFrom struct {
	dir     string // as the user named it
	files   *readFiles
	objects []manifest.ObjectRef // by document
	written func() []writtenObject
}

// writtenObject is an object of a file that a build has read.
type writtenObject struct {
	ref    manifest.ObjectRef
	source manifest.Source
}

func newBuiltFrom(dir string, files *readFiles, built resmap.ResMap) *builtFrom {
	o := &builtFrom{dir: dir, files: files}
	for _, r := range built.Resources() {
		o.objects = append(o.objects, manifest.ObjectRef{APIVersion: r.GetApiVersion(), Kind: r.GetKind(), Name: r.GetName()})
	}
	o.written = sync.OnceValue(o.read)
	return o
}

// source is where the object of document i starts. A build may have put something before its name and behind it. What no
// file has, such as a generated object, is somewhere in the kustomization.
func (o *builtFrom) source(i int) manifest.Source {
	best, found := manifest.Source{File: o.dir, Doc: i + 1, Line: manifest.NoLine}, ""
	if i >= len(o.objects) {
		return best
	}
	for _, w := range o.written() {
		built := o.objects[i]
		if w.ref.Kind == built.Kind && w.ref.APIVersion == built.APIVersion && len(w.ref.Name) > len(found) &&
			strings.Contains(built.Name, w.ref.Name) {
			best, found = w.source, w.ref.Name
		}
	}
	return best
}

// read lists the objects of all files, in the order of reading: a resource comes before a patch of it.
func (o *builtFrom) read() []writtenObject {
	root, err := filepath.EvalSymlinks(o.dir)
	if err != nil {
		return nil
	}
	if root, err = filepath.Abs(root); err != nil {
		return nil
	}
	var out []writtenObject
	for _, path := range o.files.paths {
		text, err := o.files.FileSystem.ReadFile(path)
		if err != nil || isToolFile(path) {
			continue // a clone of a remote kustomization is gone by now
		}
		if short, err := filepath.Rel(root, path); err == nil {
			path = filepath.Join(o.dir, short)
		}
		out = append(out, objectsIn(path, text)...)
	}
	return out
}

func objectsIn(file string, text []byte) []writtenObject {
	var out []writtenObject
	add := func(object *yaml.Node, line int) {
		if object.Kind == yaml.MappingNode {
			source := manifest.Source{File: file, Line: line + object.Line - 1}
			out = append(out, writtenObject{manifest.RefOf(object), source})
		}
	}
	splitter := yamltext.NewTextSplitter(text)
	for d, err := splitter.Read(); err == nil; d, err = splitter.Read() {
		root, err := yamltext.Parse(d.Bytes)
		if err != nil || root == nil {
			continue
		}
		object := manifest.Root(root)
		add(object, d.Line)
		for _, item := range manifest.Items(manifest.Lookup(object, "items")) {
			add(item, d.Line)
		}
	}
	return out
}
