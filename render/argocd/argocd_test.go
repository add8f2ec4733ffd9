// SPDX-License-Identifier: Apache-2.0

package argocd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render"
	"github.com/slipway-dev/slipway/render/argocd"
)

const (
	set = `apiVersion: apps.kruise.io/v1alpha1
kind: SidecarSet
metadata: {name: logs}
spec:
  selector: {matchLabels: {app: web}}
  containers: [{name: tail, image: tail:v1}]
`
	web      = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {app: web}}\nspec: {containers: [{name: app, image: app:v1}]}\n"
	injected = "apiVersion: v1\nkind: Pod\n" +
		`metadata: {name: web, annotations: {slipway.dev/injected: '{"sets":{"logs":{"containers":["tail"]}}}'}, labels: {app: web}}` +
		"\nspec: {containers: [{name: app, image: app:v1}, {name: tail, image: tail:v1, env: [{name: IS_INJECTED, value: \"true\"}]}]}\n"
)

// application writes a repository, and goes into the folder app of it, as Argo CD does for an application there.
func application(t *testing.T, files map[string]string) {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(root, "app"))
}

// generated is what the plugin prints for the application in the working folder.
func generated(t *testing.T, environ []string) (string, error) {
	t.Helper()
	app, err := argocd.Open(environ)
	if err != nil {
		return "", err
	}
	in, err := app.Input(t.Context())
	if err != nil {
		return "", err
	}
	var out strings.Builder
	req := render.Request{Paths: in.Paths, Stdin: in.Manifests, SetPaths: in.SetPaths, Options: inject.DefaultOptions()}
	outcome, err := app.Render(t.Context(), in, req, &out)
	if err == nil && outcome.Failed() {
		for _, f := range outcome.Findings {
			if f.Severity == manifest.SeverityError {
				return "", f
			}
		}
	}
	return out.String(), err
}

