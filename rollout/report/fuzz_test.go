// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/report"
	"github.com/slipway-dev/slipway/rollout/sim"
)

// FuzzReadHistory holds that any log, broken anywhere, is either refused or becomes a page of a bounded size without any
// markup that the log brought in.
func FuzzReadHistory(f *testing.F) {
	var log bytes.Buffer
	plan := plan.BatchPlan{Batches: []plan.Batch{{Replicas: plan.Pods(1)}, {Replicas: plan.Percent(100)}}}
	audit := report.NewAudit(&log, plan)
	if _, err := sim.Play(f.Context(), plan, sim.New(cart(2, "cart:v2"), template("cart:v1"), sim.Options{Crashes: 1, Horizon: 10}),
		audit.Record); err != nil {
		f.Fatal(err)
	}
	f.Add(log.Bytes())
	f.Add(bytes.ReplaceAll(log.Bytes(), []byte("cart"), []byte(`\u003cscript>`)))
	f.Add([]byte(`{"plan":{},"now":"2026-01-01T00:00:00Z","cloneSet":{"Spec":{"Replicas":9223372036854775807}},` +
		`"decision":{"Target":-9223372036854775808}}`))
	f.Add([]byte(`{"plan":{},"now":"9999-01-01T00:00:00Z","decision":{}}` + "\n" +
		`{"now":"0001-01-01T00:00:00Z","pods":[{"Name":"a"}],"decision":{}}`))
	f.Add([]byte(`{"plan":{"Mode":"Partition"},"cloneSet":{"Status":{"Replicas":-5,"UpdatedReplicas":9223372036854775807}},` +
		`"decision":{}}`))
	f.Add([]byte(`{"plan":{"mode":"Partition"},"version":1,` +
		`"workload":{"status":{"replicas":-5,"updatedReplicas":9223372036854775807}},"decision":{"after":"-1h"}}`))
	f.Add([]byte(`{"plan":{},"version":2,"groups":[{"pods":"0-3,9","names":["a","b","c","d","<script>"],"nodes":["n"],` +
		`"alike":{"ready":true}}],"decision":{}}` + "\n" +
		`{"groups":[{"pods":"9,0-2","alike":{}}],"left":"3","decision":{},` +
		`"writes":[{"kind":"DeletePod","pods":"0-2"},{"kind":"CreatePod","instances":["x"]}]}`))
	tags := regexp.MustCompile(`<(script|img|iframe|object|embed|a|link|style)[ >]`)
	f.Fuzz(func(t *testing.T, log []byte) {
		all, err := report.ReadHistory(bytes.NewReader(log))
		if err != nil {
			return
		}
		for _, h := range all {
			page := render(t, h)
			if n := len(tags.FindAllString(page, -1)); n > 3 {
				t.Errorf("%d tags of a kind that the page has thrice at most", n)
			}
			if len(page) > 100_000+20*len(log) || !strings.HasSuffix(page, "</html>\n") {
				t.Errorf("a log of %d bytes becomes a page of %d", len(log), len(page))
			}
		}
	})
}
