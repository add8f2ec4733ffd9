// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// plugin is the configuration of a plugin in the schema of Argo CD 3.
type plugin struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   struct { // nothing but a name is read
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Version  string  `json:"version"`
		Init     command `json:"init"`
		Generate command `json:"generate"`
		Discover struct {
			FileName string `json:"fileName"`
			Find     struct {
				command
				Glob string `json:"glob"`
			} `json:"find"`
		} `json:"discover"`
		Parameters struct {
			Static  []announcement `json:"static"`
			Dynamic command        `json:"dynamic"`
		} `json:"parameters"`
		PreserveFileMode bool `json:"preserveFileMode"`
		ProvideGitCreds  bool `json:"provideGitCreds"`
	} `json:"spec"`
}

type command struct {
	Command []string `json:"command"`
	Args    []string `json:"args"`
}

type announcement struct {
	Name           string            `json:"name"`
	Title          string            `json:"title"`
	Tooltip        string            `json:"tooltip"`
	Required       bool              `json:"required"`
	ItemType       string            `json:"itemType"`
	CollectionType string            `json:"collectionType"`
	String         string            `json:"string"`
	Array          []string          `json:"array"`
	Map            map[string]string `json:"map"`
}

// server does what the plugin server of Argo CD does with one application. Where Argo CD is at hand, it hands that over to the
// real one: argocd_server_test.go.
type server struct {
	t        *testing.T
	plugin   plugin
	repo     string            // the checked out repository
	streamed string            // the folder of it that is sent to the plugin
	app      string            // the application's folder in it
	build    map[string]string // variables of the build
	env      map[string]string // of the container
	variable map[string]string // of the application
	params   string            // of the application, as JSON
	path     []string          // folders before PATH
	allowed  bool              // links out of the repository are
}

// newServer unpacks the example and reads the plugin's configuration, strictly.
func newServer(t *testing.T, app string) *server {
	t.Helper()
	repo, err := filepath.EvalSymlinks(example(t, "argocd"))
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, repo: repo, streamed: ".", app: app, variable: map[string]string{}}
	s.env = map[string]string{"TMPDIR": t.TempDir(), "HOME": t.TempDir()}
	s.build = map[string]string{
		"ARGOCD_APP_NAME": "shop", "ARGOCD_APP_NAMESPACE": "shop", "ARGOCD_APP_PROJECT_NAME": "default",
		"ARGOCD_APP_REVISION": "d32eacf6", "ARGOCD_APP_SOURCE_PATH": app,
		"ARGOCD_APP_SOURCE_REPO_URL":        "https://git.example.com/shop.git",
		"ARGOCD_APP_SOURCE_TARGET_REVISION": "main", "KUBE_VERSION": "1.36.3", "KUBE_API_VERSIONS": "v1,apps/v1,apps/v1/Deployment",
	}
	if err := yaml.UnmarshalStrict([]byte(readFile(t, filepath.Join(repo, "repo-server", "plugin.yaml"))), &s.plugin); err != nil {
		t.Fatal(err)
	}
	return s
}

// command prepares one of the plugin's commands: in the application's folder, in a process group of its own.
func (s *server) command(c command) *exec.Cmd {
	args := append(slices.Clone(c.Command), c.Args...)
	if args[0] != "/slipway" {
		s.t.Fatalf("the image has no %s", args[0])
	}
	cmd := exec.Command(filepath.Join(bin, "slipway"), args[1:]...)
	cmd.Dir = filepath.Join(s.repo, s.app)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	env := s.container()
	maps.Copy(env, s.build)
	for name, value := range s.variable {
		env["ARGOCD_ENV_"+name] = value
	}
	if s.params != "" {
		env["ARGOCD_APP_PARAMETERS"] = s.params
	}
	cmd.Env = pairs(env)
	return cmd
}

// container are the variables of the plugin's container.
func (s *server) container() map[string]string {
	env := map[string]string{"PATH": strings.Join(append(s.path, "/usr/bin", "/bin"), ":")}
	maps.Copy(env, s.env)
	return env
}

func pairs(env map[string]string) []string {
	var out []string
	for name, value := range env {
		out = append(out, name+"="+value)
	}
	return out
}

// generate renders the application, by the real server where there is one.
func (s *server) generate() result {
	s.t.Helper()
	if withArgoCD() {
		return s.asked(false).result()
	}
	return s.played()
}

