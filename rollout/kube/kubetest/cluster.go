// SPDX-License-Identifier: Apache-2.0

package kubetest

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// Options say what a control plane has besides etcd, kube-apiserver and kwok. The zero value is the quickest to start.
type Options struct {
	// ControllerManager runs the controllers of StatefulSets, DaemonSets, Jobs, Deployments and PodDisruptionBudgets, garbage
	// collection, and those that finish the deletion of namespaces and claims.
	ControllerManager bool
	// Definitions are CustomResourceDefinitions to begin with. kube-controller-manager gives up on a PodDisruptionBudget whose
	// pods have an owner of a kind that was defined less than half a minute before.
	Definitions [][]byte
	// Bodies puts the objects of writes to pods and CloneSets into the audit log.
	Bodies bool
}

// Node is the name of the node that every control plane has, and that a pod without nodeName gets.
const Node = "node-0"

var errNever = errors.New("it never happened")

// Cluster is a running control plane. Its methods that take a testing.TB fail that test when they cannot do their work.
type Cluster struct {
	// Client acts as an administrator.
	*Client

	installation
	numbers atomic.Int64 // of namespaces

	mu                              sync.Mutex // guards the processes against a restart that meets the end
	etcd, apiserver, kwok, managers *process
}

// Start starts a control plane that ends with the test. It skips the test under -short. Packages with several tests share one
// with Shared.
func Start(tb testing.TB, options Options) *Cluster {
	tb.Helper()
	skipShort(tb)
	c, err := newCluster(options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.stop)
	return c
}

func skipShort(tb testing.TB) {
	tb.Helper()
	if testing.Short() {
		tb.Skip("-short: it needs a control plane")
	}
}

// Shared starts one control plane when the first test asks for it. Its zero value is ready to use.
type Shared struct {
	Options Options

	once    sync.Once
	cluster *Cluster
	err     error
}

// Get returns the control plane, and skips the test under -short.
func (s *Shared) Get(tb testing.TB) *Cluster {
	tb.Helper()
	skipShort(tb)
	s.once.Do(func() { s.cluster, s.err = newCluster(s.Options) })
	if s.err != nil {
		tb.Fatal(s.err)
	}
	return s.cluster
}

// Stop ends what Get started, if it did. It is for TestMain.
func (s *Shared) Stop() {
	s.once.Do(func() { s.err = errors.New("the control plane is stopped already") })
	if s.cluster != nil {
		s.cluster.stop()
	}
}

// newCluster starts a control plane. A port may be taken between the search and the start: then it is started on others.
func newCluster(options Options) (*Cluster, error) {
	programs, err := servers()
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		c := &Cluster{installation: installation{options: options, programs: programs}}
		if err = c.start(); err == nil {
			return c, nil
		}
		c.stop()
		if attempt == 3 {
			return nil, fmt.Errorf("start a control plane: %w", err)
		}
	}
}

func (c *Cluster) start() error {
	var err error
	if c.dir, err = newFolder(); err != nil {
		return err
	}
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	c.etcdPort, c.peerPort, c.apiPort = ports[0], ports[1], ports[2]
	if err := c.writeConfig(); err != nil {
		return err
	}
	if c.etcd, err = start(c.dir, c.program("etcd"), c.etcdArgs()...); err != nil {
		return err
	}
	if err := c.startAPI(); err != nil {
		return err
	}
	if err := c.furnish(); err != nil {
		return err
	}
	return c.startClients()
}

// startAPI starts the API server and waits until it is ready.
func (c *Cluster) startAPI() error {
	var err error
	if c.apiserver, err = start(c.dir, c.program("kube-apiserver"), c.apiserverArgs()...); err != nil {
		return err
	}
	return poll("kube-apiserver is ready", func() (bool, error) {
		for _, p := range []*process{c.etcd, c.apiserver} {
			if !p.running() {
				return true, p.died()
			}
		}
		return c.ready()
	})
}

// ready asks the API server whether it is ready. It has a certificate only some time after its start.
func (c *Cluster) ready() (bool, error) {
	if c.Client == nil {
		ca, err := os.ReadFile(c.file(certificate))
		if err != nil {
			return false, err
		}
		if !x509.NewCertPool().AppendCertsFromPEM(ca) { // the file is there before its content is
			return false, fmt.Errorf("%s: no certificate yet", c.file(certificate))
		}
		c.Client = newClient("https://127.0.0.1:"+c.apiPort, c.tokens.admin, ca)
	}
	status, body, err := c.Do(http.MethodGet, "/readyz?verbose", "", nil)
	if err != nil {
		return false, err
	}
	if status != http.StatusOK {
		return false, fmt.Errorf("status %d: %s", status, body)
	}
	return true, nil
}

// startClients starts what works through the API server, and waits until the node is ready: then kwok is at work.
func (c *Cluster) startClients() error {
	var err error
	if c.kwok, err = start(c.dir, c.program("kwok"), c.kwokArgs()...); err != nil {
		return err
	}
	if err := c.startManagers(); err != nil {
		return err
	}
	return poll("the node is ready", func() (bool, error) {
		for _, p := range []*process{c.kwok, c.managers} {
			if p != nil && !p.running() {
				return true, p.died()
			}
		}
		return c.nodeReady()
	})
}

// startManagers starts kube-controller-manager where it is asked for.
func (c *Cluster) startManagers() (err error) {
	if c.options.ControllerManager {
		c.managers, err = start(c.dir, c.program("kube-controller-manager"), c.managerArgs()...)
	}
	return err
}

// RestartControllers ends kube-controller-manager as a crash does, in the middle of whatever it does, and starts it again. What
// it knew is gone with it.
func (c *Cluster) RestartControllers(tb testing.TB) {
	tb.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.managers.stop()
	if err := c.startManagers(); err != nil {
		tb.Error(err) // also where a test does not run in its own goroutine
	}
}

// stop ends every process, removes the folder and waits for nothing else.
func (c *Cluster) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range []*process{c.managers, c.kwok, c.apiserver, c.etcd} {
		p.stop()
	}
	if c.dir != "" {
		os.RemoveAll(c.dir)
	}
}

// StopAPI ends the API server as a crash does.
func (c *Cluster) StopAPI(tb testing.TB) {
	tb.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.apiserver.stop()
	if err := poll("the port of kube-apiserver is free", func() (bool, error) { return portFree(c.apiPort), nil }); err != nil {
		tb.Fatal(err)
	}
}

// StartAPI starts the API server again on the same port, with the same certificate and tokens. kwok starts again with it: it
// gives up on a pod whose update failed.
func (c *Cluster) StartAPI(tb testing.TB) {
	tb.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kwok.stop()
	c.managers.stop()
	if err := c.startAPI(); err != nil {
		tb.Fatal(err)
	}
	if err := c.startClients(); err != nil {
		tb.Fatal(err)
	}
}
