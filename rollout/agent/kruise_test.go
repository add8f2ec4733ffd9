// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// kruiseModule pins the controller that the tests here run.
const kruiseModule = "../../testdata/kruise"

// kruise is a controller of OpenKruise, without webhooks, for one control plane.
type kruise struct {
	*kubetest.Cluster
	binary, kubeconfig, certs string
}

// newKruise builds the controller, and installs the definitions that it needs.
func newKruise(tb testing.TB, c *kubetest.Cluster) *kruise {
	tb.Helper()
	k := &kruise{Cluster: c, kubeconfig: c.Kubeconfig(tb), certs: tb.TempDir()}
	k.binary = goSays(tb, "tool", "-n", "kruise")
	definitions, err := filepath.Glob(filepath.Join(goSays(tb, "list", "-m", "-f", "{{.Dir}}", "github.com/openkruise/kruise"),
		"config/crd/bases/*.yaml"))
	if err != nil || len(definitions) == 0 {
		tb.Fatalf("no definitions: %v", err)
	}
	for _, file := range definitions {
		manifest, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		c.Install(tb, manifest)
	}
	c.Create(tb, "/api/v1/namespaces", `{apiVersion: v1, kind: Namespace, metadata: {name: kruise-system}}`)
	for _, kind := range []string{"Mutating", "Validating"} { // it wants to have them, and they call nobody
		c.Create(tb, "/apis/admissionregistration.k8s.io/v1/"+strings.ToLower(kind)+"webhookconfigurations", fmt.Sprintf(
			`{apiVersion: admissionregistration.k8s.io/v1, kind: %sWebhookConfiguration, metadata: {name: `+
				`kruise-%s-webhook-configuration}}`, kind, strings.ToLower(kind)))
	}
	return k
}

func goSays(tb testing.TB, args ...string) string {
	tb.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = kruiseModule, append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("go %v: %v", args, err)
	}
	return strings.TrimSpace(string(out))
}

// run starts the controller until the function that it returns is called, or the test ends.
func (k *kruise) run(tb testing.TB, flags ...string) (stop func()) {
	tb.Helper()
	log, err := os.Create(filepath.Join(k.certs, "log"))
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(tb.Context(), k.binary, append(flags, "--enable-leader-election=false", "--enable-pprof=false",
		"--metrics-addr=127.0.0.1:"+port(tb), "--health-probe-addr=127.0.0.1:"+port(tb))...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+k.kubeconfig, "POD_NAMESPACE=kruise-system",
		"WEBHOOK_HOST=127.0.0.1", "WEBHOOK_PORT="+port(tb), "WEBHOOK_CERT_DIR="+k.certs)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	tb.Cleanup(func() {
		if text, err := os.ReadFile(log.Name()); err == nil && tb.Failed() {
			tb.Logf("%s", text[max(0, len(text)-4000):])
		}
	})
	return func() {
		_ = cmd.Process.Kill()
		<-ended
		_ = log.Close()
	}
}