// played renders the application as the server does.
func (s *server) played() result {
	s.t.Helper()
	cmd := s.command(s.plugin.Spec.Generate)
	if s.streamed == "." {
		return finish(s.t, cmd)
	}
	unpacked := filepath.Join(s.t.TempDir(), "d32eacf6")
	if err := os.CopyFS(unpacked, os.DirFS(filepath.Join(s.repo, s.streamed))); err != nil {
		s.t.Fatal(err)
	}
	below, err := filepath.Rel(s.streamed, s.app)
	if err != nil {
		s.t.Fatal(err)
	}
	cmd.Dir = filepath.Join(unpacked, below)
	return finish(s.t, cmd)
}

// left lists the files below the application and the temporary folder.
func (s *server) left() []string {
	s.t.Helper()
	var files []string
	for _, dir := range []string{s.repo, s.env["TMPDIR"]} {
		err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			files = append(files, path)
			return err
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return files
}

// parametersOf returns the plugin's parameters in an application of the example, as the server hands them over.
func (s *server) parametersOf(file string) string {
	s.t.Helper()
	type source struct {
		Path   string
		Plugin struct {
			Name       string
			Parameters json.RawMessage
		}
	}
	var application struct {
		Spec struct {
			Source         *source
			SourceHydrator struct{ DrySource *source }
		}
	}
	if err := yaml.Unmarshal([]byte(readFile(s.t, filepath.Join(s.repo, file))), &application); err != nil {
		s.t.Fatal(err)
	}
	from := application.Spec.Source
	if from == nil {
		from = application.Spec.SourceHydrator.DrySource
	}
	if from.Path != s.app || from.Plugin.Name != s.plugin.Metadata.Name {
		s.t.Errorf("%s is about %s with plugin %s, want %s with %s", file, from.Path, from.Plugin.Name, s.app, s.plugin.Metadata.Name)
	}
	return string(from.Plugin.Parameters)
}

func TestArgoCDGenerates(t *testing.T) {
	const sets = `[{"name": "sidecarsets", "array": ["../../sidecars"]}]`
	plain := map[string][]string{"Deployment/web": shopPods["Deployment/web"], "CronJob/report": {"report"}}
	tests := map[string]struct {
		app, params string
		application string // of the example, with the parameters
		helm        string
		want        map[string][]string
	}{
		"kustomization": {app: "apps/kustomization", params: sets, want: plain},
		"folder":        {app: "apps/manifests", params: sets, want: plain},
		"chart, Helm 3": {app: "apps/chart", application: "application.yaml", helm: "3", want: onlyWeb(chartPods)},
		"chart, Helm 4": {app: "apps/chart", application: "application.yaml", helm: "4", want: onlyWeb(chartPods)},
		"hydrator":      {app: "apps/chart", application: "hydrated.yaml", helm: "4", want: onlyWeb(chartPods)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, test.app)
			s.params = test.params
			if test.application != "" {
				s.params = s.parametersOf(test.application)
				s.path = []string{helm(t, test.helm)}
			}
			if found, err := filepath.Glob(filepath.Join(s.repo, s.app, s.plugin.Spec.Discover.FileName)); err != nil || len(found) == 0 {
				t.Errorf("discovery does not find the application: %v", err)
			}
			before := s.left()
			got := s.generate()
			if got.code != 0 || got.stderr != "" {
				t.Fatalf("exit %d, stderr:\n%s", got.code, got.stderr)
			}
			if diff := cmp.Diff(test.want, pods(t, got.stdout)); diff != "" {
				t.Errorf("pods differ (-want +got):\n%s", diff)
			}
			if strings.Contains(got.stdout, "SidecarInjector") || strings.Contains(got.stdout, "SidecarSet\n") {
				t.Errorf("configuration reaches the cluster:\n%s", got.stdout)
			}
			if o := parse(t, got.stdout)["Deployment/shop-web"]; strings.HasPrefix(test.app, "apps/chart") && o.Spec.Replicas != 5 {
				t.Errorf("the chart has %d replicas, want 5", o.Spec.Replicas)
			}
			if diff := cmp.Diff(before, s.left()); diff != "" {
				t.Errorf("files came or went:\n%s", diff)
			}
		})
	}
}

func onlyWeb(pods map[string][]string) map[string][]string {
	return map[string][]string{"Deployment/shop-web": pods["Deployment/shop-web"]}
}

