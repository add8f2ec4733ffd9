// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/plan"
)

const monitoring = "../../testdata/examples/rollout/monitoring/"

// served are the metrics of an agent that has done a little of everything.
func served(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	m := agent.NewMetrics(time.Now)
	m.Record(rollout.Observed{}, rollout.Decision{})
	m.Measure(plan.Measurement{Check: "errors", Verdict: plan.CheckFailed})
	agent.CountRequest(m, httptest.NewRequest(http.MethodPatch, "/api/v1/namespaces/shop/pods/a/status", nil))
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// TestMetricsAreDocumented holds the table of rollout/README.md against what is served.
func TestMetricsAreDocumented(t *testing.T) {
	var rows []string
	for name, family := range served(t) {
		var labels []string
		for _, l := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+l.GetName()+"`")
		}
		rows = append(rows, strings.ReplaceAll(fmt.Sprintf("| `%s` | %s | %s | %s |", name, strings.ToLower(family.GetType().String()),
			strings.Join(labels, ", "), family.GetHelp()), "|  |", "| |"))
	}
	slices.Sort(rows)
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := regexp.MustCompile("(?m)^\\| `slipway_.*$").FindAllString(string(readme), -1)
	slices.Sort(documented)
	if diff := cmp.Diff(rows, documented); diff != "" {
		t.Errorf("rollout/README.md, Metrics (-served +documented):\n%s", diff)
	}
}

// TestMonitoringAsksForWhatIsServed looks up every metric, label and value in the example's rules and dashboard.
func TestMonitoringAsksForWhatIsServed(t *testing.T) {
	families := served(t)
	for _, file := range []string{"rules.yaml", "dashboard.json"} {
		text, err := os.ReadFile(monitoring + file)
		if err != nil {
			t.Fatal(err)
		}
		names := regexp.MustCompile(`slipway_[a-z_]+`).FindAllString(string(text), -1)
		if len(names) < 5 {
			t.Errorf("%s: only %v are asked for", file, names)
		}
		for _, name := range names {
			if families[name] == nil && families[strings.TrimSuffix(name, "_bucket")] == nil {
				t.Errorf("%s: nobody serves %s", file, name)
			}
		}
		for _, m := range regexp.MustCompile(`state=~?\\?"([a-z_|]+)`).FindAllStringSubmatch(string(text), -1) {
			for state := range strings.SplitSeq(m[1], "|") {
				if !strings.Contains(families["slipway_pods"].GetHelp(), state) {
					t.Errorf("%s: there is no state %s", file, state)
				}
			}
		}
	}
	text, err := os.ReadFile(monitoring + "dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Annotations *struct{}
		Panels      []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal(text, &dashboard); err != nil || len(dashboard.Panels) == 0 || dashboard.Annotations == nil {
		t.Errorf("the dashboard has no panels, or no annotations, which Grafana's schema asks for: %v", err)
	}
}

// TestRulesLoad gives the example's rules, and the dashboard's queries as rules, to Prometheus' own checker.
func TestRulesLoad(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not on PATH: Debian's package prometheus has it")
	}
	text, err := os.ReadFile(monitoring + "dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	queries := "groups:\n- name: dashboard\n  rules:\n"
	for i, m := range regexp.MustCompile(`"expr": ("(?:[^"\\]|\\.)*")`).FindAllStringSubmatch(string(text), -1) {
		queries += fmt.Sprintf("  - {record: 'q%d', expr: %s}\n", i, strings.ReplaceAll(m[1], "$__rate_interval", "5m"))
	}
	file := t.TempDir() + "/queries.yaml"
	if err := os.WriteFile(file, []byte(queries), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), promtool, "check", "rules", monitoring+"rules.yaml", file).
		CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