// TestGenerate renders applications.
func TestGenerate(t *testing.T) {
	for name, c := range map[string]struct {
		reason  string
		files   map[string]string // of the repository; the application is in app
		environ []string
		want    string
		err     string // the end of it
	}{
		"a folder": {
			reason: "its sets are injected and not deployed", files: map[string]string{"app/web.yaml": web, "app/set.yaml": set}, want: injected,
		},
		"sets by a parameter": {
			reason: "they may be elsewhere in the repository", files: map[string]string{"app/web.yaml": web, "sets/set.yaml": set},
			environ: []string{
				"ARGOCD_APP_SOURCE_PATH=app", `ARGOCD_APP_PARAMETERS=[{"name":"sidecarsets","array":["../sets"]}]`,
			},
			want: injected,
		},
		"sets by a variable of the application": {
			reason: "a list is separated by commas", files: map[string]string{"app/web.yaml": web, "app/s/set.yaml": set, "app/t/set.yaml": ""},
			environ: []string{"ARGOCD_ENV_SLIPWAY_SIDECARSETS= s/set.yaml , t"}, want: injected,
		},
		"a kustomization": {
			reason: "it is built", files: map[string]string{"app/web.yaml": web, "app/kustomization.yaml": "resources: [web.yaml]\n", "app/s/set.yaml": set},
			environ: []string{"SLIPWAY_SIDECARSETS=s"},
			want: "apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n" +
				"    slipway.dev/injected: '{\"sets\":{\"logs\":{\"containers\":[\"tail\"]}}}'\n  labels:\n    app: web\n  name: web\n" +
				"spec:\n  containers:\n  - image: app:v1\n    name: app\n  - name: tail\n    image: tail:v1\n    env:\n" +
				"    - name: IS_INJECTED\n      value: \"true\"\n",
		},
		"a parameter before a variable": {
			reason:  "the first place counts, and a kustomization is no manifest",
			files:   map[string]string{"app/web.yaml": web, "app/kustomization.yaml": "resources: [web.yaml]\n", "app/set.yaml": set},
			environ: []string{"SLIPWAY_SOURCE=kustomize", `ARGOCD_APP_PARAMETERS=[{"name":"source","string":"directory"}]`}, want: injected,
		},
		"no sets": {
			reason: "they are more likely forgotten", files: map[string]string{"app/web.yaml": web},
			err: `name the file or folder of the SidecarSets in the plugin's parameter "sidecarsets", an empty list to have none)`,
		},
		"no sets, and that is meant": {
			reason: "the parameter is given", files: map[string]string{"app/web.yaml": web},
			environ: []string{`ARGOCD_APP_PARAMETERS=[{"name":"sidecarsets","array":[]}]`}, want: web,
		},
		"nothing to deploy": {
			reason: "Argo CD would prune the application", files: map[string]string{"app/set.yaml": set},
			err: "to deploy SidecarSets set keepSidecarSets: true in slipway.yaml)",
		},
		"a source that is none": {
			reason: "the variable is named", files: map[string]string{"app/web.yaml": web}, environ: []string{"ARGOCD_ENV_SLIPWAY_SOURCE=ksonnet"},
			err: `ARGOCD_ENV_SLIPWAY_SOURCE: "ksonnet" is not one of helm, kustomize, directory`,
		},
		"a parameter that is none": {
			reason: "those that are known are listed", files: map[string]string{"app/web.yaml": web},
			environ: []string{`ARGOCD_APP_PARAMETERS=[{"name":"sets","array":[]}]`},
			err: `"sets" parameter: not known; there are source, config, sidecarsets, helm-release-name, helm-values-files, ` +
				"helm-values",
		},
		"a parameter of another type": {
			reason: "what it takes is said", files: map[string]string{"app/web.yaml": web},
			environ: []string{`ARGOCD_APP_PARAMETERS=[{"name":"sidecarsets","string":"s"}]`},
			err:     `"sidecarsets" parameter: takes array, not string`,
		},
		"parameters that are no list": {
			reason: "the variable is named", files: map[string]string{"app/web.yaml": web}, environ: []string{`ARGOCD_APP_PARAMETERS={}`},
			err: "ARGOCD_APP_PARAMETERS: byte 1: a value of the wrong type, object; it is a JSON list of parameters with name and " +
				"string, array or map",
		},
		"sets outside the repository": {
			reason: "an application reads no file of others", files: map[string]string{"app/web.yaml": web, "sets/set.yaml": set},
			environ: []string{`ARGOCD_APP_PARAMETERS=[{"name":"sidecarsets","array":["../sets"]}]`},
			err:     `"sidecarsets" parameter: ../sets is outside the repository`,
		},
		"sets outside the repository, by who runs Argo CD": {
			reason: "the container's own variables are trusted", files: map[string]string{"app/web.yaml": web, "sets/set.yaml": set},
			environ: []string{"SLIPWAY_SIDECARSETS=../sets"}, want: injected,
		},
		"sets that are not there": {
			reason: "the path is named", files: map[string]string{"app/web.yaml": web}, environ: []string{"SLIPWAY_SIDECARSETS=sets"},
			err: "SLIPWAY_SIDECARSETS: sets: no such file or folder",
		},
		"a mapping that is none": {
			reason: "its part is named", files: map[string]string{"app/web.yaml": web}, environ: []string{"SLIPWAY_HELM_VALUES=a=b,c"},
			err: "SLIPWAY_HELM_VALUES: part 2 is not key=value",
		},
	} {
		t.Run(name, func(t *testing.T) {
			application(t, c.files)
			got, err := generated(t, c.environ)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.HasSuffix(err.Error(), c.err)) {
				t.Fatalf("%s: it says %v", c.reason, err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

// TestParameterOfTwoTypesHasOneMessage, whichever of the two is looked at first.
func TestParameterOfTwoTypesHasOneMessage(t *testing.T) {
	application(t, map[string]string{"app/web.yaml": web})
	for range 50 {
		_, err := argocd.Open([]string{`ARGOCD_APP_PARAMETERS=[{"name":"sidecarsets","string":"s","map":{"a":"b"}}]`})
		if err == nil || err.Error() != `"sidecarsets" parameter: takes array, not string` {
			t.Fatalf("it says %v", err)
		}
	}
}

// TestAnnounce lists the parameters of a chart, with its values as a person has written them.
func TestAnnounce(t *testing.T) {
	application(t, map[string]string{
		"app/Chart.yaml": "name: web\n", "app/values-prod.yaml": "",
		"app/values.yaml": "image: {tag: v1, a.b: c}\nreplicas: 3\nuser: 1000660000\nbig: 9007199254740993\nratio: 0.25\nenabled: true\nlist: [1]\nnone:\n",
	})
	app, err := argocd.Open([]string{"ARGOCD_APP_NAME=team_shop"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := app.Announce()
	if err != nil {
		t.Fatal(err)
	}
	want := []argocd.Parameter{
		{Name: "helm-release-name", Title: "Helm release", Tooltip: "name of the release", String: "shop"},
		{
			Name: "helm-values-files", Title: "Values files", CollectionType: "array",
			Tooltip: "files of the repository, the last one wins; the chart has values-prod.yaml, values.yaml",
		},
		{
			Name: "helm-values", Title: "Values", Tooltip: "values that prevail over files", CollectionType: "map",
			Map: map[string]string{
				"image.tag": "v1", `image.a\.b`: "c", "replicas": "3", "user": "1000660000", "big": "9007199254740993", "ratio": "0.25",
				"enabled": "true",
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestAnnounceNothing: only a chart has parameters of its own.
func TestAnnounceNothing(t *testing.T) {
	application(t, map[string]string{"app/web.yaml": web})
	app, err := argocd.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := app.Announce(); err != nil || got == nil || len(got) > 0 {
		t.Errorf("%v, %v", got, err)
	}
}
