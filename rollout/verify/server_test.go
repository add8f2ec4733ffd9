// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/verify"
)

var shared = kubetest.Shared{Options: kubetest.Options{ControllerManager: true, Bodies: true}}

func TestMain(m *testing.M) {
	code := m.Run()
	shared.Stop()
	os.Exit(code)
}

// world is a namespace of a real control plane.
type world struct{ *agenttest.World }

func newWorld(t *testing.T, manifest string) *world {
	t.Helper()
	return &world{agenttest.New(t, &shared, manifest)}
}

// verifyOptions hold a release against the world, as a client whose requests the audit log tells from all others.
func (w *world) verifyOptions(c *kubetest.Client) verify.Options {
	w.T.Helper()
	as := rest.CopyConfig(agenttest.Config(w.T, c))
	as.UserAgent = "verify-" + w.NS
	return verify.Options{Config: as, Namespace: w.NS, Name: "demo", Now: time.Now}
}

// verify also holds that nothing was written.
func (w *world) verify(o verify.Options) verify.Report {
	w.T.Helper()
	v, err := verify.Verify(w.T.Context(), o)
	if err != nil {
		w.T.Fatal(err)
	}
	w.onlyLooked(o)
	return v
}

func (w *world) onlyLooked(o verify.Options) {
	w.T.Helper()
	log := w.Requests(w.T, "").By(o.Config.UserAgent)
	if len(log) == 0 {
		w.T.Fatal("the audit log knows nothing of verify")
	}
	for _, r := range log.Writes() {
		dry := r.Resource == "pods" && strings.Contains(r.URI, "dryRun=All") && (r.Verb == "create" || r.Verb == "patch")
		if !dry && (r.Verb != "create" || r.Resource != "selfsubjectaccessreviews") {
			w.T.Errorf("verify wrote: %s %s", r.Verb, r.URI)
		}
	}
}

func codes(v verify.Report) []string {
	var out []string
	for _, f := range v.Findings {
		out = append(out, f.Code)
	}
	return out
}

func lines(v verify.Report) string { return v.Text() }

// tryPod really creates a pod of the CloneSet's template, and returns what the API server says against it.
func (w *world) tryPod() error {
	w.T.Helper()
	template := asMap(kubetest.Field(w.Get(w.T, w.Path("clonesets", "demo")), "spec", "template"))
	meta := asMap(template["metadata"])
	meta["name"] = "tried"
	_, err := w.TryCreate(w.Path("pods"), map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": meta,
		"spec": template["spec"],
	})
	return err
}

