// SPDX-License-Identifier: Apache-2.0

package sim

// Writes is how many writes happened so far.
func (c *Cluster) Writes() Writes { return c.writes }

// Pods is the number of writes on pods.
func (w Writes) Pods() int {
	return w.Create + w.Delete + w.Drain + w.Resize + w.Update + w.Readmit + w.Keep + w.Lifecycle
}
