// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/template"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/cmd/internal/command"
)

// The flags make the tests write what a release publishes; see make release.
var (
	releaseDir  = flag.String("release", "", "folder to write completions, man pages and, with -checksums, catalog manifests into")
	releaseSums = flag.String("checksums", "", "checksums.txt of a release")
)

// TestCompletionsAndManPages writes a completion for each shell and a page for each command.
func TestCompletionsAndManPages(t *testing.T) {
	dir := *releaseDir
	if dir == "" {
		dir = t.TempDir()
	}
	completions, pages := filepath.Join(dir, "completions"), filepath.Join(dir, "man")
	for _, folder := range []string{completions, pages} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for shell, file := range map[string]string{
		"bash": "slipway.bash", "zsh": "_slipway", "fish": "slipway.fish",
		"powershell": "slipway.ps1",
	} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), []string{"completion", shell}, strings.NewReader(""), &stdout, &stderr); code != 0 ||
			stdout.Len() == 0 {
			t.Fatalf("completion %s: exit code %d\n%s", shell, code, &stderr)
		}
		path := filepath.Join(completions, file)
		if err := os.WriteFile(path, stdout.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := exec.LookPath(shell); err == nil && (shell == "bash" || shell == "zsh") {
			if out, err := exec.Command(shell, "-n", path).CombinedOutput(); err != nil {
				t.Errorf("%s does not read its completion: %v\n%s", shell, err, out)
			}
		}
	}
	root := newRootCommand(command.Streams{In: strings.NewReader(""), Out: new(bytes.Buffer), Err: new(bytes.Buffer)})
	disableDates(root)
	if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "slipway", Manual: "slipway"}, pages); err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"slipway.1", "slipway-render.1", "slipway-argocd-generate.1"} {
		text, err := os.ReadFile(filepath.Join(pages, page))
		if err != nil || !bytes.Contains(text, []byte(".SH SYNOPSIS")) {
			t.Errorf("%s: %v\n%s", page, err, text)
		}
	}
}

// disableDates keeps the day on which a page was made out of it.
func disableDates(c *cobra.Command) {
	c.DisableAutoGenTag = true
	for _, sub := range c.Commands() {
		disableDates(sub)
	}
}

// platform is one archive of a release.
type platform struct{ OS, Arch, Bin, URL, SHA256 string }

// catalogEntry is what the template of the catalog manifests is given.
type catalogEntry struct {
	Description, Homepage, Version string
	Platforms                      []platform
}

const homepage = "https://github.com/slipway-dev/slipway"

// readSums finds the archives in the checksums of a release.
func readSums(t *testing.T, path string) catalogEntry {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	entry := catalogEntry{Description: "Inject sidecars into manifests, release CloneSets in batches", Homepage: homepage}
	archive := regexp.MustCompile(`(?m)^([0-9a-f]{64})  (slipway_(.+)_([a-z]+)_([a-z0-9]+)\.(?:tar\.gz|zip))$`)
	for _, m := range archive.FindAllStringSubmatch(string(text), -1) {
		p := platform{
			OS: m[4], Arch: m[5], Bin: "slipway", SHA256: m[1],
			URL: fmt.Sprintf("%s/releases/download/v%s/%s", homepage, m[3], m[2]),
		}
		if p.OS == "windows" {
			p.Bin += ".exe"
		}
		entry.Version = m[3]
		entry.Platforms = append(entry.Platforms, p)
	}
	return entry
}

// TestCatalogManifests renders the manifests for the plugin catalogs of Flux and krew from one template.
func TestCatalogManifests(t *testing.T) {
	const dir = "../../testdata/packages"
	templates, err := template.ParseFiles(filepath.Join(dir, "manifests.tmpl"))
	if err != nil {
		t.Fatal(err)
	}
	sample := readSums(t, filepath.Join(dir, "checksums.txt"))
	for _, name := range []string{"flux.yaml", "krew.yaml"} {
		render := func(entry catalogEntry) string {
			var b bytes.Buffer
			if err := templates.ExecuteTemplate(&b, name, entry); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
		golden, got := filepath.Join(dir, name), render(sample)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s is stale, run make golden (-file +template):\n%s", golden, diff)
		}
		if *releaseDir != "" && *releaseSums != "" {
			if err := os.WriteFile(filepath.Join(*releaseDir, name), []byte(render(readSums(t, *releaseSums))), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestCatalogsNameWhatIsReleased holds the sample that the manifests are made from against what goreleaser builds.
func TestCatalogsNameWhatIsReleased(t *testing.T) {
	var config struct {
		ProjectName string `json:"project_name"`
		Builds      []struct {
			Goos, Goarch, Flags, Ldflags, Gcflags []string
			Env                                   []string
			Main, Binary                          string
		}
		Archives []struct {
			NameTemplate    string `json:"name_template"`
			Formats         []string
			FormatOverrides []struct {
				Goos    string
				Formats []string
			} `json:"format_overrides"`
		}
	}
	text, err := os.ReadFile("../../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	build, archive := config.Builds[0], config.Archives[0]
	name := template.Must(template.New("").Parse(archive.NameTemplate))
	entry := readSums(t, "../../testdata/packages/checksums.txt")
	var want, got []string
	for _, p := range entry.Platforms {
		got = append(got, p.URL)
	}
	for _, goos := range []string{"darwin", "linux", "windows"} {
		for _, arch := range build.Goarch {
			var b strings.Builder
			if err := name.Execute(&b, map[string]string{
				"ProjectName": config.ProjectName, "Version": entry.Version, "Os": goos,
				"Arch": arch,
			}); err != nil {
				t.Fatal(err)
			}
			format := archive.Formats[0]
			for _, o := range archive.FormatOverrides {
				if o.Goos == goos {
					format = o.Formats[0]
				}
			}
			want = append(want, fmt.Sprintf("%s/releases/download/v%s/%s.%s", homepage, entry.Version, &b, format))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("archives (-goreleaser +catalogs):\n%s", diff)
	}
	if len(build.Goos) != 3 {
		t.Errorf("goreleaser builds for %v", build.Goos)
	}
	// The image, make build and goreleaser build one and the same binary.
	inlined, err := os.ReadFile("../../.ci/gcflags")
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for _, flag := range build.Gcflags {
		fmt.Fprintf(&lines, "-gcflags=%s\n", flag)
	}
	if diff := cmp.Diff(string(inlined), lines.String()); diff != "" {
		t.Errorf("gcflags (-.ci/gcflags +goreleaser):\n%s", diff)
	}
	for _, file := range []string{"../../Dockerfile", "../../Makefile"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		flags := fmt.Sprintf("build %s -ldflags %q `cat .ci/gcflags`",
			strings.Join(build.Flags, " "), strings.Join(build.Ldflags, " "))
		if !strings.Contains(string(text), flags) || !strings.Contains(string(text), build.Env[0]) {
			t.Errorf("%s does not build with %s %s as goreleaser does", file, build.Env[0], flags)
		}
	}
}