// TestVerifyForeseesAdmission holds what is said of new pods against what the API server does when one is created.
func TestVerifyForeseesAdmission(t *testing.T) {
	t.Parallel()
	with := func(resources string, more ...string) string {
		return strings.Replace(agenttest.CloneSet(1, `{type: ReCreate, maxUnavailable: 1}`),
			`image: "example.com/app:v1"`, `image: "example.com/app:v1", resources: `+resources+strings.Join(more, ""), 1)
	}
	pod := func(field string) string {
		return strings.Replace(with("{}"), "containers: [", field+"\n      containers: [", 1)
	}
	limits := func(item string) string {
		return `{apiVersion: v1, kind: LimitRange, metadata: {name: x}, spec: {limits: [` + item + `]}}`
	}
	quota := func(hard, more string) string {
		return `{apiVersion: v1, kind: ResourceQuota, metadata: {name: x}, spec: {hard: ` + hard + more + `}}`
	}
	const cpu = "{requests: {cpu: 500m, memory: 1Gi}, limits: {cpu: 1, memory: 1Gi}}"
	initContainers := `initContainers: [{name: init, image: i, resources: {requests: {cpu: 3}}}, {name: side, image: s, ` +
		`restartPolicy: Always, resources: {requests: {cpu: 250m}}}]`
	for _, c := range []struct {
		name, set, resource, object, want string
		says                              string // in what the API server answers
	}{
		{
			"max", with(cpu), "limitranges", limits("{type: Container, max: {cpu: 900m}}"), "limit-range",
			"maximum cpu usage per Container is 900m",
		},
		{"max that fits", with(cpu), "limitranges", limits("{type: Container, max: {cpu: 1}}"), "", ""},
		{
			"max without a limit", with("{requests: {cpu: 500m}}"), "limitranges", limits("{type: Pod, max: {memory: 1Gi}}"),
			"limit-range", "No limit is specified",
		},
		{
			"default below a request", with("{requests: {cpu: 500m}}"), "limitranges",
			limits("{type: Container, default: {cpu: 250m}, defaultRequest: {cpu: 100m}}"), "limit-range",
			"must be less than or equal to cpu limit",
		},
		{
			"a request above its limit", with("{requests: {cpu: 2}, limits: {cpu: 1}}"), "", "", "template-invalid",
			"must be less than or equal to cpu limit",
		},
		{
			"max is the default limit", with("{requests: {cpu: 500m}}"), "limitranges", limits("{type: Container, max: {cpu: 500m}}"), "",
			"",
		},
		{
			"min", with(cpu), "limitranges", limits("{type: Container, min: {memory: 2Gi}}"), "limit-range",
			"minimum memory usage per Container is 2Gi",
		},
		{
			"ratio", with(cpu), "limitranges", limits("{type: Container, maxLimitRequestRatio: {cpu: 1.5}}"), "limit-range",
			"max limit to request ratio",
		},
		{"ratio that is met", with(cpu), "limitranges", limits("{type: Container, maxLimitRequestRatio: {cpu: 2}}"), "", ""},
		{
			"init containers count for a pod", pod(initContainers), "limitranges", limits("{type: Pod, max: {cpu: 2}}"), "limit-range",
			"per Pod is 2",
		},
		{"pods", with(cpu), "resourcequotas", quota("{pods: 0}", ""), "quota-short", "exceeded quota"},
		{"CPU", with(cpu), "resourcequotas", quota("{requests.cpu: 400m}", ""), "quota-short", "exceeded quota"},
		{
			"CPU of init containers", pod(initContainers), "resourcequotas", quota("{requests.cpu: 3}", ""), "quota-demands",
			"must specify requests.cpu",
		},
		{"memory that fits", with(cpu), "resourcequotas", quota("{requests.memory: 1Gi, limits.cpu: 1, count/pods: 1}", ""), "", ""},
		{
			"a demand", with("{requests: {cpu: 1}}"), "resourcequotas", quota("{limits.memory: 10Gi}", ""), "quota-demands",
			"must specify limits.memory",
		},
		{"not of this scope", with(cpu), "resourcequotas", quota("{pods: 0}", ", scopes: [BestEffort]"), "", ""},
		{"of this scope", with("{}"), "resourcequotas", quota("{pods: 0}", ", scopes: [BestEffort]"), "quota-short", "exceeded quota"},
		{"of another priority", with(cpu), "resourcequotas", quota("{pods: 0}",
			", scopeSelector: {matchExpressions: [{scopeName: PriorityClass, operator: Exists}]}"), "", ""},
		{
			"of this priority", pod("priorityClassName: system-node-critical"), "resourcequotas",
			quota("{pods: 0}", ", scopeSelector: {matchExpressions: [{scopeName: PriorityClass, operator: In, values: "+
				"[system-node-critical]}]}"), "quota-short", "exceeded quota",
		},
		{"service account", pod("serviceAccountName: robot"), "", "", "reference-missing", `serviceaccount "robot" not found`},
		{"priority class", pod("priorityClassName: urgent"), "", "", "reference-missing", "no PriorityClass with name urgent"},
		{"runtime class", pod("runtimeClassName: gvisor"), "", "", "reference-missing", `RuntimeClass "gvisor" not found`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.set)
			if c.resource != "" {
				w.Create(t, w.Path(c.resource), c.object)
			}
			if c.resource == "resourcequotas" { // before the controller has counted
				hard := kubetest.Field(w.Get(t, w.Path(c.resource, "x")), "spec", "hard")
				used := map[string]any{}
				for name := range asMap(hard) {
					used[name] = "0"
				}
				w.Patch(t, w.Path(c.resource, "x", "status"), map[string]any{"status": map[string]any{"hard": hard, "used": used}})
			}
			v := w.verify(w.verifyOptions(w.Client))
			foreseen := slices.DeleteFunc(codes(v), func(code string) bool {
				return !slices.Contains([]string{"limit-range", "quota-short", "quota-demands", "reference-missing", "template-invalid"},
					code)
			})
			var status *kubetest.StatusError
			switch err := w.tryPod(); {
			case c.want == "" && (err != nil || len(foreseen) > 0):
				t.Errorf("foreseen %v, but the API server says %v\n%s", foreseen, err, lines(v))
			case c.want != "" && !slices.Contains(foreseen, c.want):
				t.Errorf("not foreseen: %v\n%s", err, lines(v))
			case c.want != "" && (!errors.As(err, &status) || !strings.Contains(status.Message, c.says)):
				t.Errorf("foreseen %v, but the API server says %v", foreseen, err)
			}
		})
	}
}

