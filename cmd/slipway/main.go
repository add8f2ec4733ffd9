// SPDX-License-Identifier: Apache-2.0

// Command slipway injects SidecarSets into rendered manifests and releases CloneSets batch by batch.
package main

func main() {}
