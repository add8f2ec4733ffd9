// SPDX-License-Identifier: Apache-2.0

package inject_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
)

const kruiseHook = `
kind: MutatingWebhookConfiguration
apiVersion: admissionregistration.k8s.io/v1
metadata: {name: kruise-mutating-webhook-configuration}
webhooks:
- rules: [{operations: [UPDATE], apiGroups: [apps.kruise.io], resources: [sidecarsets]}]
- rules: [{operations: [CREATE], apiGroups: [""], resources: [pods]}]
  namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system]}]}
`

const otherHook = `
kind: MutatingWebhookConfiguration
apiVersion: admissionregistration.k8s.io/v1
metadata: {name: mesh}
webhooks: [{rules: [{operations: [CREATE], apiGroups: [""], resources: [pods]}]}]
`

// collector is a SidecarSet; more is added to its spec.
func collector(image, more string) string {
	return `
apiVersion: apps.kruise.io/v1alpha1
kind: SidecarSet
metadata: {name: logs}
spec:
  selector: {matchLabels: {app: web}}
  containers: [{name: collector, image: "` + image + `"}]
` + more
}

// web is a Deployment with the containers of images, fitted out by slipway with those of record.
func web(record string, images ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}, annotations: {%s}}
    spec:
      containers:
`, record)
	for _, i := range images {
		name, _, _ := strings.Cut(i, ":")
		fmt.Fprintf(&b, "      - {name: %s, image: %q}\n", name, i)
	}
	return b.String()
}

const fitted = `slipway.dev/injected: '{"sets":{"logs":{"containers":["collector"]}}}'`

// liveOf sorts the objects of a stream as they are listed in a cluster.
func liveOf(t *testing.T, text string, opts *inject.Options) inject.Live {
	t.Helper()
	var live inject.Live
	for _, n := range parseStream(t, text) {
		switch ref := manifest.RefOf(n); {
		case inject.IsSidecarSet(n):
			set, findings := inject.ParseSidecarSet(n, manifest.Source{})
			if len(findings) > 0 {
				t.Fatal(findings)
			}
			live.Sets = append(live.Sets, set)
		case ref.Kind == "MutatingWebhookConfiguration":
			live.Webhooks = append(live.Webhooks, n)
		case ref.Kind == "Namespace":
			(&inject.Context{}).Read(n, manifest.Source{}, opts)
		default:
			live.Workloads = append(live.Workloads, n)
		}
	}
	return live
}

// diagnose returns the findings but for the summary, as "severity code object: message".
func diagnose(t *testing.T, git, cluster string, change func(*inject.Live)) []string {
	t.Helper()
	opts := inject.DefaultOptions()
	live := liveOf(t, cluster, &opts)
	if change != nil {
		change(&live)
	}
	var known inject.Context
	for _, n := range parseStream(t, git) {
		known.Read(n, manifest.Source{File: "git.yaml"}, &opts)
	}
	var out []string
	for _, f := range inject.Diagnose(known, live, opts) {
		if f.Code != "cluster-seen" {
			out = append(out, fmt.Sprintf("%s %s %s: %s", f.Severity, f.Code, f.Object, f.Message))
		}
	}
	slices.Sort(out)
	return out
}

func join(docs ...string) string { return strings.Join(docs, "---") }

func TestDiagnoseTemplates(t *testing.T) {
	same := "warning webhook-replaces Deployment/shop/web: the webhook replaces container collector from Git by that of " +
		"SidecarSet logs in the cluster, which is the same today"
	other := "error webhook-replaces Deployment/shop/web: the webhook replaces container collector from Git by another version, " +
		"that of SidecarSet logs in the cluster"
	added := "warning webhook-injects Deployment/shop/web: new pods get container collector from SidecarSet logs in the cluster, " +
		"and not from Git"
	tests := map[string]struct {
		cluster string
		git     string
		change  func(*inject.Live)
		want    []string
	}{
		"another image": {
			cluster: join(kruiseHook, collector("c:1", ""), web(fitted, "app:1", "collector:1")), git: collector("c:1", ""),
			want: []string{other},
		},
		"the same image": {
			cluster: join(kruiseHook, collector("collector:1", ""), web(fitted, "app:1", "collector:1")), want: []string{same},
		},
		"the same image, other fields": {
			cluster: join(kruiseHook, collector("collector:1", "  volumes: [{name: v}, {name: w, emptyDir: {}}]\n"),
				web(fitted, "app:1", "collector:1")),
			git:  collector("collector:1", ""),
			want: []string{"error sidecarset-differs SidecarSet/logs: in the cluster it differs from git.yaml in spec.volumes", other},
		},
		"the app's own": {
			cluster: join(kruiseHook, collector("c:1", ""), web("", "app:1", "collector:1")),
			want: []string{"error webhook-replaces Deployment/shop/web: the webhook replaces the app's own container collector by " +
				"that of SidecarSet logs"},
		},
		"not in the template": {cluster: join(kruiseHook, collector("c:1", ""), web("", "app:1")), want: []string{added}},
		"no webhook":          {cluster: join(otherHook, collector("c:1", ""), web("", "app:1"))},
		"paused": {
			cluster: join(kruiseHook, collector("c:1", "  injectionStrategy: {paused: true}\n"), web("", "app:1")),
			want:    []string{"info sidecarset-paused SidecarSet/logs: the webhook's injection is paused in the cluster"},
		},
		"another namespace": {cluster: join(kruiseHook, collector("c:1", "  namespace: elsewhere\n"), web("", "app:1"))},
		"outside the webhook": {
			cluster: join(kruiseHook, collector("c:1", ""), strings.Replace(web("", "app:1"), "shop", "kube-system", 1)),
		},
		"namespace seen": {
			cluster: join(kruiseHook, collector("c:1", "  namespaceSelector: {matchLabels: {team: a}}\n"), web("", "app:1"),
				"\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: a}}\n"),
			want: []string{added},
		},
		"namespace not seen": {
			cluster: join(kruiseHook, collector("c:1", "  namespaceSelector: {matchLabels: {team: a}}\n"), web("", "app:1")),
			want: []string{"warning match-not-seen SidecarSet/logs: whether, and at which revision, the webhook injects it into 1 pod " +
				"template cannot be told: spec.namespaceSelector: the labels of namespace shop are not known"},
		},
		"webhooks not seen": {
			cluster: join(collector("c:1", ""), web("", "app:1")), change: func(l *inject.Live) { l.WebhooksUnseen = true },
			want: []string{"warning match-not-seen SidecarSet/logs: whether, and at which revision, the webhook injects it into 1 pod " +
				"template cannot be told: whether Kruise's webhook is on was not seen"},
		},
		"pinned to a revision that was not seen": {
			cluster: join(kruiseHook, collector("c:1", "  injectionStrategy: {revision: {revisionName: logs-1}}\n"), web("", "app:1")),
			want: []string{"warning match-not-seen SidecarSet/logs: whether, and at which revision, the webhook injects it into 1 pod " +
				"template cannot be told: it is pinned to revision logs-1, which is not in the input"},
		},
		"canary": {
			cluster: join(kruiseHook, collector("c:1", ""), strings.Replace(collector("c:2", ""), "{name: logs}",
				"{name: next, annotations: {apps.kruise.io/sidecarset-canary: 'true', apps.kruise.io/sidecarset-base: logs}}", 1),
				web("", "app:1")),
			want: []string{strings.Replace(added, "SidecarSet logs", "SidecarSet next", 1)},
		},
		"of another workload": {
			cluster: join(kruiseHook, collector("c:1", ""), web("", "app:1")),
			change: func(l *inject.Live) {
				l.Owners = map[manifest.ObjectRef]manifest.ObjectRef{
					manifest.RefOf(l.Workloads[0]): {APIVersion: "serving.knative.dev/v1", Kind: "Revision", Namespace: "shop", Name: "web"},
				}
			},
		},
		"of an operator": {
			cluster: join(kruiseHook, collector("c:1", ""), web("", "app:1")),
			change: func(l *inject.Live) {
				l.Owners = map[manifest.ObjectRef]manifest.ObjectRef{
					manifest.RefOf(l.Workloads[0]): {APIVersion: "example.com/v1", Kind: "Shop", Namespace: "shop", Name: "web"},
				}
			},
			want: []string{added},
		},
		"job that is over": {
			cluster: join(kruiseHook, collector("c:1", ""), strings.Replace(strings.Replace(web("", "app:1"), "apps/v1", "batch/v1", 1),
				"Deployment", "Job", 1)+
				"status: {conditions: [{type: Complete, status: 'True'}]}\n"),
		},
		"damaged record": {
			cluster: join(kruiseHook, collector("c:1", ""), web("slipway.dev/injected: '{'", "app:1")),
			want: []string{"error damaged-provenance Deployment/shop/web: its annotation slipway.dev/injected cannot be read: its " +
				"value is damaged: unexpected EOF"},
		},
		"hot upgrade": {
			cluster: join(kruiseHook, strings.Replace(collector("c:1", ""), "{name: collector,",
				"{name: collector, upgradeStrategy: {upgradeType: HotUpgrade},", 1), web("", "app:1")),
			want: []string{strings.Replace(added, "container collector", "containers collector-1, collector-2", 1)},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, diagnose(t, test.git, test.cluster, test.change)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDiagnosePods(t *testing.T) {
	ref := func(kind, name string) manifest.ObjectRef {
		return manifest.ObjectRef{APIVersion: "apps/v1", Kind: kind, Namespace: "shop", Name: name}
	}
	byWebhook := map[string]string{"kruise.io/sidecarset-injected-list": "logs"}
	byOldWebhook := map[string]string{"kruise.io/sidecarset-hash": `{"logs": "x"}`}
	byBoth := map[string]string{"kruise.io/sidecarset-injected-list": "logs", inject.InjectedAnnotation: "{}"}
	live := func(l *inject.Live) {
		l.Owners = map[manifest.ObjectRef]manifest.ObjectRef{ref("ReplicaSet", "web-1"): ref("Deployment", "web")}
		l.Pods = []inject.LivePod{
			{Object: ref("Pod", "web-1-a"), Owner: ref("ReplicaSet", "web-1"), Annotations: byWebhook},
			{Object: ref("Pod", "web-1-b"), Owner: ref("ReplicaSet", "web-1"), Annotations: byOldWebhook},
			{Object: ref("Pod", "web-1-c"), Owner: ref("ReplicaSet", "web-1"), Annotations: byBoth},
			{Object: ref("Pod", "clean"), Annotations: map[string]string{inject.InjectedAnnotation: "{}"}},
			{Object: ref("Pod", "bare"), Annotations: byWebhook},
		}
	}
	both := " injected-twice Deployment/shop/web: 1 pod fitted out by slipway went through the webhook too (SidecarSets: logs): " +
		"Kruise's controller updates the images of their sidecars, past Git"
	pods := []string{
		"warning injected-by-webhook Deployment/shop/web: 2 pods with sidecars that Kruise's webhook put in and Git does not have " +
			"(SidecarSets: logs)",
		"warning injected-by-webhook Pod/shop/bare: 1 pod with sidecars that Kruise's webhook put in and Git does not have " +
			"(SidecarSets: logs)",
	}
	if diff := cmp.Diff(append(slices.Clone(pods), "warning"+both),
		diagnose(t, collector("c:1", ""), collector("c:1", ""), live)); diff != "" {
		t.Errorf("with the same set (-want +got):\n%s", diff)
	}
	got := diagnose(t, collector("c:2", ""), collector("c:1", ""), live)
	want := append([]string{
		"error" + both,
		"error sidecarset-differs SidecarSet/logs: in the cluster it differs from git.yaml in spec.containers[collector].image",
	}, pods...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("with another set (-want +got):\n%s", diff)
	}
}

func TestDiagnoseSets(t *testing.T) {
	// what admission makes of a set
	defaulted := `