// TestVerifyForeseesPolicies finds what no rule but the API server itself can tell: policies that refuse a new pod, and policies
// that change it.
func TestVerifyForeseesPolicies(t *testing.T) {
	t.Parallel()
	const group = "/apis/admissionregistration.k8s.io/v1/"
	matching := func(ns string) string {
		return `matchConstraints: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ` + ns + `}},
			resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [pods]}]}`
	}
	for _, c := range []struct{ name, kind, spec, want, says string }{
		{
			"refused", "Validating", `validations: [{expression: "object.spec.containers.all(c, !c.image.endsWith(':v2'))", message: ` +
				`"image v2 has vulnerabilities"}]`,
			"pod-refused", "image v2 has vulnerabilities",
		},
		{
			"refused in place", "Validating", `validations: [{expression: "oldObject == null || object.spec.containers.all(c, ` +
				`!c.image.endsWith(':v2'))", message: "image v2 is for new pods"}]`,
			"pod-refused", "refuses a change in place, so the release fails at its first one (exit code 11, or 12 with a rollback): of " +
				"Pod demo-",
		},
		{
			"changed", "Mutating",
			`reinvocationPolicy: Never, failurePolicy: Fail, mutations: [{patchType: JSONPatch, jsonPatch: {expression:
				"[JSONPatch{op: \"replace\", path: \"/spec/containers/0/image\", value: \"mirror.local/\" + object.spec.containers[0].image}]"}}]`,
			"pod-mutated", "the image of container app from example.com/app:v2 to mirror.local/example.com/app:v2",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, agenttest.CloneSet(1, `{type: InPlaceIfPossible, maxUnavailable: 1}`))
			w.Release(plan.BatchPlan{}, plan.Completed)
			w.Image("v2")
			kind, plural, actions := c.kind+"AdmissionPolicy", strings.ToLower(c.kind)+"admissionpolic", ""
			if c.kind == "Validating" {
				actions = ", validationActions: [Deny]"
			}
			w.Create(t, group+plural+"ies", fmt.Sprintf(`{apiVersion: admissionregistration.k8s.io/v1, kind: %s, metadata: {name: %s}, `+
				`spec: {%s, %s}}`, kind, w.NS, matching(w.NS), c.spec))
			w.Create(t, group+plural+"ybindings", fmt.Sprintf(`{apiVersion: admissionregistration.k8s.io/v1, kind: %sBinding, `+
				`metadata: {name: %s}, spec: {policyName: %s%s}}`, kind, w.NS, w.NS, actions))
			kubetest.Eventually(t, "it is foreseen", func() (bool, string) {
				v := w.verify(w.verifyOptions(w.Client))
				return slices.Contains(codes(v), c.want) && strings.Contains(lines(v), c.says), lines(v)
			})
		})
	}
}

// TestVerifyForeseesEvictions holds what is said of disruption budgets against the answers to real evictions. The first
// case is argo-rollouts#2119: what goes below a budget is told before it does.
func TestVerifyForeseesEvictions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		budgets []string
		want    string
		code    int
	}{
		{"argo-rollouts#2119: all are demanded", []string{"minAvailable: 2"}, "budget-stalls", http.StatusTooManyRequests},
		{"one is demanded", []string{"minAvailable: 1"}, "budget-kept", http.StatusCreated},
		{"two budgets", []string{"minAvailable: 0", "minAvailable: 0"}, "budget-several", http.StatusInternalServerError},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, agenttest.CloneSet(2, `{type: ReCreate, maxUnavailable: 1}`))
			w.Release(plan.BatchPlan{}, plan.Completed)
			w.Image("v2")
			for i, b := range c.budgets {
				name := fmt.Sprint("budget-", i)
				w.Create(t, w.Path("poddisruptionbudgets"),
					`{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: `+name+`}, spec: {`+b+
						`, selector: {matchLabels: {app: demo}}}}`)
				kubetest.Eventually(t, "the budget is known", func() (bool, string) {
					b := w.Get(t, w.Path("poddisruptionbudgets", name))
					return kubetest.Field(b, "status", "expectedPods") == float64(2), fmt.Sprint(b)
				})
			}
			o := w.verifyOptions(w.Client)
			o.Evict = true
			if v := w.verify(o); !slices.Contains(codes(v), c.want) {
				t.Errorf("%s is not foreseen:\n%s", c.want, lines(v))
			}
			pod := w.Pods()[0]
			code, answer, err := w.Do(http.MethodPost, w.Path("pods", pod, "eviction"), "application/json",
				[]byte(`{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "`+pod+`"}}`))
			if err != nil || code != c.code {
				t.Errorf("the eviction is answered with %d, %v: %s", code, err, answer)
			}
		})
	}
}