// An application outside of Argo CD's own namespace is named with it, and a release cannot be.
func TestArgoCDReleaseName(t *testing.T) {
	s := newServer(t, "apps/chart")
	s.params = s.parametersOf("application.yaml")
	s.path = []string{helm(t, "4")}
	s.build["ARGOCD_APP_NAME"] = "team_shop"
	got := s.generate()
	if diff := cmp.Diff(onlyWeb(chartPods), pods(t, got.stdout)); diff != "" || got.code != 0 {
		t.Errorf("exit %d, pods differ (-want +got):\n%s%s", got.code, diff, got.stderr)
	}
}

// With manifest-generate-paths the server may stream those paths alone, from the folder that they have in common.
func TestArgoCDGeneratePaths(t *testing.T) {
	s := newServer(t, "apps/manifests")
	for _, file := range []string{"application.yaml", "hydrated.yaml"} {
		var application struct {
			Metadata struct{ Annotations map[string]string }
		}
		if err := yaml.Unmarshal([]byte(readFile(t, filepath.Join(s.repo, file))), &application); err != nil {
			t.Fatal(err)
		}
		if got := application.Metadata.Annotations["argocd.argoproj.io/manifest-generate-paths"]; got != ".;/sidecars" {
			t.Errorf("%s: a change to %q renders again; the application and its SidecarSets should", file, got)
		}
	}
	for name, test := range map[string]struct{ app, sets, streamed string }{
		"the repository":    {"apps/manifests", "../../sidecars", "."},
		"a folder of it":    {"apps/manifests", "../sidecars", "apps"},
		"no path in common": {"apps/manifests", "sidecars", "apps/manifests"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, test.app)
			if err := os.CopyFS(filepath.Join(s.repo, test.app, test.sets), os.DirFS("../examples/argocd/sidecars")); err != nil &&
				!os.IsExist(err) {
				t.Fatal(err)
			}
			s.params = fmt.Sprintf(`[{"name": "sidecarsets", "array": [%q]}]`, test.sets)
			s.streamed = test.streamed
			got := s.generate()
			if diff := cmp.Diff(shopPods["Deployment/web"], pods(t, got.stdout)["Deployment/web"]); diff != "" || got.code != 0 {
				t.Errorf("exit %d, pods differ (-want +got):\n%s%s", got.code, diff, got.stderr)
			}
		})
	}
}

// The application's parameters prevail over its variables, those over the container's; only the container's may point
// outside the repository.
func TestArgoCDParameterOrder(t *testing.T) {
	injected, not := shopPods["Deployment/web"], []string{"web"}
	outside := t.TempDir()
	if err := os.CopyFS(outside, os.DirFS("../examples/argocd/sidecars")); err != nil {
		t.Fatal(err)
	}
	const (
		param    = `[{"name": "sidecarsets", "array": ["../../sidecars"]}]`
		noParam  = `[{"name": "sidecarsets", "array": []}]`
		variable = "SLIPWAY_SIDECARSETS"
	)
	tests := map[string]struct {
		params                string
		variable, environment string
		want                  []string
		fails                 string
	}{
		"nothing": {fails: `no SidecarSet is known, so that nothing is injected (name the file or folder of ` +
			`the SidecarSets in the plugin's parameter "sidecarsets"`},
		"parameter":                     {params: param, want: injected},
		"variable":                      {variable: "../../sidecars", want: injected},
		"container":                     {environment: outside, want: injected},
		"empty parameter over variable": {params: noParam, variable: "../../sidecars", want: not},
		"parameter over container":      {params: param, environment: "/nothing", want: injected},
		"variable over container":       {variable: "../../sidecars", environment: "/nothing", want: injected},
		"variable outside": {variable: outside, fails: "ARGOCD_ENV_SLIPWAY_SIDECARSETS: " + outside +
			" is outside the repository"},
		"parameter outside": {
			params: `[{"name": "sidecarsets", "array": ["../../.."]}]`,
			fails:  `"sidecarsets" parameter: ../../.. is outside the repository`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, "apps/manifests")
			s.params = test.params
			if test.variable != "" {
				s.variable[variable] = test.variable
			}
			if test.environment != "" {
				s.env[variable] = test.environment
			}
			got := s.generate()
			if test.fails != "" {
				if got.code == 0 || got.stdout != "" {
					t.Errorf("exit %d, stdout %q, want a failure and nothing", got.code, got.stdout)
				}
				contains(t, got.stderr, test.fails)
				return
			}
			if diff := cmp.Diff(test.want, pods(t, got.stdout)["Deployment/web"]); diff != "" {
				t.Errorf("pods differ (-want +got):\n%s\n%s", diff, got.stderr)
			}
		})
	}
}

