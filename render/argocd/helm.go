// SPDX-License-Identifier: Apache-2.0

package argocd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// helmTemplate renders the chart as Argo CD itself would.
func (a *App) helmTemplate(ctx context.Context) ([]byte, error) {
	args, err := a.helmArgs()
	if err != nil {
		return nil, err
	}
	const wait = 2 * time.Second // the server's own ends after five
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "helm", args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = wait
	switch err := cmd.Run(); {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w; nothing was written", context.Cause(ctx))
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("helm is not on PATH; add it to the plugin's container to render charts")
	case err != nil && stderr.Len() == 0:
		return nil, fmt.Errorf("helm template: %w", err)
	case err != nil:
		return nil, fmt.Errorf("helm template: %s", strings.TrimPrefix(strings.TrimSpace(stderr.String()), "Error: "))
	}
	return stdout.Bytes(), nil
}

func (a *App) helmArgs() ([]string, error) {
	values, err := a.paths("helm-values-files")
	if err != nil {
		return nil, err
	}
	args := []string{"template", "--include-crds", "--namespace=" + a.env["ARGOCD_APP_NAMESPACE"]}
	if version := a.env["KUBE_VERSION"]; version != "" {
		args = append(args, "--kube-version="+version)
	}
	for _, version := range splitList(a.env["KUBE_API_VERSIONS"]) {
		args = append(args, "--api-versions="+version)
	}
	for _, file := range values {
		args = append(args, "--values="+file)
	}
	set := a.settings["helm-values"].mapping
	for _, key := range slices.Sorted(maps.Keys(set)) {
		args = append(args, "--set="+key+"="+strings.ReplaceAll(set[key], ",", `\,`))
	}
	name := a.settings["helm-release-name"].text
	if name == "" {
		name = a.name()
	}
	return append(args, "--", name, "."), nil
}