apiVersion: apps.kruise.io/v1beta1
kind: SidecarSet
metadata: {name: logs, uid: x, resourceVersion: "7", annotations: {kruise.io/sidecarset-hash: "y"}}
spec:
  selector: {matchLabels: {app: web}}
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}
  injectionStrategy: {revision: {policy: Always}}
  revisionHistoryLimit: 10
  updateStrategy: {type: RollingUpdate, maxUnavailable: 1, partition: 0}
  patchPodMetadata: [{annotations: {a: b}, patchPolicy: Retain}]
  volumes: [{name: v, hostPath: {path: /v, type: ""}}]
  containers:
  - name: collector
    image: registry:5000/c
    imagePullPolicy: Always
    podInjectPolicy: BeforeAppContainer
    upgradeStrategy: {upgradeType: ColdUpgrade}
    shareVolumePolicy: {type: disabled}
    terminationMessagePath: /dev/termination-log
    terminationMessagePolicy: File
    ports: [{containerPort: 80, protocol: TCP}]
    env: [{name: N, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.name}}}]
    resources: {limits: {cpu: 500m}}
    readinessProbe: {httpGet: {path: /, port: 80, scheme: HTTP}, failureThreshold: 3, periodSeconds: 10, successThreshold: 1, timeoutSeconds: 1}
