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

// writeConfig writes what the servers read at their start.
func (c *Cluster) writeConfig() error {
	c.tokens = newTokens()
	key, err := newKey()
	if err != nil {
		return err
	}
	policy, err := json.Marshal(auditRules(c.options.Bodies))
	if err != nil {
		return err
	}
	stages, err := stagesFile()
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{
		accountKey: key, tokenFile: []byte(c.tokens.csv()), auditPolicy: policy, stageFile: stages,
	} {
		if err := os.WriteFile(c.file(name), text, 0o600); err != nil {
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

func (c *Cluster) etcdArgs() []string {
	client, peer := "http://127.0.0.1:"+c.etcdPort, "http://127.0.0.1:"+c.peerPort
	return []string{
		"--data-dir=" + c.file("etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=default=" + peer,
	}
}

func (c *Cluster) apiserverArgs() []string {
	args := []string{
		"--etcd-servers=http://127.0.0.1:" + c.etcdPort,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + c.apiPort, "--cert-dir=" + c.dir,
		"--service-cluster-ip-range=10.0.0.0/24",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-signing-key-file=" + c.file(accountKey), "--service-account-key-file=" + c.file(accountKey),
		"--authorization-mode=RBAC", "--token-auth-file=" + c.file(tokenFile),
		"--audit-policy-file=" + c.file(auditPolicy), "--audit-log-path=" + c.file(auditLog), "--audit-log-maxsize=4096",
		"--profiling=false",
	}
	if !c.options.ControllerManager {
		// Its finalizer on claims is taken off by a controller.
		args = append(args, "--disable-admission-plugins=StorageObjectInUseProtection")
	}
	return args
}

func (c *Cluster) kwokArgs() []string {
	return []string{
		"--kubeconfig=" + c.file(kwokConfig), "--config=" + c.file(stageFile),
		"--manage-all-nodes=true", "--node-port=0", "--server-address=", "--node-lease-duration-seconds=0",
	}
}

func (c *Cluster) managerArgs() []string {
	return []string{
		"--kubeconfig=" + c.file(managersConfig), "--service-account-private-key-file=" + c.file(accountKey),
		"--leader-elect=false", "--secure-port=0", "--profiling=false",
		"--kube-api-qps=500", "--kube-api-burst=1000",
		"--controllers=resourcequota-controller,deployment-controller,replicaset-controller,statefulset-controller,job-controller,cronjob-controller," +
			"disruption-controller,garbage-collector-controller,namespace-controller,serviceaccount-controller," +
			"persistentvolumeclaim-protection-controller",
	}
}
