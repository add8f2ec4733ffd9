// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withArgoCD says whether the tests have Argo CD's own plugin server in place of the one that they play.
func withArgoCD() bool { return os.Getenv("SLIPWAY_ARGOCD") != "" }

// needArgoCD skips what only the real server can answer.
func needArgoCD(t *testing.T) {
	t.Helper()
	if !withArgoCD() {
		t.Skip("SLIPWAY_ARGOCD is not set: it builds Argo CD's plugin server, which takes minutes: make argocd")
	}
}

// question is what testdata/clients/argocd reads, and answers what it prints; it says what they mean.
type question struct {
	Config, Repository, Streamed, App string

	Build             []string
	Plugin            *ownPlugin
	Links, Parameters bool
}

// ownPlugin is what an application says about its plugin.
type ownPlugin struct {
	Name       string            `json:"name"`
	Env        []ownVariable     `json:"env,omitempty"`
	Parameters []json.RawMessage `json:"parameters,omitempty"`
}

type ownVariable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type answers struct {
	Manifests, Parameters []string

	Error string
}

// result is an answer in the terms of a plugin that is played: what Argo CD shows as an error is on stderr.
func (a answers) result() result {
	if a.Error != "" {
		return result{stderr: a.Error, code: 1}
	}
	return result{stdout: strings.Join(a.Manifests, "\n---\n")}
}

// asked asks the real server for the application's manifests, or for its parameters.
func (s *server) asked(parameters bool) answers {
	s.t.Helper()
	own, err := os.MkdirTemp("", "argocd-") // the path of a socket has to be short
	if err != nil {
		s.t.Fatal(err)
	}
	defer os.RemoveAll(own)
	text := readFile(s.t, filepath.Join(s.repo, "repo-server", "plugin.yaml"))
	write(s.t, own, "plugin.yaml", strings.ReplaceAll(text, "/slipway,", filepath.Join(bin, "slipway")+","), 0o644)
	text = s.question(own, parameters)
	cmd := exec.Command(filepath.Join(tool(s.t, "argocd", "argocd"), "argocd"))
	cmd.Stdin = strings.NewReader(text)
	cmd.Env = append(pairs(s.container()), "ARGOCD_PLUGINSOCKFILEPATH="+own, "ARGOCD_CMP_WORKDIR="+own)
	got := finish(s.t, cmd)
	var a answers
	if err := json.Unmarshal([]byte(got.stdout), &a); err != nil || got.code != 0 || got.stderr != "" {
		s.t.Fatalf("asking %s: exit %d, %v\n%s%s", text, got.code, err, got.stdout, got.stderr)
	}
	if left, err := filepath.Glob(filepath.Join(own, "_cmp_server", "*")); err != nil || len(left) > 0 {
		s.t.Errorf("the server leaves %v, %v", left, err)
	}
	return a
}