// everything is what verify reads.
func everything() []kubetest.Rule {
	list := []string{"list"}
	return []kubetest.Rule{
		{APIGroups: []string{"apps.kruise.io"}, Resources: []string{"clonesets"}, Verbs: []string{"get"}},
		{Resources: []string{"pods", "resourcequotas", "limitranges"}, Verbs: list},
		{Resources: []string{"configmaps", "secrets", "serviceaccounts"}, Verbs: []string{"get"}},
		{APIGroups: []string{"apps"}, Resources: []string{"controllerrevisions"}, Verbs: list},
		{APIGroups: []string{"policy"}, Resources: []string{"poddisruptionbudgets"}, Verbs: list},
		{APIGroups: []string{"policy.kruise.io"}, Resources: []string{"podunavailablebudgets"}, Verbs: list},
		{APIGroups: []string{"autoscaling"}, Resources: []string{"horizontalpodautoscalers"}, Verbs: list},
		{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"get"}},
	}
}

// TestVerifyAsAUser who may read the namespace and nothing of the cluster: what is not seen is said, each thing once.
func TestVerifyAsAUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(2, `{type: InPlaceIfPossible, maxUnavailable: 1}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.Image("v2")
	user := w.User(t, w.NS, everything()...)
	o := w.verifyOptions(user.Client)
	kubetest.Eventually(t, "the rights are known", func() (bool, string) {
		_, err := user.TryGet(w.Path("clonesets", "demo"))
		return err == nil, fmt.Sprint(err)
	})
	v := w.verify(o)
	said := lines(v)
	for _, words := range []string{
		"info: CloneSet " + w.NS + "/demo: 2 old pods are updated in place: image of app [in-place]",
		"info: Node: could not be read (no right to list it)", "info: PriorityClass: could not be read",
		"info: Lease kruise-system/kruise-manager: could not be read (no right to get it), so it is not known whether a Kruise " +
			"controller is alive",
		"/demo-trial: could not be tried (no right to create pods), so it is not known whether policies",
		"could not be tried (no right to patch pods), so it is not known whether policies and webhooks take a change of it in place",
		"warning: CloneSet " + w.NS + "/demo: whoever verifies lacks", "create, delete, get, patch, watch pods", "[own-right-missing]",
	} {
		if !strings.Contains(said, words) {
			t.Errorf("%q is not said in:\n%s", words, said)
		}
	}
	if v.Count(manifest.SeverityError) > 0 || v.Count(manifest.SeverityInfo) != 6 {
		t.Errorf("findings:\n%s", said)
	}
	seen := fmt.Sprint(v.Seen)
	for _, words := range []string{"1 CloneSet ", "2 Pods ", "0 ResourceQuotas", "1 ServiceAccount"} {
		if !strings.Contains(seen, words) {
			t.Errorf("it does not say that it looked at %s: %s", words, seen)
		}
	}
}

// TestSeenIsCountedInWords counts kinds as people do.
func TestSeenIsCountedInWords(t *testing.T) {
	for want, seen := range map[string]verify.Seen{
		"1 Node":                    {Kind: "Node", Count: 1},
		"2 PriorityClasses":         {Kind: "PriorityClass", Count: 2},
		"0 ResourceQuotas":          {Kind: "ResourceQuota"},
		"61 Pods (all namespaces)":  {Kind: "Pod (all namespaces)", Count: 61},
		"1 Pod (all namespaces)":    {Kind: "Pod (all namespaces)", Count: 1},
		"2 Ingresses (every class)": {Kind: "Ingress (every class)", Count: 2},
	} {
		if got := seen.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestVerifyWithoutRights cannot say anything, and says why.
func TestVerifyWithoutRights(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(2, `{maxUnavailable: 1}`))
	nobody := w.verifyOptions(w.User(t, w.NS).Client)
	if _, err := verify.Verify(t.Context(), nobody); err == nil ||
		!strings.Contains(err.Error(), "reading CloneSet "+w.NS+"/demo") || !strings.Contains(err.Error(), "cannot get resource") {
		t.Errorf("without rights it says %v", err)
	}
	w.onlyLooked(nobody)
	unknown := w.verifyOptions(w.Client)
	unknown.Version = "apps.kruise.io/v1beta1"
	if _, err := verify.Verify(t.Context(), unknown); err == nil ||
		!strings.Contains(err.Error(), "the cluster has no CloneSets of apps.kruise.io/v1beta1") {
		t.Errorf("without a definition it says %v", err)
	}
	stranger := w.verifyOptions(w.Client)
	stranger.Config.BearerToken, stranger.Config.BearerTokenFile = "nonsense", ""
	if _, err := verify.Verify(t.Context(), stranger); err == nil || !strings.Contains(err.Error(), "Unauthorized") {
		t.Errorf("without a login it says %v", err)
	}
	absent := w.verifyOptions(w.Client)
	absent.Name = "other"
	if v := w.verify(absent); !slices.Contains(codes(v), "target-missing") {
		t.Errorf("of nothing it says:\n%s", lines(v))
	}
}

// TestVerifyRightsOfTheAgent asks for the rights of the service account that is to run the release: all that the printed
// Role grants, and all but one.
func TestVerifyRightsOfTheAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(1, `{maxUnavailable: 1}`, agenttest.ClaimTemplates))
	rules := agenttest.Rights(true)
	ask := func(rules []kubetest.Rule) verify.Report {
		user := w.User(t, w.NS, rules...)
		o := w.verifyOptions(w.Client)
		_, name, _ := strings.Cut(strings.TrimPrefix(user.Name, "system:serviceaccount:"), ":")
		o.Account = w.NS + "/" + name
		var v verify.Report
		kubetest.Eventually(t, "the rights are known", func() (bool, string) {
			v = w.verify(o)
			return !strings.Contains(lines(v), "create, delete, get, list, patch, watch pods"), lines(v)
		})
		return v
	}
	if v := ask(rules); slices.Contains(codes(v), "right-missing") || slices.Contains(codes(v), "own-right-missing") {
		t.Errorf("with all rights it says:\n%s", lines(v))
	}
	less := slices.Clone(rules)
	i := slices.IndexFunc(less, func(r kubetest.Rule) bool { return slices.Equal(r.Resources, []string{"persistentvolumeclaims"}) })
	less[i].Verbs = []string{"list", "watch", "create"}
	if v := ask(less); !strings.Contains(lines(v), "lacks 1 of the") ||
		!strings.Contains(lines(v), "(exit code 1): patch persistentvolumeclaims [right-missing]") {
		t.Errorf("without a right it says:\n%s", lines(v))
	}
}

// TestVerifyWhileAReleaseRuns sees the agent, its lock and its progress, and disturbs nothing.
func TestVerifyWhileAReleaseRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(3, `{type: ReCreate, maxUnavailable: 1}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	if v := w.verify(w.verifyOptions(w.Client)); !slices.Equal(codes(v), []string{"nothing-to-do"}) {
		t.Errorf("at rest it says:\n%s", lines(v))
	}
	w.Image(kubetest.TagUnready)
	var v verify.Report
	p := plan.BatchPlan{ProgressDeadline: 3 * time.Second}
	d, err := agent.Run(t.Context(), p, w.Options(), func(o rollout.Observed, d rollout.Decision) {
		if d.Verdict == rollout.Wait && o.Progress.Revision != "" && len(v.Findings) == 0 {
			v = w.verify(w.verifyOptions(w.Client))
		}
	})
	if err != nil || d.Reason != plan.DeadlineExceeded {
		t.Fatalf("ended with %s, %v", d.Reason, err)
	}
	if c := codes(v); !slices.Contains(c, "lock-held") || !slices.Contains(c, "release-unfinished") {
		t.Errorf("in the middle it says:\n%s", lines(v))
	}
	if v := w.verify(w.verifyOptions(w.Client)); !strings.Contains(lines(v),
		"has ended in batch 1 with ProgressDeadlineExceeded") || slices.Contains(codes(v), "lock-held") {
		t.Errorf("after the stop it says:\n%s", lines(v))
	}
}

