// SPDX-License-Identifier: Apache-2.0

// Package release holds what a release is made of against goreleaser's own rules, and against what the archives' documents
// link to.
package release

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goreleaser/fileglob"
	"github.com/goreleaser/goreleaser/v2/pkg/config"
)

const repository = "../.."

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func configuration(t *testing.T) config.Project {
	t.Helper()
	p, err := config.Load(filepath.Join(repository, ".goreleaser.yaml")) // refuses what goreleaser does not know
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestConfiguration reads the configuration as goreleaser does, and looks at what it must not lose.
func TestConfiguration(t *testing.T) {
	p := configuration(t)
	if p.Version != 2 || len(p.Builds) != 1 || len(p.Archives) != 1 || len(p.SBOMs) != 1 || len(p.Signs) != 1 {
		t.Fatalf("version %d, %d builds, %d archives, %d SBOMs, %d signatures", p.Version, len(p.Builds), len(p.Archives),
			len(p.SBOMs), len(p.Signs))
	}
	// Each program that it runs is installed by the workflow, at a version.
	workflow := read(t, ".github/workflows/release.yaml")
	for _, program := range []string{"goreleaser", p.SBOMs[0].Cmd, p.Signs[0].Cmd} {
		if !regexp.MustCompile(`go install \S+/` + program + `(/v\d+)?@v\d+\.\d+\.\d+\n`).MatchString(workflow) {
			t.Errorf("the workflow does not install %s at a version", program)
		}
	}
	// It is the version whose rules are asked here.
	version := regexp.MustCompile(`goreleaser/goreleaser/v2 (v\S+)`).FindStringSubmatch(read(t, "testdata/release/go.mod"))
	if version == nil || !strings.Contains(workflow, "github.com/goreleaser/goreleaser/v2@"+version[1]+"\n") {
		t.Errorf("the workflow installs another goreleaser than %v", version)
	}
}

// TestReleaseIsPublishedLast holds that people see a release when all of it is there: goreleaser makes a draft, and what
// publishes it is the last command of the workflow.
func TestReleaseIsPublishedLast(t *testing.T) {
	if !configuration(t).Release.Draft {
		t.Error("goreleaser publishes a release before its image is built")
	}
	commands := regexp.MustCompile(`(?m)^ +(?:run|uses|- uses): (.+)$`).FindAllStringSubmatch(
		read(t, ".github/workflows/release.yaml"), -1)
	if last := commands[len(commands)-1][1]; last != `gh release edit "$VERSION" --draft=false` {
		t.Errorf("the last command of the workflow is %s", last)
	}
}

// archived are the files of an archive, as goreleaser finds them.
func archived(t *testing.T) map[string]bool {
	t.Helper()
	p := configuration(t)
	t.Chdir(repository)
	files := map[string]bool{}
	for _, f := range p.Archives[0].Files {
		if f.Destination != "" { // made by make release
			continue
		}
		found, err := fileglob.Glob(f.Source)
		if err != nil || len(found) == 0 {
			t.Errorf("%s: %d files, %v", f.Source, len(found), err)
		}
		for _, file := range found {
			for file = filepath.ToSlash(file); file != "."; file = path.Dir(file) { // folders, too
				files[file] = true
			}
		}
	}
	return files
}

var (
	link   = regexp.MustCompile(`\]\(([^)\s#]+)[^)]*\)`)
	fenced = regexp.MustCompile("(?s)```.*?```")
)

// TestArchivesHoldWhatTheyLinkTo follows the links of the README, and of the documents that it leads to, within an archive.
func TestArchivesHoldWhatTheyLinkTo(t *testing.T) {
	files := archived(t)
	seen := map[string]bool{}
	for todo := []string{"README.md"}; len(todo) > 0; todo = todo[1:] {
		from := todo[0]
		if seen[from] {
			continue
		}
		seen[from] = true
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(string(text), ""), -1) {
			to := path.Join(path.Dir(from), m[1])
			switch {
			case strings.Contains(m[1], "://"):
			case !files[to]:
				t.Errorf("%s links to %s, which is in no archive", from, to)
			case path.Ext(to) == ".md":
				todo = append(todo, to)
			}
		}
	}
	if len(seen) < 5 {
		t.Errorf("only %d documents were followed", len(seen))
	}
	for _, plugin := range []string{"testdata/examples/helm", "testdata/examples/argocd"} {
		if !files[plugin] {
			t.Errorf("no archive holds %s", plugin)
		}
	}
}

