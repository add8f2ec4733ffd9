// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	_ "embed" // the health scripts
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/rollout/kube"
)

// By these scripts Argo CD tells the health of Kruise's workloads, and of a Deployment.
var (
	//go:embed health.lua
	healthLua string
	//go:embed health_deployment.lua
	healthOfDeployment string
)

// Snippets are what a GitOps tool needs beside the manifests of releases: for Argo CD a part of an Application and of the
// ConfigMap argocd-cm, for Flux a part of a Kustomization. It is YAML with the reasons as comments.
func Snippets(tool GitOps) (string, error) {
	switch tool {
	case ArgoCD:
		return argoSnippets()
	case Flux:
		return fluxSnippets()
	default:
		return "", fmt.Errorf("%s needs nothing beside the manifests: name %s or %s", tool, ArgoCD, Flux)
	}
}

func argoSnippets() (string, error) {
	var differences []any
	config := object{}
	for _, k := range groupKinds() {
		difference := k.named()
		difference["jsonPointers"] = k.stepped()
		differences = append(differences, difference)
		health := "resource.customizations.health." + k.Group() + "_" + k.Name
		switch {
		case k.Group() == kube.KruiseGroup:
			config[health] = healthLua
		case k.BySurge:
			config[health] = healthOfDeployment
		}
	}
	return documents(
		document{
			`Into the Application. The agent steps the partition that Git holds at rest: without the first part a sync during a
release counts as drift, and without the second it puts the partition back and takes the release apart. Write the entry
of a Deployment, here web, for each one that is released: of any other these fields are to be as Git has them.`,
			object{"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "spec": object{
				"ignoreDifferences": differences,
				"syncPolicy":        object{"syncOptions": []string{"RespectIgnoreDifferences=true", "ServerSideApply=true"}},
			}},
		},
		document{
			`Into Argo CD's own ConfigMap. Its built-in scripts call a partition at rest Suspended, and the last batch Degraded, which
fails a sync of several waves. A paused Deployment is Suspended to it, also at rest, and a later wave waits for it without end;
the script of a Deployment is for all of them, and says of one that slipway does not release what Argo CD says by itself.`,
			object{
				"apiVersion": "v1", "kind": "ConfigMap", "data": config,
				"metadata": object{"name": "argocd-cm", "namespace": "argocd", "labels": object{"app.kubernetes.io/part-of": "argocd"}},
			},
		},
	)
}

func fluxSnippets() (string, error) {
	var ignore, health []any
	for _, k := range groupKinds() {
		for _, pointer := range k.stepped() {
			ignore = append(ignore, object{"paths": []string{pointer}, "target": k.named()})
		}
		if !k.BySurge { // what Flux itself thinks of a paused Deployment without a deadline is right
			health = append(health, healthCheck(k))
		}
	}
	return documents(document{
		`Into the Kustomization; ignore needs kustomize-controller 1.9. It leaves the partition to the agent, which steps what Git
holds at rest. Before 1.9 no field that Git has can be left to another: there, render with --release-mode Direct, or keep
the partition out of Git and annotate the target kustomize.toolkit.fluxcd.io/ssa: Merge.

wait makes Flux wait for the release's Job, so timeout must be longer than a release, pauses included; or give the
release a Kustomization of its own. prune takes the Jobs of earlier releases away. The health checks keep what comes
after from starting in the middle of a release, which Flux by itself calls done. They hold for every workload of these
kinds: one that slipway does not release counts as done, too, where somebody holds it back by hand and its pods are
available. Write the entries of a Deployment, here web, for each one that is released.`,
		object{"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "spec": object{
			"prune": true, "wait": true, "timeout": "4h", "ignore": ignore, "healthCheckExprs": health,
		}},
	})
}

// document is a manifest, or a part of one, and why it is as it is.
type document struct {
	why  string
	tree object
}

func documents(docs ...document) (string, error) {
	var b strings.Builder
	for i, d := range docs {
		if i > 0 {
			b.WriteString("---\n")
		}
		for line := range strings.Lines(d.why + "\n") {
			b.WriteString(strings.TrimRight("# "+strings.TrimSuffix(line, "\n"), " ") + "\n")
		}
		text, err := yaml.Marshal(d.tree)
		if err != nil {
			return "", fmt.Errorf("writing a snippet: %w", err)
		}
		b.Write(text)
	}
	return b.String(), nil
}
