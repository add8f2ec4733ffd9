// SPDX-License-Identifier: Apache-2.0

package manifest

import "strings"

// SameImage compares names of images as a container runtime completes them.
func SameImage(a, b string) bool { return FullImage(a) == FullImage(b) }

// FullImage writes an image's name in full: registry, path, tag or digest.
func FullImage(image string) string {
	first, rest, slash := strings.Cut(image, "/")
	switch {
	case !slash:
		image = "docker.io/library/" + image
	case !strings.ContainsAny(first, ".:") && first != "localhost":
		image = "docker.io/" + image
	case first == "docker.io" && !strings.Contains(rest, "/"):
		image = "docker.io/library/" + rest
	case first == "index.docker.io":
		return FullImage(rest)
	}
	if !strings.Contains(image, "@") && !strings.Contains(image[strings.LastIndexByte(image, '/'):], ":") {
		image += ":latest"
	}
	return image
}