status: {matchedPods: 1}
`
	git := `
apiVersion: apps.kruise.io/v1alpha1
kind: SidecarSet
metadata: {name: logs}
spec:
  selector: {matchLabels: {app: web}}
  namespace: shop
  patchPodMetadata: [{annotations: {a: b}}]
  volumes: [{name: v, hostPath: {path: /v}}]
  containers:
  - name: collector
    image: registry:5000/c
    ports: [{containerPort: 80}]
    env: [{name: N, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
    resources: {limits: {cpu: "0.5"}}
    readinessProbe: {httpGet: {path: /, port: 80}}
`
	const paused = "info sidecarset-paused SidecarSet/logs: the webhook's injection is paused in the cluster"
	tests := map[string]struct {
		live, git string
		change    func(*inject.Live)
		want      []string
	}{
		"defaults": {live: defaulted, git: git},
		"no Git":   {live: defaulted},
		"only in Git": {git: git, want: []string{
			"info sidecarset-not-in-cluster SidecarSet/logs: is in Git and not in the cluster",
		}},
		"only in Git, lists denied": {git: git, change: func(l *inject.Live) { l.SetsUnseen = true }},
		"only in the cluster": {
			live: defaulted, git: strings.Replace(git, "name: logs", "name: other", 1),
			want: []string{
				"info sidecarset-not-in-cluster SidecarSet/other: is in Git and not in the cluster",
				"warning sidecarset-not-in-git SidecarSet/logs: is in the cluster and not in Git",
			},
		},
		"paused and otherwise": {
			live: strings.Replace(defaulted, "injectionStrategy: {", "injectionStrategy: {paused: true, ", 1),
			git:  strings.Replace(git, "0.5", "1", 1),
			want: []string{paused, "warning sidecarset-differs SidecarSet/logs: in the cluster it differs from git.yaml in " +
				"spec.containers[collector].resources.limits.cpu"},
		},
		"paused in Git": {
			live: defaulted, git: git + "  injectionStrategy: {paused: true}\n",
			want: []string{"warning sidecarset-paused SidecarSet/logs: is paused in Git, so slipway does not inject it"},
		},
		"values that are no defaults": {
			live: strings.NewReplacer("imagePullPolicy: Always", "imagePullPolicy: Never", "protocol: TCP", "protocol: UDP",
				"periodSeconds: 10", "periodSeconds: 5",
				"shop}}", "elsewhere}}", "patchPolicy: Retain", "patchPolicy: Overwrite", "name: N", "name: M").Replace(defaulted),
			git: git,
			want: []string{"error sidecarset-differs SidecarSet/logs: in the cluster it differs from git.yaml in " +
				"spec.containers[collector].env[N], spec.containers[collector].env[M], spec.containers[collector].imagePullPolicy, " +
				"spec.containers[collector].ports[0].protocol, spec.containers[collector].readinessProbe.periodSeconds and 3 more"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, diagnose(t, test.git, test.live, test.change)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}
