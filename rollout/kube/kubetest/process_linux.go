// SPDX-License-Identifier: Apache-2.0

package kubetest

import (
	"errors"
	"os"
	"syscall"
)

// attributes gives a server its own process group, so that an interrupt from the terminal reaches the test alone, and lets
// it die with the test.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// kill ends the process and all that it started.
func kill(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
}

// alive tells whether there is a process with this id.
func alive(pid int) bool {
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
