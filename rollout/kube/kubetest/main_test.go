// SPDX-License-Identifier: Apache-2.0

package kubetest_test

import (
	"os"
	"testing"

	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

var cluster = kubetest.Shared{Options: kubetest.Options{Bodies: true}}

func TestMain(m *testing.M) {
	code := m.Run()
	cluster.Stop()
	os.Exit(code)
}