// question writes down what the repository server knows of the application.
func (s *server) question(config string, parameters bool) string {
	s.t.Helper()
	q := question{
		Config: config, Repository: s.repo, Streamed: filepath.Join(s.repo, s.streamed),
		App: filepath.Join(s.repo, s.app),
	}
	q.Links, q.Parameters = s.allowed, parameters
	for _, variable := range pairs(s.build) {
		if parameters && !strings.HasPrefix(variable, "ARGOCD_APP_NAME=") && !strings.HasPrefix(variable, "ARGOCD_APP_SOURCE_") {
			continue // it is only said for manifests
		}
		q.Build = append(q.Build, variable)
	}
	if s.params != "" || len(s.variable) > 0 {
		q.Plugin = &ownPlugin{Name: s.plugin.Metadata.Name}
	}
	for name, value := range s.variable {
		q.Plugin.Env = append(q.Plugin.Env, ownVariable{name, value})
	}
	if s.params != "" {
		if err := json.Unmarshal([]byte(s.params), &q.Plugin.Parameters); err != nil {
			s.t.Fatal(err)
		}
	}
	text, err := json.Marshal(q)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// TestArgoCDServer asks Argo CD's own server what the one that the other tests play cannot answer: which plugin is an
// application's, what arrives of a repository, and what a person reads in the end. Both render the same, or neither does.
func TestArgoCDServer(t *testing.T) {
	needArgoCD(t)
	const (
		app     = "apps/manifests"
		sets    = `[{"name": "sidecarsets", "array": ["../../sidecars"]}]`
		linked  = `[{"name": "sidecarsets", "array": ["more"]}]`
		escapes = "path escapes from parent"
	)
	outside := filepath.Dir(write(t, t.TempDir(), "secret.yaml", "kind: Secret\n", 0o644))
	tests := map[string]struct {
		app, params string
		streamed    string // where it is not the repository
		link        string // what apps/manifests/more is a link to
		allowed     bool   // links out of the repository are
		fails       string // with these words; "" where it renders
		unknown     bool   // the plugin does not get so far as to announce its parameters
	}{
		"the repository is streamed": {app: app, params: sets},
		"no SidecarSet is wanted":    {app: app, params: `[{"name": "sidecarsets", "array": []}]`},
		"the folder alone is streamed": {
			app: app, params: sets, streamed: app,
			fails: "../../sidecars: no such file or folder (Argo CD hands over only what the application's annotation",
		},
		"no parameter is set": {app: app, params: "null", fails: "exit status 1: error: no SidecarSet is known"},
		"no plugin is named":  {app: app, fails: "exit status 1: error: no SidecarSet is known"},
		"no slipway.yaml":     {app: "sidecars", unknown: true, fails: "could not find plugin supporting the given repository"},
		"no slipway.yaml for the plugin that is named": {
			app: "sidecars", params: sets, unknown: true,
			fails: `could not find cmp-server plugin with name "slipway" supporting the given repository`,
		},
		"a link within the repository": {app: app, params: linked, link: "../../sidecars"},
		"a link out of the repository": {
			app: app, params: linked, link: "../../../outside", unknown: true,
			fails: "out of bounds symlink found: apps/manifests/more",
		},
		"a link out of the repository, where they are allowed": {
			app: app, params: linked, link: "../../../outside", allowed: true, unknown: true, fails: escapes,
		},
		"a link out of what is streamed": {app: app, params: linked, link: "../../sidecars", streamed: app, fails: escapes},
		"an absolute link": {
			app: app, params: linked, link: outside, unknown: true, fails: "out of bounds symlink found: apps/manifests/more",
		},
		"an absolute link, where they are allowed": { // it is made one within the repository
			app: app, params: linked, link: outside, allowed: true,
			fails: `"sidecarsets" parameter: more: a link to ` + strings.TrimPrefix(outside, "/") + ", which is not there",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, test.app)
			s.params, s.allowed = test.params, test.allowed
			if test.streamed != "" {
				s.streamed = test.streamed
			}
			if test.link != "" {
				if err := os.Symlink(test.link, filepath.Join(s.repo, test.app, "more")); err != nil {
					t.Fatal(err)
				}
			}
			sameAsPlayed(t, s.played(), s.asked(false).result(), test.fails)
			want := []string{"source", "sidecarsets", "config"}
			if test.unknown {
				want = nil
			}
			announced := s.asked(true)
			slices.Sort(announced.Parameters)
			slices.Sort(want)
			if diff := cmp.Diff(want, announced.Parameters); diff != "" || (announced.Error != "") != test.unknown {
				t.Errorf("announced (-want +got):\n%s%s", diff, announced.Error)
			}
		})
	}
}

// sameAsPlayed compares what the real server answers with what the one that is played does: the same objects with the same
// sidecars, or words of failure and nothing.
func sameAsPlayed(t *testing.T, played, got result, fails string) {
	t.Helper()
	if (got.code != 0) != (fails != "") || (played.code != 0) != (fails != "") {
		t.Errorf("exit %d, played %d; it should fail with %q\n%s", got.code, played.code, fails, got.stderr)
	}
	contains(t, got.stderr, fails)
	if diff := cmp.Diff(names(t, played.stdout), names(t, got.stdout)); diff != "" {
		t.Errorf("objects (-played +real):\n%s", diff)
	}
	if diff := cmp.Diff(pods(t, played.stdout), pods(t, got.stdout)); diff != "" {
		t.Errorf("pods (-played +real):\n%s", diff)
	}
}