func port(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	_, p, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// handOver is a CloneSet as people write it: nothing is defaulted, and quantities are in their words.
const handOver = `
apiVersion: apps.kruise.io/v1alpha1
kind: CloneSet
metadata: {name: demo, annotations: {team: shop}}
spec:
  replicas: 3
  selector: {matchLabels: {app: demo}}
  updateStrategy: {type: InPlaceIfPossible, maxUnavailable: 1}
  volumeClaimTemplates:
  - {metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}}
  template:
    metadata: {labels: {app: demo}, annotations: {note: "a <b> & c"}}
    spec:
      hostNetwork: false
      serviceAccountName: default
      volumes: [{name: scratch, emptyDir: {sizeLimit: 0.5Gi}}]
      initContainers: [{name: prepare, image: "example.com/prepare:v1"}]
      containers:
      - name: app
        image: "example.com/app:v1"
        args: []
        ports: [{containerPort: 80}]
        env: [{name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}, {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
        resources: {limits: {cpu: "0.5", memory: 1024Mi}}
        readinessProbe: {httpGet: {port: 80}}
        volumeMounts: [{name: data, mountPath: /data}]
`

// TestKruiseTakesOverAndLeaves lets slipway and a real Kruise release one CloneSet in turn. No pod may be replaced or
// restarted by the change alone, and each release finds the other's pods, claims and revisions as its own.
func TestKruiseTakesOverAndLeaves(t *testing.T) {
	if os.Getenv("SLIPWAY_KRUISE") == "" {
		t.Skip("SLIPWAY_KRUISE is not set: it builds a Kruise, which takes minutes: make kruise")
	}
	c := kubetest.Start(t, kubetest.Options{ControllerManager: true})
	k := newKruise(t, c)
	w := worldIn(t, c)
	c.Create(t, w.Path("clonesets"), handOver)
	w.Release(plan.BatchPlan{}, plan.Completed)
	before := w.containers()

	stop := k.run(t)
	w.scale(4) // only Kruise can answer, and it looks at everything first
	w.settle("Kruise has made a fourth pod", 4, "v1")
	after := w.containers()
	if err := unchanged(before, after); err != nil {
		t.Errorf("Kruise took over: %v", err)
	}
	if got := w.revisions(); len(got) != 1 {
		t.Errorf("Kruise took over and made revisions: %v", got)
	}
	w.onlyImage("v2")
	w.settle("Kruise has updated in place", 4, "v2")
	stop()
	byKruise := w.containers()
	if len(w.claims(4)) != 4 || fmt.Sprint(uidsOf(byKruise)) != fmt.Sprint(uidsOf(after)) {
		t.Errorf("Kruise replaced pods: %v, %v", after, byKruise)
	}

	direct := func() {
		t.Helper()
		options := w.Options()
		options.Force = true // it was Kruise that wrote the last status
		w.ReleaseWith(t.Context(), plan.BatchPlan{}, options, plan.Completed)
	}
	direct()
	if err := unchanged(byKruise, w.containers()); err != nil {
		t.Errorf("slipway took over: %v", err)
	}
	revisions := w.revisions()
	w.onlyImage("v1")
	direct()
	w.settle("slipway has updated in place", 4, "v1")
	if got := w.revisions(); len(got) != len(revisions) {
		t.Errorf("the return to v1 is a new revision: %v, %v", revisions, got)
	}
	bySlipway := w.containers()
	if fmt.Sprint(uidsOf(bySlipway)) != fmt.Sprint(uidsOf(byKruise)) {
		t.Errorf("slipway replaced pods: %v, %v", byKruise, bySlipway)
	}

	w.ofTemplate(func(app map[string]any) { kubetest.Field(app, "resources", "limits").(map[string]any)["cpu"] = "0.6" })
	direct()
	if err := unchanged(bySlipway, w.containers()); err != nil {
		t.Errorf("slipway has given pods other cpu: %v", err)
	}
	for _, p := range kubetest.Field(w.Get(t, w.Path("pods")), "items").([]any) {
		if got := kubetest.Field(p, "status", "containerStatuses", 0, "resources", "limits", "cpu"); got != "600m" {
			t.Errorf("a pod runs with %v of cpu", got)
		}
	}

	stop = k.run(t)
	w.scale(3)
	w.settle("Kruise has deleted a pod", 3, "v1")
	stop()
	if err := unchanged(w.containers(), bySlipway); err != nil {
		t.Errorf("Kruise took over again: %v", err)
	}
}

// TestRevisionsEqualThoseOfKruise compares what either writes for the same CloneSet.
func TestRevisionsEqualThoseOfKruise(t *testing.T) {
	if os.Getenv("SLIPWAY_KRUISE") == "" {
		t.Skip("SLIPWAY_KRUISE is not set: it builds a Kruise, which takes minutes: make kruise")
	}
	c := kubetest.Start(t, kubetest.Options{})
	k := newKruise(t, c)
	ours, theirs := worldIn(t, c), worldIn(t, c)
	c.Create(t, ours.Path("clonesets"), handOver)
	ours.Release(plan.BatchPlan{}, plan.Completed)
	stop := k.run(t)
	c.Create(t, theirs.Path("clonesets"), handOver)
	theirs.settle("Kruise has made the pods", 3, "v1")
	stop()
	revision := func(w *world) string {
		r := kubetest.Field(c.Get(t, w.Path("controllerrevisions")), "items", 0)
		// Ours alone: Kruise does not keep which claims the pods of an older revision have.
		delete(kubetest.Field(r, "metadata", "annotations").(map[string]any), "slipway.dev/volume-claim-templates")
		return fmt.Sprint(kubetest.Field(r, "metadata", "name"), kubetest.Field(r, "metadata", "labels"),
			kubetest.Field(r, "metadata", "annotations"), kubetest.Field(r, "data"))
	}
	if got, want := revision(ours), revision(theirs); got != want {
		t.Errorf("the revision is\n%s, Kruise's is\n%s", got, want)
	}
}

// onlyImage changes nothing but the image, in which case pods can be updated in place.
func (w *world) onlyImage(tag string) {
	w.t.Helper()
	w.ofTemplate(func(app map[string]any) { app["image"] = "example.com/app:" + tag })
}

// ofTemplate changes the container of the template.
func (w *world) ofTemplate(change func(app map[string]any)) {
	w.t.Helper()
	containers := kubetest.Field(w.Get(w.t, w.Path("clonesets", "demo")), "spec", "template", "spec", "containers")
	change(containers.([]any)[0].(map[string]any))
	w.Patch(w.t, w.Path("clonesets", "demo"), map[string]any{
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": containers}}},
	})
}

// released waits until the controller has updated all pods of the CloneSet demo and they are ready.
func (k *kruise) released(tb testing.TB, ns string, replicas int) {
	tb.Helper()
	for {
		set := k.Get(tb, "/apis/apps.kruise.io/v1alpha1/namespaces/"+ns+"/clonesets/demo")
		status, _ := set["status"].(map[string]any)
		state := fmt.Sprint(status["observedGeneration"], status["updatedReadyReplicas"], status["replicas"])
		if state == fmt.Sprint(kubetest.Field(set, "metadata", "generation"), replicas, replicas) {
			return
		}
		select {
		case <-tb.Context().Done():
			tb.Fatalf("Kruise has come as far as %s", state)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// settle waits until a status says that so many pods are there, updated and ready, and all run the image.
func (w *world) settle(what string, replicas int, tag string) {
	w.t.Helper()
	kubetest.Eventually(w.t, what, func() (bool, string) {
		set := w.Get(w.t, w.Path("clonesets", "demo"))
		status, _ := set["status"].(map[string]any)
		all := w.containers()
		done := len(all) == replicas &&
			fmt.Sprint(status["observedGeneration"]) == fmt.Sprint(kubetest.Field(set, "metadata", "generation")) &&
			fmt.Sprint(status["updatedReadyReplicas"]) == fmt.Sprint(replicas)
		for _, c := range all {
			done = done && c.image == "example.com/app:"+tag
		}
		return done, fmt.Sprint(all, status)
	})
}

// running is a pod's app container.
type running struct {
	uid, image string
	restarts   any
}

// containers are those of the pods, by the pods' names.
func (w *world) containers() map[string]running {
	w.t.Helper()
	out := map[string]running{}
	for _, p := range kubetest.Field(w.Get(w.t, w.Path("pods")), "items").([]any) {
		image, _ := kubetest.Field(p, "status", "containerStatuses", 0, "image").(string)
		out[kubetest.Field(p, "metadata", "name").(string)] = running{
			kubetest.Field(p, "metadata", "uid").(string), image, kubetest.Field(p, "status", "containerStatuses", 0, "restartCount"),
		}
	}
	return out
}

func uidsOf(pods map[string]running) map[string]string {
	out := map[string]string{}
	for name, p := range pods {
		out[name] = p.uid
	}
	return out
}

// unchanged says which of the pods is gone, replaced or restarted.
func unchanged(before, after map[string]running) error {
	for name, p := range before {
		if after[name] != p {
			return fmt.Errorf("pod %s was %v and is %v", name, p, after[name])
		}
	}
	return nil
}
