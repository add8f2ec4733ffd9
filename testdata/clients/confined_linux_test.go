// SPDX-License-Identifier: Apache-2.0

package clients

import "syscall"

// confined puts a process into a folder and a network namespace of its own, as the image's user.
func confined(root string) *syscall.SysProcAttr {
	const user = 65532
	return &syscall.SysProcAttr{
		Chroot: root, Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		Credential: &syscall.Credential{Uid: user, Gid: user},
	}
}