func TestArgoCDNamesBrokenParameters(t *testing.T) {
	tests := map[string]struct {
		params, variable, value string
		want                    string
	}{
		"JSON": {params: `[{"name":`, want: "ARGOCD_APP_PARAMETERS: unexpected end of JSON input"},
		"unknown": {
			params: `[{"name": "sidecarset", "array": ["x"]}]`,
			want:   `"sidecarset" parameter: not known; there are source, config, sidecarsets`,
		},
		"type": {params: `[{"name": "sidecarsets", "string": "x"}]`, want: `"sidecarsets" parameter: takes array, not string`},
		"value": {
			params: `[{"name": "source", "string": "helmfile"}]`,
			want:   `"source" parameter: "helmfile" is not one of helm, kustomize, directory`,
		},
		"variable": {variable: "SLIPWAY_SOURCE", value: "helmfile", want: `ARGOCD_ENV_SLIPWAY_SOURCE: "helmfile" is not one of`},
		"pairs":    {variable: "SLIPWAY_HELM_VALUES", value: "a=1,b", want: "ARGOCD_ENV_SLIPWAY_HELM_VALUES: part 2 is not key=value"},
		"no file": {
			params: `[{"name": "config", "string": "none.yaml"}]`,
			want:   `"config" parameter: none.yaml: no such file or folder`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.params != "" && !json.Valid([]byte(test.params)) && withArgoCD() {
				t.Skip("Argo CD writes the variable from an Application, whose parameters are JSON: only the server that is played can be " +
					"given less")
			}
			s := newServer(t, "apps/manifests")
			s.params = test.params
			if test.variable != "" {
				s.variable[test.variable] = test.value
			}
			got := s.generate()
			if got.code == 0 || got.stdout != "" {
				t.Errorf("exit %d, stdout %q, want a failure and nothing", got.code, got.stdout)
			}
			contains(t, got.stderr, test.want)
		})
	}
}

// Where an application prunes, printing nothing deletes it.
func TestArgoCDNeverPrintsNothing(t *testing.T) {
	tests := map[string]string{
		"SidecarSets alone": readFile(t, "../examples/argocd/sidecars/sidecarset.yaml"),
		"comments alone":    "# later\n---\n",
		"configuration":     "",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, "apps/manifests")
			write(t, filepath.Join(s.repo, s.app), "app.yaml", text, 0o644)
			got := s.generate()
			if got.code == 0 || got.stdout != "" {
				t.Errorf("exit %d, stdout %q, want a failure and nothing", got.code, got.stdout)
			}
			contains(t, got.stderr, "no object is left to deploy")
		})
	}
}

// fakeHelm is a helm of the test's own making.
func (s *server) fakeHelm(script string) {
	dir := s.t.TempDir()
	write(s.t, dir, "helm", "#!/bin/sh\n"+script, 0o755)
	s.path = []string{dir}
}

// Whatever a failure writes to stderr is shown in Argo CD's user interface.
func TestArgoCDErrorsAreShortAndWithoutSecrets(t *testing.T) {
	s := newServer(t, "apps/chart")
	s.variable["DB"] = "correct-horse"
	s.env["REGISTRY_TOKEN"] = "battery-staple"
	s.params = `[{"name": "helm-values", "map": {"password": "hunter-two"}}]`
	s.fakeHelm("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo \"line $i: correct-horse $REGISTRY_TOKEN hunter-two in " +
		"$PWD/templates $*\" >&2; done; exit 1\n")
	got := s.generate()
	if got.code == 0 || got.stdout != "" {
		t.Errorf("exit %d, stdout %q, want a failure and nothing", got.code, got.stdout)
	}
	contains(t, got.stderr, "helm template: line 1: *** *** *** in templates")
	for _, secret := range []string{"horse", "staple", "hunter", s.repo} {
		if strings.Contains(got.stderr, secret) {
			t.Errorf("%q is in:\n%s", secret, got.stderr)
		}
	}
	if n := strings.Count(got.stderr, "\n"); n > 10 || len(got.stderr) > 4500 {
		t.Errorf("%d lines, %d bytes:\n%s", n, len(got.stderr), got.stderr)
	}
}

