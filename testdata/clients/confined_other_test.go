// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package clients

import "syscall"

// confined is never used here: the tests that need it skip.
func confined(string) *syscall.SysProcAttr { return nil }
