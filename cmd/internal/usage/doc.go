// SPDX-License-Identifier: Apache-2.0

// Package usage answers what people type by mistake: another command, another flag, a file where a name is meant. It says what
// is wrong and what may be meant, and knows no manifest and no release. Whoever calls it gives the error its exit code.
package usage
