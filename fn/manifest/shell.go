// SPDX-License-Identifier: Apache-2.0

package manifest

import "strings"

// ShellWord writes an argument of a command that is printed for people so that a POSIX shell reads it as one word.
func ShellWord(argument string) string {
	if argument == "" || strings.ContainsAny(argument, " \t\n'\"\\$`*?[]#~!;&|<>(){}") {
		return "'" + strings.ReplaceAll(argument, "'", `'\''`) + "'"
	}
	return argument
}