// TestVerifySeesWhoWritesThePartition on a CloneSet as Git and a controller leave it: first Git alone writes the partition,
// then the agent has taken it over and Git leaves it alone.
func TestVerifySeesWhoWritesThePartition(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	apply := func(manager, manifest string) {
		t.Helper()
		code, answer, err := w.Do(http.MethodPatch, w.Path("clonesets", "demo")+"?force=true&fieldManager="+manager,
			"application/apply-patch+yaml", []byte(manifest))
		if err != nil || code >= http.StatusBadRequest {
			t.Fatalf("%d, %v: %s", code, err, answer)
		}
	}
	o := w.verifyOptions(w.Client)
	o.Plan = plan.BatchPlan{Mode: plan.Partition, Batches: []plan.Batch{
		{Replicas: plan.Percent(50)},
		{Replicas: plan.Percent(100)},
	}}
	apply("argocd-controller", agenttest.CloneSet(2, `{type: InPlaceIfPossible, maxUnavailable: 1, partition: 0}`))
	v := w.verify(o)
	if c := codes(v); !slices.Equal(c[:2], []string{"controller-missing", "partition-unarmed"}) ||
		!strings.Contains(lines(v), "argocd-controller, a GitOps tool, writes the partition too") {
		t.Errorf("with Argo CD's partition it says:\n%s", lines(v))
	}
	apply("argocd-controller", agenttest.CloneSet(2, `{type: InPlaceIfPossible, maxUnavailable: 1}`))
	apply("slipway", `{apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, metadata: {name: demo}, spec: {updateStrategy: `+
		`{partition: 100%}}}`)
	status := []byte(`{"status": {"observedGeneration": 99, "updateRevision": "demo-1"}}`)
	if code, answer, err := w.Do(http.MethodPatch, w.Path("clonesets", "demo", "status")+"?fieldManager=kruise",
		"application/merge-patch+json", status); err != nil || code != http.StatusOK {
		t.Fatalf("%d, %v: %s", code, err, answer)
	}
	if v := w.verify(o); v.Count(manifest.SeverityError) > 0 || slices.Contains(codes(v), "partition-owned") {
		t.Errorf("with slipway's partition it says:\n%s", lines(v))
	}
	o.Plan.Mode = plan.Direct
	if v := w.verify(o); !strings.Contains(lines(v), "exit code 13") {
		t.Errorf("in direct mode it says:\n%s", lines(v))
	}
}

