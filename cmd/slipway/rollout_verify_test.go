// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/rollout/kube/crd"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/verify"
)

const verifyPlan = `
apiVersion: slipway.dev/v1alpha1
kind: BatchPlan
metadata: {name: demo}
spec:
  target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}
  batches:
  - replicas: 1
  - replicas: 100%
`

// TestRolloutVerify holds manifests against a real control plane at the command line: the three forms of output and the
// exit codes.
func TestRolloutVerify(t *testing.T) {
	c := kubetest.Start(t, kubetest.Options{})
	c.Install(t, crd.CloneSet())
	ns := c.Namespace(t)
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plan, manifest := file("plan.yaml", verifyPlan), file("cloneset.yaml", runSet)
	kubeconfig := c.Kubeconfig(t)
	verified := func(want int, args ...string) string {
		t.Helper()
		var out, messages bytes.Buffer
		args = append([]string{"rollout", "verify", "--kubeconfig", kubeconfig, "-n", ns}, args...)
		if code := run(t.Context(), args, strings.NewReader(""), &out, &messages); code != want || messages.Len() > 0 {
			t.Fatalf("%v: exit code %d, want %d\n%s%s", args, code, want, out.String(), messages.String())
		}
		return out.String()
	}

	if out := verified(10, "--plan", plan); !strings.Contains(out,
		"error: CloneSet "+ns+"/demo: there is nothing to release: it does not exist [target-missing]\n  apply it") {
		t.Errorf("of nothing it says\n%s", out)
	}
	out := verified(0, "--plan", plan, "-f", manifest)
	if !strings.Contains(out, "\nlooked at 1 Node, ") ||
		!strings.HasSuffix(out, "CloneSet "+ns+"/demo: nothing stands in the way of the release: 0 errors, 1 warning\n") {
		t.Errorf("of a first release it says\n%s", out)
	}
	c.Create(t, "/apis/apps.kruise.io/v1alpha1/namespaces/"+ns+"/clonesets", runSet)
	c.Create(t, "/api/v1/namespaces/"+ns+"/limitranges",
		`{apiVersion: v1, kind: LimitRange, metadata: {name: small}, spec: {limits: [{type: Pod, min: {cpu: 1}}]}}`)

	out = verified(10, "--plan", plan)
	first, _, _ := strings.Cut(out, "\n")
	if first != "error: LimitRange "+ns+"/small: every new pod is refused, so the release ends before its first one: the pod "+
		"requests no cpu, at least 1 is demanded [limit-range]" {
		t.Errorf("the first line is %s", first)
	}
	if !strings.HasSuffix(out, "the release would not get through: 1 error, 1 warning\n") {
		t.Errorf("it ends in\n%s", out)
	}
	var v verify.Report
	if err := json.Unmarshal([]byte(verified(10, "demo", "-o", "json")), &v); err != nil || v.Name != "demo" ||
		v.Count("error") != 1 || v.Findings[0].Object.Name != "small" {
		t.Errorf("%v: %+v", err, v)
	}
	sarif := verified(10, "--plan", plan, "-o", "sarif")
	var log struct {
		Runs []struct {
			Results []struct{ RuleID, Level string }
		}
	}
	if err := json.Unmarshal([]byte(sarif), &log); err != nil || log.Runs[0].Results[0].RuleID != "limit-range" ||
		log.Runs[0].Results[0].Level != "error" {
		t.Errorf("%v in %s", err, sarif)
	}

	tooLarge := file("large.yaml", strings.Replace(verifyPlan, "replicas: 1\n", "replicas: 9\n", 1))
	if out := verified(10, "--plan", tooLarge); !strings.HasPrefix(out,
		"error: "+tooLarge+":8: CloneSet "+ns+"/demo: spec.batches[0].replicas: ") {
		t.Errorf("of a batch that is too large it says\n%s", out)
	}
	wrong := file("wrong.yaml", strings.Replace(runSet, "labels: {app: demo}", "labels: {app: other}", 1))
	if out := verified(10, "--plan", plan, "-f", wrong); !strings.HasPrefix(out,
		"error: "+wrong+":7: CloneSet "+ns+"/demo: spec.selector: ") || !strings.Contains(out, "[selector-mismatch]") {
		t.Errorf("of a selector that is wrong it says\n%s", out)
	}
	if out := verified(10, "demo", "--as-service-account", "nobody"); !strings.Contains(out,
		"error: ServiceAccount "+ns+"/nobody: lacks 2") {
		t.Errorf("of nobody's rights it says\n%s", out)
	}
}
