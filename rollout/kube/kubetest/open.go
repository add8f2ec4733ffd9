// SPDX-License-Identifier: Apache-2.0

package kubetest

// Open starts a control plane for a person to try things on: no test ends it, but Close does, and the end of the process.
func Open(options Options) (*Cluster, error) { return newCluster(options) }

// Close ends every process and removes what they have written.
func (c *Cluster) Close() { c.stop() }

// AdminKubeconfig is a kubeconfig of an administrator, in the namespace default.
func (c *Cluster) AdminKubeconfig() []byte { return kubeconfig(c.url, c.token, c.ca, "default") }

// KubectlPath is the program that the control plane brings along.
func (c *Cluster) KubectlPath() string { return c.program("kubectl") }