// A timeout is TERM to the process group, and KILL five seconds later.
func TestArgoCDTimeoutLeavesNothing(t *testing.T) {
	for name, trap := range map[string]string{"helm ends": "", "helm does not": "trap '' TERM\n"} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, "apps/chart")
			pipes := t.TempDir()
			started, never := filepath.Join(pipes, "started"), filepath.Join(pipes, "never")
			for _, pipe := range []string{started, never} {
				if err := syscall.Mkfifo(pipe, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s.fakeHelm(trap + "echo 'kind: Half' ; echo > " + started + "\nread line < " + never + "\n")
			before := s.left()
			cmd := s.command(s.plugin.Spec.Generate)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			readFile(t, started) // waits until helm has come so far
			if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			killed := time.AfterFunc(5*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
			err := cmd.Wait()
			if !killed.Stop() || err == nil {
				t.Errorf("it had to be killed, or succeeded: %v", err)
			}
			// The signal reaches helm, too; whichever end comes first is the one that is told.
			if told := stderr.String(); stdout.Len() > 0 || told != "error: terminated signal received; nothing was written\n" &&
				told != "error: helm template: signal: terminated\n" {
				t.Errorf("stdout %q, stderr %q", &stdout, &stderr)
			}
			if diff := cmp.Diff(before, s.left()); diff != "" {
				t.Errorf("files came or went:\n%s", diff)
			}
			if err := syscall.Kill(-cmd.Process.Pid, 0); err != syscall.ESRCH {
				t.Errorf("a process of the group is left: %v", err)
			}
		})
	}
}

// What is announced is what is read, each parameter once, and a chart's values are its defaults.
func TestArgoCDAnnouncesParameters(t *testing.T) {
	for app, want := range map[string][]string{
		"apps/manifests": {"source", "sidecarsets", "config"},
		"apps/chart":     {"source", "sidecarsets", "config", "helm-release-name", "helm-values-files", "helm-values"},
	} {
		t.Run(app, func(t *testing.T) {
			s := newServer(t, app)
			got := finish(t, s.command(s.plugin.Spec.Parameters.Dynamic))
			var dynamic []announcement
			if err := json.Unmarshal([]byte(got.stdout), &dynamic); err != nil || got.code != 0 || got.stderr != "" {
				t.Fatalf("exit %d, %v\n%s%s", got.code, err, got.stdout, got.stderr)
			}
			var names []string
			for _, p := range append(s.plugin.Spec.Parameters.Static, dynamic...) {
				names = append(names, p.Name)
				if p.Name == "helm-values" {
					if diff := cmp.Diff(map[string]string{"image": "example/web:v1.4.2", "replicas": "3"}, p.Map); diff != "" {
						t.Errorf("values differ (-want +got):\n%s", diff)
					}
				}
			}
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("announced (-want +got):\n%s", diff)
			}
		})
	}
}

// repoServerText is the part of an Argo CD installation that the component builds on.
const repoServerText = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: argocd-repo-server
spec:
  template:
    spec:
      initContainers:
      - name: copyutil
        image: argocd:v1
        volumeMounts:
        - {name: var-files, mountPath: /var/run/argocd}
      containers:
      - name: argocd-repo-server
        image: argocd:v1
        volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: plugins, mountPath: /home/argocd/cmp-server/plugins}
      volumes:
      - {name: tmp, emptyDir: {}}
      - {name: var-files, emptyDir: {}}
      - {name: plugins, emptyDir: {}}
