// SPDX-License-Identifier: Apache-2.0

// Command argocd is Argo CD's plugin server, and what its repository server asks of it, in one process and over a real socket.
// It reads a call as JSON and prints the answer as JSON. Sockets and unpacked repositories are where Argo CD's own variables
// say, ARGOCD_PLUGINSOCKFILEPATH and ARGOCD_CMP_WORKDIR; the plugin has the variables of this process, as it has its
// container's.
//
// The module is one of its own because Argo CD replaces the versions of half of its dependencies. It takes minutes to build, so
// that CI leaves it alone: make argocd.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/argoproj/argo-cd/v3/cmpserver"
	"github.com/argoproj/argo-cd/v3/cmpserver/apiclient"
	"github.com/argoproj/argo-cd/v3/cmpserver/plugin"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/app/discovery"
	"github.com/argoproj/argo-cd/v3/util/app/path"
	"github.com/argoproj/argo-cd/v3/util/cmp"
	"github.com/sirupsen/logrus"
	"google.golang.org/protobuf/types/known/emptypb"
)

func main() {
	logrus.SetLevel(logrus.FatalLevel) // what goes wrong is in the answer
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// call is a question of the repository server.
type call struct {
	Config     string                            // folder of the plugin's configuration
	Repository string                            // folder of the checked out repository
	Streamed   string                            // the part of it that is sent to generate, where manifest-generate-paths say so
	App        string                            // folder of the application
	Build      []string                          // the build's variables, as NAME=VALUE
	Plugin     *v1alpha1.ApplicationSourcePlugin // of the application; nil where it names none
	Links      bool                              // the server is set to allow links out of a repository
	Parameters bool                              // it asks which parameters there are, not for manifests
}

// answer is what comes back. Error is what Argo CD shows in its user interface.
type answer struct {
	Manifests  []string
	Parameters []string
	Error      string
}

// run starts the server, asks it and prints the answer.
func run(ctx context.Context) error {
	var c call
	if err := json.NewDecoder(os.Stdin).Decode(&c); err != nil {
		return fmt.Errorf("reading the call: %w", err)
	}
	if err := serve(ctx, c.Config); err != nil {
		return fmt.Errorf("starting the plugin server: %w", err)
	}
	ask := c.manifests
	if c.Parameters {
		ask = c.parameters
	}
	var a answer
	if err := ask(ctx, &a); err != nil {
		a.Error = err.Error()
	}
	return json.NewEncoder(os.Stdout).Encode(a)
}

// serve starts the plugin server as its program does. It listens before it returns, and ends with the process.
func serve(ctx context.Context, config string) error {
	read, err := plugin.ReadPluginConfig(config)
	if err != nil {
		return err
	}
	server, err := cmpserver.NewServer(plugin.CMPServerInitConstants{PluginConfig: *read})
	if err != nil {
		return err
	}
	grpc, err := server.CreateGRPC()
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", read.Address())
	if err != nil {
		return err
	}
	go func() { _ = grpc.Serve(listener) }() // it serves until the process ends; a call tells where it cannot be reached
	return nil
}

// manifests makes the calls before an application is deployed, in the repository server's order.
func (c call) manifests(ctx context.Context, a *answer) error {
	env, client, end, err := c.detect(ctx)
	if err != nil {
		return err
	}
	defer end()
	if _, err := client.CheckPluginConfiguration(ctx, &emptypb.Empty{}); err != nil {
		return err
	}
	stream, err := client.GenerateManifest(ctx)
	if err != nil {
		return err
	}
	if err := cmp.SendRepoStream(ctx, c.App, c.Streamed, stream, env, nil); err != nil {
		return err
	}
	generated, err := stream.CloseAndRecv()
	a.Manifests = generated.GetManifests()
	return err
}

// parameters makes the calls before an application's parameters are shown. The whole repository is sent.
func (c call) parameters(ctx context.Context, a *answer) error {
	env, client, end, err := c.detect(ctx)
	if err != nil {
		return err
	}
	defer end()
	stream, err := client.GetParametersAnnouncement(ctx)
	if err != nil {
		return err
	}
	if err := cmp.SendRepoStream(ctx, c.App, c.Repository, stream, env, nil); err != nil {
		return err
	}
	announced, err := stream.CloseAndRecv()
	for _, p := range announced.GetParameterAnnouncements() {
		a.Parameters = append(a.Parameters, p.Name)
	}
	return err
}

// detect finds the plugin as Argo CD does: the whole repository is sent to ask whether it knows the application, by name or not.
func (c call) detect(ctx context.Context) (env []string, client apiclient.ConfigManagementPluginServiceClient, end func(), err error) {
	if err := c.checkLinks(); err != nil {
		return nil, nil, nil, err
	}
	env, err = c.env()
	if err != nil {
		return nil, nil, nil, err
	}
	name := ""
	if c.Plugin != nil {
		name = c.Plugin.Name
	}
	conn, client, err := discovery.DetectConfigManagementPlugin(ctx, c.App, c.Repository, name, env, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	return env, client, func() { _ = conn.Close() }, nil
}

// checkLinks is what the repository server does with a checkout before anyone reads it.
func (c call) checkLinks() error {
	if c.Links {
		return nil
	}
	err := path.CheckOutOfBoundsSymlinks(c.Repository, ".git")
	if out := new(path.OutOfBoundsSymlinkError); errors.As(err, &out) {
		return fmt.Errorf("%w: %s", err, out.File)
	}
	return err
}

// env are the variables of the application: those of the build, its own and its parameters.
func (c call) env() ([]string, error) {
	env := c.Build
	if c.Plugin == nil {
		return env, nil
	}
	var build v1alpha1.Env
	for _, variable := range c.Build {
		entry, err := v1alpha1.NewEnvEntry(variable)
		if err != nil {
			return nil, err
		}
		build = append(build, entry)
	}
	for _, own := range c.Plugin.Env {
		env = append(env, fmt.Sprintf("ARGOCD_ENV_%s=%s", own.Name, build.Envsubst(own.Value)))
	}
	parameters, err := c.Plugin.Parameters.Environ()
	return append(env, parameters...), err
}