// eavesdropper keeps what the API server answers.
type eavesdropper struct {
	next http.RoundTripper
	mu   sync.Mutex
	text bytes.Buffer
}

func (e *eavesdropper) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := e.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var body bytes.Buffer
	_, err = io.Copy(io.MultiWriter(&body, &e.text), answer.Body)
	answer.Body = io.NopCloser(&body)
	return answer, err
}

// TestVerifySeesNoSecret although it looks whether Secrets exist.
func TestVerifySeesNoSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(agenttest.CloneSet(1, `{maxUnavailable: 1}`), "containers: [",
		"imagePullSecrets: [{name: registry}, {name: absent}]\n      containers: [", 1))
	w.Create(t, w.Path("secrets"), `{apiVersion: v1, kind: Secret, metadata: {name: registry}, data: {password: c2VjcmV0LXdvcmQ=}}`)
	o := w.verifyOptions(w.Client)
	ear := &eavesdropper{}
	o.Config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		ear.next = next
		return ear
	})
	v := w.verify(o)
	if !strings.Contains(lines(v), w.NS+"/absent: it does not exist") || strings.Contains(lines(v), "/registry") {
		t.Errorf("of the secrets it says:\n%s", lines(v))
	}
	if heard := ear.text.String(); !strings.Contains(heard, "registry") || strings.Contains(heard, "c2VjcmV0LXdvcmQ=") {
		t.Error("the value of a secret was sent")
	}
}

// TestVerifyOfABrokenServer says what it could not read and why, and ends where nothing else can be read either.
func TestVerifyOfABrokenServer(t *testing.T) {
	t.Parallel()
	s := newShelf(t, cluster(3, surging), quota("{pods: 3}", "{pods: 3}"))
	s.failing = []string{"poddisruptionbudgets"}
	v, err := s.verify(verify.Options{})
	if err != nil || !strings.Contains(lines(v), "PodDisruptionBudget in shop: could not be read (etcd is on holiday)") ||
		!slices.Contains(codes(v), "quota-short") {
		t.Errorf("%v:\n%s", err, lines(v))
	}
	s.expired = []string{"nodes"}
	if v, err := s.verify(verify.Options{}); err == nil || !strings.Contains(err.Error(), "reading Node: Unauthorized") {
		t.Errorf("%v:\n%s", err, lines(v))
	}
}