`

// The component adds a sidecar as Argo CD's documentation asks for it, to a real installation too where one is at hand.
func TestArgoCDRepoServerComponent(t *testing.T) {
	t.Run("its part of an installation", func(t *testing.T) { checkRepoServerComponent(t, repoServerText) })
	t.Run("a real installation", func(t *testing.T) {
		install, err := os.ReadFile("../../../shared/manifests/argo-cd-namespace-install.yaml")
		if err != nil {
			t.Skipf("the manifests of an Argo CD installation are needed: %v", err)
		}
		checkRepoServerComponent(t, string(install))
	})
}

// checkRepoServerComponent adds the example's component to the manifests of an installation.
func checkRepoServerComponent(t *testing.T, install string) {
	t.Helper()
	s := newServer(t, "apps/chart")
	write(t, s.repo, "install.yaml", install, 0o644)
	got := mustRun(t, s.repo, "build", ".")
	server := repoServer(t, got.stdout)
	sidecar := server.container("slipway")
	if diff := cmp.Diff([]string{"/var/run/argocd/argocd-cmp-server"}, sidecar.Command); diff != "" {
		t.Errorf("command (-want +got):\n%s", diff)
	}
	if u := sidecar.SecurityContext.RunAsUser; u == nil || *u != 999 || !sidecar.SecurityContext.RunAsNonRoot {
		t.Errorf("the plugin must run as user 999: %+v", sidecar.SecurityContext)
	}
	mounts, theirs := sidecar.mounts(), server.container("argocd-repo-server").mounts()
	for path, want := range map[string]string{
		"/var/run/argocd":                 "var-files",
		"/home/argocd/cmp-server/plugins": theirs["/home/argocd/cmp-server/plugins"],
	} {
		if mounts[path] != want || want == "" {
			t.Errorf("%s is volume %q, want %q", path, mounts[path], want)
		}
	}
	if mounts["/tmp"] == "" || mounts["/tmp"] == theirs["/tmp"] {
		t.Errorf("/tmp must be a volume of its own, not %q", mounts["/tmp"])
	}
	var volumes []string
	for _, v := range server.Volumes {
		volumes = append(volumes, v.Name)
	}
	for path, volume := range mounts {
		if !slices.Contains(volumes, volume) {
			t.Errorf("%s: there is no volume %s", path, volume)
		}
	}
	if !strings.Contains(got.stdout, "        kubectl.kubernetes.io/default-container: argocd-repo-server\n") {
		t.Error("kubectl logs takes the plugin's container, which stands first")
	}
	i := slices.IndexFunc(server.InitContainers, func(c container) bool { return c.Name == "slipway-helm" })
	if i < 0 || server.InitContainers[i].Image != server.container("argocd-repo-server").Image {
		t.Error("helm does not come from the image of the repository server")
	}
}

// repoServerSpec is the pod of the repository server, as far as the test looks at it.
type repoServerSpec struct {
	t                          *testing.T
	Containers, InitContainers []container
	Volumes                    []struct{ Name string }
}

type container struct {
	Name, Image     string
	Command         []string
	SecurityContext struct {
		RunAsUser    *int64
		RunAsNonRoot bool
	}
	VolumeMounts []struct{ Name, MountPath string }
}

func (c container) mounts() map[string]string {
	mounts := map[string]string{}
	for _, m := range c.VolumeMounts {
		mounts[m.MountPath] = m.Name
	}
	return mounts
}

func (s repoServerSpec) container(name string) container {
	s.t.Helper()
	i := slices.IndexFunc(s.Containers, func(c container) bool { return c.Name == name })
	if i < 0 {
		s.t.Fatalf("there is no container %s", name)
	}
	return s.Containers[i]
}

func repoServer(t *testing.T, stream string) repoServerSpec {
	t.Helper()
	for doc := range strings.SplitSeq("\n"+stream, "\n---\n") {
		var o struct {
			Kind     string
			Metadata struct{ Name string }
			Spec     struct{ Template struct{ Spec repoServerSpec } }
		}
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			t.Fatal(err)
		}
		if o.Kind == "Deployment" && o.Metadata.Name == "argocd-repo-server" {
			o.Spec.Template.Spec.t = t
			return o.Spec.Template.Spec
		}
	}
	t.Fatal("there is no Deployment argocd-repo-server")
	return repoServerSpec{}
}

// Without a plugin: kustomize with the options that the example sets, started from another folder as Argo CD does.
func TestArgoCDBuildOptions(t *testing.T) {
	dir := example(t, "argocd-build-options")
	var settings struct{ Data map[string]string }
	if err := yaml.Unmarshal([]byte(readFile(t, filepath.Join(dir, "argocd-cm.yaml"))), &settings); err != nil {
		t.Fatal(err)
	}
	replaceIn(t, dir, "sidecarset.yaml", "/usr/local/bin/slipway", filepath.Join(bin, "slipway"))
	got := mustRun(t, t.TempDir(), append([]string{"build", dir}, strings.Fields(settings.Data["kustomize.buildOptions"])...)...)
	if diff := cmp.Diff(shopPods, pods(t, got.stdout)); diff != "" {
		t.Errorf("pods differ (-want +got):\n%s", diff)
	}
}