var pinned = regexp.MustCompile(`^\S+@sha256:[0-9a-f]{64}$`)

// TestImagesAreNamedByDigest looks at what the image is built with and on, and at where the examples name it.
func TestImagesAreNamedByDigest(t *testing.T) {
	found := 0
	for _, m := range regexp.MustCompile(`(?m)^ARG \w+_IMAGE=(\S+)$`).FindAllStringSubmatch(read(t, "Dockerfile"), -1) {
		if found++; m[1] != "scratch" && !pinned.MatchString(m[1]) {
			t.Errorf("the image %s of the Dockerfile has no digest", m[1])
		}
	}
	if found != 2 {
		t.Errorf("the Dockerfile names %d images", found)
	}
	examples := 0
	if err := filepath.WalkDir(filepath.Join(repository, "testdata/examples"),
		func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(file) != ".yaml" {
				return err
			}
			text, err := os.ReadFile(file)
			for _, m := range regexp.MustCompile(`(?m)^[ -]*image: (\S*\bslipway[:@]\S+)`).FindAllSubmatch(text, -1) {
				if examples++; !pinned.Match(m[1]) {
					t.Errorf("%s: the image %s has no digest", file, m[1])
				}
			}
			return err
		}); err != nil {
		t.Fatal(err)
	}
	if examples < 5 {
		t.Errorf("the examples name slipway's image %d times", examples)
	}
}

// placeholder stands for a digest in the examples: that of a release is known when it is there.
const placeholder = "@sha256:0123456789abcdef"

// TestPlaceholders holds that nobody deploys a placeholder unnoticed: it stands for an image of a registry that there is not, or
// its line says so, and the release has the file with its own image.
func TestPlaceholders(t *testing.T) {
	workflow := read(t, ".github/workflows/release.yaml")
	stamped := 0
	err := filepath.WalkDir(filepath.Join(repository, "testdata/examples"), func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		for line := range strings.Lines(string(text)) {
			if !strings.Contains(line, placeholder) || strings.Contains(line, "registry.example.com/") {
				continue
			}
			if stamped++; !strings.Contains(line, "# a placeholder: "+filepath.Base(file)+" of a release") {
				t.Errorf("%s does not say that the digest is a placeholder: %s", file, line)
			}
			checkStamp(t, workflow, file)
		}
		return err
	})
	if err != nil || stamped == 0 {
		t.Errorf("%d placeholders are replaced by a release, %v", stamped, err)
	}
}

// checkStamp runs what the workflow does to a file, as it stands there.
func checkStamp(t *testing.T, workflow, file string) {
	t.Helper()
	path := strings.TrimPrefix(filepath.ToSlash(file), repository+"/")
	command := regexp.MustCompile(`(?m)^ *(sed .* ` + regexp.QuoteMeta(path) + ` >release/` + filepath.Base(file) + `)$`).
		FindStringSubmatch(workflow)
	upload := regexp.MustCompile(`gh release upload .*release/` + filepath.Base(file) + ` `)
	if command == nil || !upload.MatchString(workflow) {
		t.Errorf("the release does not replace the placeholder of %s, or does not publish it", path)
		return
	}
	dir := t.TempDir()
	image := "ghcr.io/slipway-dev/slipway:v9.9.9@sha256:" + strings.Repeat("ab", 32)
	for name, text := range map[string]string{"image.txt": image + "\n", path: read(t, path), "release/x": ""} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("bash", "-c", command[1])
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "release", filepath.Base(file)))
	if err != nil || strings.Contains(string(text), placeholder) || strings.Count(string(text), "image: "+image+"\n") != 1 {
		t.Errorf("%s of a release, %v:\n%s", filepath.Base(file), err, text)
	}
}
