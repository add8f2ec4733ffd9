// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"errors"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

var shared = kubetest.Shared{Options: kubetest.Options{ControllerManager: true, Bodies: true}}

// TestMain runs more tests at a time than there are processors: they wait for pods most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("8")
	}
	code := m.Run()
	shared.Stop()
	advanced.Stop()
	os.Exit(code)
}

// hangs is from when on a release that should have ended hangs: machines differ, and busy ones more so.
const hangs = 5 * time.Minute

// world is a namespace of the control plane with one CloneSet, demo.
type world struct {
	*agenttest.World
	t         *testing.T
	namespace string
}

func newWorld(t *testing.T, manifest string) *world {
	t.Helper()
	w := agenttest.New(t, &shared, manifest)
	return &world{World: w, t: t, namespace: w.NS}
}

// worldIn is an empty world in a control plane.
func worldIn(tb testing.TB, c *kubetest.Cluster) *world {
	tb.Helper()
	w := &world{World: agenttest.In(tb, c)}
	w.namespace = w.NS
	if t, ok := tb.(*testing.T); ok {
		w.t, w.T = t, t
	}
	return w
}

func held(err error) *kube.HeldError {
	var h *kube.HeldError
	if errors.As(err, &h) {
		return h
	}
	return nil
}
