// SPDX-License-Identifier: Apache-2.0

package process

import (
	"fmt"
	"runtime/debug"
)

// VersionLine is the version, the commit and the Go version.
func VersionLine() string {
	version, commit, goVersion := "(unknown)", "", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version, goVersion = info.Main.Version, info.GoVersion
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				commit = " commit " + setting.Value
			}
		}
	}
	return fmt.Sprintf("slipway %s%s %s", version, commit, goVersion)
}

// UserAgent is the name and version, as servers see them.
func UserAgent() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return "slipway/" + info.Main.Version
	}
	return "slipway/unknown"
}
