// SPDX-License-Identifier: Apache-2.0

package kubetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Files in the folder of a control plane. The API server makes its certificate itself.
const (
	certificate    = "apiserver.crt"
	accountKey     = "accounts.key"
	tokenFile      = "tokens.csv"
	auditPolicy    = "audit-policy.json"
	auditLog       = "audit.log"
	stageFile      = "stages.yaml"
	kwokConfig     = "kwok.kubeconfig"
	managersConfig = "managers.kubeconfig"
)

// tokens are the bearer tokens of the users that the control plane itself needs. All others have a service account.
type tokens struct{ admin, kwok, managers string }

func newTokens() tokens { return tokens{admin: rand.Text(), kwok: rand.Text(), managers: rand.Text()} }

// csv is the file for --token-auth-file: token, user, uid, groups.
func (t tokens) csv() string {
	var lines strings.Builder
	for user, token := range map[string]string{"admin": t.admin, "kwok": t.kwok, "kube-controller-manager": t.managers} {
		fmt.Fprintf(&lines, "%s,%s,%s,system:masters\n", token, user, user)
	}
	return lines.String()
}

// installation is what the servers of a control plane are started with: their folder, ports and tokens.
type installation struct {
	options  Options
	dir      string // everything that the servers write
	programs string // the servers' programs
	etcdPort string
	peerPort string
	apiPort  string
	tokens   tokens
}

func (i *installation) program(name string) string { return filepath.Join(i.programs, name) }

func (i *installation) file(name string) string { return filepath.Join(i.dir, name) }

// writeConfig writes what the servers read at their start.
func (i *installation) writeConfig() error {
	i.tokens = newTokens()
	key, err := newKey()
	if err != nil {
		return err
	}
	policy, err := json.Marshal(auditRules(i.options.Bodies))
	if err != nil {
		return err
	}
	stages, err := stagesFile()
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{
		accountKey: key, tokenFile: []byte(i.tokens.csv()), auditPolicy: policy, stageFile: stages,
	} {
		if err := os.WriteFile(i.file(name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// newKey makes a key for the tokens of service accounts.
func newKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func (i *installation) etcdArgs() []string {
	client, peer := "http://127.0.0.1:"+i.etcdPort, "http://127.0.0.1:"+i.peerPort
	return []string{
		"--data-dir=" + i.file("etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=default=" + peer,
	}
}

func (i *installation) apiserverArgs() []string {
	args := []string{
		"--etcd-servers=http://127.0.0.1:" + i.etcdPort,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + i.apiPort, "--cert-dir=" + i.dir,
		"--service-cluster-ip-range=10.0.0.0/24",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-signing-key-file=" + i.file(accountKey), "--service-account-key-file=" + i.file(accountKey),
		"--authorization-mode=RBAC", "--token-auth-file=" + i.file(tokenFile),
		"--audit-policy-file=" + i.file(auditPolicy), "--audit-log-path=" + i.file(auditLog), "--audit-log-maxsize=4096",
		"--profiling=false",
	}
	if !i.options.ControllerManager {
		// Its finalizer on claims is taken off by a controller.
		args = append(args, "--disable-admission-plugins=StorageObjectInUseProtection")
	}
	return args
}

func (i *installation) kwokArgs() []string {
	return []string{
		"--kubeconfig=" + i.file(kwokConfig), "--config=" + i.file(stageFile),
		"--manage-all-nodes=true", "--node-port=0", "--server-address=", "--node-lease-duration-seconds=0",
	}
}

func (i *installation) managerArgs() []string {
	return []string{
		"--kubeconfig=" + i.file(managersConfig), "--service-account-private-key-file=" + i.file(accountKey),
		"--leader-elect=false", "--secure-port=0", "--profiling=false",
		"--kube-api-qps=500", "--kube-api-burst=1000",
		"--controllers=resourcequota-controller,deployment-controller,daemonset-controller,replicaset-controller,statefulset-controller,job-controller,cronjob-controller," +
			"disruption-controller,garbage-collector-controller,namespace-controller,serviceaccount-controller," +
			"persistentvolumeclaim-protection-controller",
	}
}
