// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// FlagError says what may be meant where a flag cannot be read. A word that is no command is the mistake that comes before its
// flags.
func FlagError(c *cobra.Command, err error) error {
	if words := c.Flags().Args(); c.HasSubCommands() && len(words) > 0 {
		err = KnownCommand(c, words)
	} else {
		err = fmt.Errorf("%w%s", plain(err), flagHint(c, err))
	}
	return fmt.Errorf("%w (see %s --help)", err, c.CommandPath())
}

// plain says what is wanted in place of a number, a time or a yes that cannot be read, and leaves out which function of Go has
// tried.
func plain(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	wanted := map[string]string{
		"bool": "true or false", "duration": "a time such as 30s or 10m",
		"int": "a whole number", "uint": "a whole number that is not negative", "uint64": "a whole number that is not negative",
		"float32": "a number",
	}[invalid.GetFlag().Value.Type()]
	if wanted == "" {
		return err
	}
	before, _, _ := strings.Cut(err.Error(), " flag: ")
	return fmt.Errorf("%s flag: write %s", before, wanted)
}

// flagHint is what may be meant by a flag that is not there, "" where nobody knows.
func flagHint(c *cobra.Command, err error) string {
	var missing *pflag.NotExistError
	if !errors.As(err, &missing) {
		return ""
	}
	name := missing.GetSpecifiedName()
	has := func(flag string) bool { return c.Flags().Lookup(flag) != nil }
	switch {
	case missing.GetSpecifiedShortnames() != "" && name == "o":
		return ": it prints one format"
	case (name == "f" || name == "filename" || name == "file") && has("plan"):
		return ": a BatchPlan is given with --plan FILE"
	case name == "f" || name == "filename" || name == "file":
		return ": files are named without a flag"
	case (name == "client" || name == "short") && c.Name() == "version":
		return ": it prints one line, and asks no cluster"
	case (name == "w" || name == "watch") && has("kubeconfig"):
		return ": slipway rollout watch follows a release"
	case (name == "A" || name == "all-namespaces") && has("namespace"):
		return ": one object is meant, and -n names its namespace"
	case name == "port" && has("address"):
		return ": --address 127.0.0.1:8080 says where to listen"
	case name == "i" && has("in-place"):
		return ", did you mean --in-place?"
	case (name == "s" || name == "sidecarsets") && c.Name() == "eject":
		return ": what was injected is told by the manifests alone"
	case name == "to-revision":
		return ": undo returns to the revision before the release; for an older one bring its template back in Git, and release that"
	case name == "dry-run" && has("diff"):
		return ": --diff shows what would change, and --check fails where something would"
	case name == "dry-run":
		return ": slipway rollout plan and verify show a release before it runs"
	}
	if near := nearest(c, name); near != "" {
		return fmt.Sprintf(", did you mean --%s?", near)
	}
	return ""
}

// nearest is the flag that is most alike: the same but for dashes, one that it begins, or one of two letters' difference.
func nearest(c *cobra.Command, name string) (best string) {
	if len(name) < 3 {
		return ""
	}
	bare := strings.ReplaceAll(name, "-", "")
	least := 3
	c.Flags().VisitAll(func(f *pflag.Flag) {
		distance := manifest.Distance(bare, strings.ReplaceAll(f.Name, "-", ""), least)
		if strings.HasPrefix(f.Name, name) {
			distance = min(distance, 1)
		}
		if !f.Hidden && distance < least && distance < len(bare)-1 {
			best, least = f.Name, distance
		}
	})
	return best
}

// namespace is the value of a flag, a name that Kubernetes takes. -n followed by another flag swallows that one.
type namespace struct{ name *string }

// NamespaceVar adds the flag -n.
func NamespaceVar(flags *pflag.FlagSet, name *string, usage string) {
	flags.VarP(namespace{name}, "namespace", "n", usage)
}

func (n namespace) String() string {
	if n.name == nil {
		return ""
	}
	return *n.name
}

func (namespace) Type() string { return "string" }

func (n namespace) Set(name string) error {
	if name != "" && len(validation.IsDNS1123Label(name)) > 0 {
		return errors.New("a namespace's name is lower-case letters, digits and -, beginning and ending with a letter or digit, at " +
			"most 63")
	}
	*n.name = name
	return nil
}
