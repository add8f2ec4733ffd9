// SPDX-License-Identifier: Apache-2.0

// Package kubetest runs a real control plane for tests: etcd, kube-apiserver, kwok in place of kubelets and, on request,
// kube-controller-manager. Everything listens on loopback and ends with the test.
//
// A package that needs one keeps a Shared and stops it in TestMain:
//
//	var cluster kubetest.Shared
//
//	func TestMain(m *testing.M) {
//		code := m.Run()
//		cluster.Stop()
//		os.Exit(code)
//	}
//
//	func TestSomething(t *testing.T) {
//		c := cluster.Get(t)       // starts it once, skips under -short
//		ns := c.Namespace(t)      // one for each test
//		agent := c.User(t, ns, kubetest.Rule{Resources: []string{"pods"}, Verbs: []string{"get"}})
//		kubeconfig := agent.Kubeconfig(t)
//		...
//		c.Requests(t, ns).Writes().By("slipway").Count() // what the agent really did
//	}
//
// The servers come from the nested module testdata/controlplane, which builds them into the user's cache: minutes the first
// time, nothing after that. The package itself needs the standard library alone, so that no test drags Kubernetes into
// slipway's go.mod. Tests bring their own client; Client is for setting scenes and looking at results.
//
// # Pods
//
// A pod without nodeName gets the node Node; there is no scheduler. What a pod does follows from its annotations (the
// constants that begin with Annotation, which a test may also change while the pod runs) and the tags of its images (those
// that begin with Tag). Without them it is ready after some milliseconds, restarts a container whose image changes, keeps
// Ready in step with its readiness gates, and goes when it is deleted.
//
// # Not for
//
// There is no container, no network between pods and no scheduler. Time is the real one. Nothing here belongs into a program.
package kubetest
