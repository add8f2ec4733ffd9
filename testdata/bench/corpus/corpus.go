// SPDX-License-Identifier: Apache-2.0

// Package corpus makes the manifests that slipway is measured on.
//
// Stream(n) is n Deployments, Services and ConfigMaps, 3n documents, about 5 MB at 2,000. Every second Deployment carries
// app-type: long-term, the label that SidecarSet selects; every third has a log-volume of its own, which prevails over the
// SidecarSet's. The same n gives the same bytes, on every machine.
package corpus

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
)

// SidecarSet selects every second Deployment of the corpus.
const SidecarSet = `apiVersion: apps.kruise.io/v1alpha1
kind: SidecarSet
metadata:
  name: log-sidecar
spec:
  selector:
    matchLabels:
      app-type: long-term
  containers:
  - name: log-collector
    image: xxx:latest
    volumeMounts:
    - name: log-volume
      mountPath: /var/log
  volumes:
  - name: log-volume
    emptyDir: {}
`

// Stream returns the corpus of n Deployments as one YAML stream.
func Stream(n int) []byte {
	var b bytes.Buffer
	_ = Write(&b, n) // a bytes.Buffer takes every write
	return b.Bytes()
}

// Write writes the corpus of n Deployments as one YAML stream, never holding more than one document.
func Write(w io.Writer, n int) error {
	return each(w, n, "", "---\n")
}

// WriteResourceList writes the corpus as the items of a ResourceList with the SidecarSet as its functionConfig: what an
// orchestrator hands to a function.
func WriteResourceList(w io.Writer, n int) error {
	if _, err := io.WriteString(w, "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n"); err != nil {
		return err
	}
	if err := each(w, n, "  ", ""); err != nil {
		return err
	}
	_, err := io.WriteString(w, "functionConfig:\n"+indent(SidecarSet, "  "))
	return err
}

// each writes all documents with a separator between them, as list items where there is an indent.
func each(w io.Writer, n int, prefix, separator string) error {
	out := bufio.NewWriter(w)
	random := rand.New(rand.NewPCG(1, 1))
	first := true
	for i := range n {
		for _, doc := range []string{deployment(random, i), service(i), configMap(random, i)} {
			if !first {
				out.WriteString(separator)
			}
			first = false
			if prefix != "" {
				doc = "- " + strings.TrimPrefix(indent(doc, prefix), prefix)
			}
			out.WriteString(doc)
		}
	}
	return out.Flush()
}

// indent puts a prefix before every line.
func indent(text, prefix string) string {
	return prefix + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+prefix) + "\n"
}

func deployment(random *rand.Rand, i int) string {
	kind, own := "batch", ""
	if i%2 == 0 {
		kind = "long-term"
	}
	if i%3 == 0 {
		own = fmt.Sprintf("      - name: log-volume\n        persistentVolumeClaim:\n          claimName: logs-%d\n", i)
	}
	var env strings.Builder
	for k := range 8 {
		fmt.Fprintf(&env, "        - name: VAR_%d\n          value: \"value-%d\"\n", k, random.IntN(10000))
	}
	return fmt.Sprintf(deploymentText, i, i%20, i, kind, 1+random.IntN(9), i, i, kind,
		i, random.IntN(100), random.IntN(100), env.String(), i, own)
}

const deploymentText = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-%d
  namespace: team-%d
  labels:
    app: app-%d
    app-type: %s
spec:
  replicas: %d
  selector:
    matchLabels:
      app: app-%d
  template:
    metadata:
      labels:
        app: app-%d
        app-type: %s
    spec:
      # main container
      containers:
      - name: app
        image: example/app-%d:v1.%d.%d
        ports:
        - containerPort: 8080
        env:
%s        resources:
          requests:
            cpu: 100m
            memory: 128Mi
          limits:
            cpu: "1"
            memory: 512Mi
        readinessProbe:
          httpGet:
            path: /healthz
            port: 8080
          initialDelaySeconds: 5
        volumeMounts:
        - name: log-volume
          mountPath: /app/logs
        - name: config
          mountPath: /etc/app
      volumes:
      - name: config
        configMap:
          name: app-%d-config
%s`

func service(i int) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Service
metadata:
  name: app-%d
  namespace: team-%d
spec:
  selector:
    app: app-%d
  ports:
  - port: 80
    targetPort: 8080
`, i, i%20, i)
}

func configMap(random *rand.Rand, i int) string {
	var data strings.Builder
	for k := range 3 {
		fmt.Fprintf(&data, "  key-%d: |\n", k)
		for range 4 {
			fmt.Fprintf(&data, "    line %d of some configuration text that is long enough\n", random.IntN(1_000_000_000))
		}
	}
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app-%d-config\n  namespace: team-%d\ndata:\n%s",
		i, i%20, data.String())
}
