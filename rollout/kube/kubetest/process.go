// SPDX-License-Identifier: Apache-2.0

package kubetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"
)

// process is a server that runs until it is stopped, or until the test's process dies where the system can arrange that.
type process struct {
	name   string
	logs   string // file of its stdout and stderr
	cmd    *exec.Cmd
	exited chan struct{}
}

// start runs a server. Its output is appended to NAME.log in dir.
func start(dir, path string, args ...string) (*process, error) {
	name := filepath.Base(path)
	p := &process{name: name, logs: filepath.Join(dir, name+".log"), exited: make(chan struct{})}
	logs, err := os.OpenFile(p.logs, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer logs.Close()
	p.cmd = exec.Command(path, args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, logs, logs
	p.cmd.SysProcAttr = attributes()
	started := make(chan error)
	go func() {
		// Linux ends the child with the thread that started it, so this thread stays until the child is gone.
		runtime.LockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait()
			close(p.exited)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// stop ends the server at once and waits until it is gone. kube-apiserver would wait for open watches otherwise, and nothing
// that a server writes is needed afterwards.
func (p *process) stop() {
	if p == nil {
		return
	}
	kill(p.cmd.Process)
	<-p.exited
}

func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// died describes how the server ended, with the end of its log.
func (p *process) died() error {
	text, _ := os.ReadFile(p.logs)
	if lines := bytes.Split(bytes.TrimSpace(text), []byte("\n")); len(lines) > 15 {
		text = bytes.Join(lines[len(lines)-15:], []byte("\n"))
	}
	return fmt.Errorf("%s ended: %v\n%s", p.name, p.cmd.ProcessState, text)
}

// The ports of servers are below those that systems hand out to outgoing connections: a port stays free between the search and
// the start, and while the server is down for a restart.
const (
	firstPort = 18000
	lastPort  = 32000
)

// freePorts finds ports that nobody listens on.
func freePorts(n int) ([]string, error) {
	var ports []string
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if portFree(strconv.Itoa(port)) {
			ports = append(ports, strconv.Itoa(port))
		}
		if len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("no %d free ports between %d and %d", n, firstPort, lastPort)
}

func portFree(port string) bool {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

// timeout is how long a server may take to do what it does in seconds: machines differ, and busy ones more so.
const timeout = 3 * time.Minute

// poll asks until the answer is yes, and then returns the error that came with it. One that came with a no tells, at the end,
// what was in the way.
func poll(what string, question func() (bool, error)) error {
	deadline := time.Now().Add(timeout)
	for {
		yes, err := question()
		if yes {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %v until %s: %w", timeout, what, orNever(err))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func orNever(err error) error {
	if err == nil {
		return errNever
	}
	return err
}
