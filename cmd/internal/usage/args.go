// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// habit is the command that does what a word of another tool asks for, "" where nobody knows.
func habit(word string) string {
	switch word {
	case "inject", "build", "template", "generate":
		return "render"
	case "uninject", "remove":
		return "eject"
	case "validate":
		return "lint"
	case "start", "restart", "retry":
		return "run"
	case "rollback":
		return "undo"
	case "history", "get":
		return "status"
	case "follow":
		return "watch"
	case "continue":
		return "approve"
	case "stop", "cancel":
		return "abort"
	case "preflight":
		return "verify"
	}
	return ""
}

// ofKubectl are commands of kubectl that none here stands for.
func ofKubectl() []string {
	return []string{"apply", "create", "delete", "describe", "edit", "exec", "get", "logs", "patch", "replace", "scale", "set"}
}

// KnownCommand refuses a word that is not the name of a command, and suggests the one that may be meant.
func KnownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	near := c.SuggestionsFor(args[0])
	for _, sub := range c.Commands() {
		if sub.Name() == habit(args[0]) {
			near = []string{sub.Name()}
		}
	}
	hint := ""
	if len(near) == 0 && !c.HasParent() && slices.Contains(ofKubectl(), args[0]) {
		hint = ": kubectl does that, with what slipway render prints"
	}
	if len(near) > 0 {
		hint = fmt.Sprintf(", did you mean %q?", near[0])
	}
	return fmt.Errorf("there is no command %q%s", c.CommandPath()+" "+args[0], hint)
}

// NoArgs refuses arguments.
func NoArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		hint := ""
		if c.Flags().Lookup(args[0]) != nil {
			hint = fmt.Sprintf(", did you mean --%s?", args[0])
		}
		return fmt.Errorf("%s takes no arguments, but was given %q%s", c.CommandPath(), args[0], hint)
	}
	return nil
}

// Takes refuses another number of arguments; most is -1 where any number more will do.
func Takes(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		n := len(args)
		if n >= least && (n <= most || most < 0) {
			return nil
		}
		takes := fmt.Sprint(least, " argument")
		switch {
		case most == 0:
			takes = "no argument"
		case most < 0:
			takes = "at least " + takes
		case least < most:
			takes = fmt.Sprintf("at most %d argument", most)
		}
		return fmt.Errorf("%s takes %s, and was given %d: write %s", c.CommandPath(), takes, n, c.UseLine())
	}
}

// OneOf takes one of the command's ValidArgs.
func OneOf(c *cobra.Command, args []string) error {
	if err := Takes(1, 1)(c, args); err != nil {
		return err
	}
	if !slices.Contains(c.ValidArgs, args[0]) {
		return fmt.Errorf("%s: %q is not one of %s", c.CommandPath(), args[0], strings.Join(c.ValidArgs, ", "))
	}
	return nil
}

// OneOfTheCluster takes at most the name of an object in the cluster, NAME or KIND/NAME. A file is none.
func OneOfTheCluster(c *cobra.Command, args []string) error {
	if len(args) == 2 {
		return fmt.Errorf("%s takes one release, and was given %s and %s: %s", c.CommandPath(), args[0], args[1],
			secondWord(c, args[0], args[1]))
	}
	if err := Takes(0, 1)(c, args); err != nil || len(args) == 0 {
		return err
	}
	if kind, name, slash := strings.Cut(args[0], "/"); kind == "" || slash && name == "" {
		return fmt.Errorf("%q names no object: %s takes NAME or KIND/NAME of what is in the cluster", args[0], c.CommandPath())
	}
	if filepath.Ext(args[0]) == ".jsonl" && c.Flags().Lookup("filename") != nil {
		return fmt.Errorf("%s is a file: give the audit log with -f %s", args[0], args[0])
	}
	if !manifest.NamesFile(args[0]) {
		return nil
	}
	if _, err := os.Stat(args[0]); err != nil && strings.Contains(args[0], "/") {
		return nil // an object may be called so
	}
	return fmt.Errorf("%s is a file, and %s takes NAME or KIND/NAME of what is in the cluster: apply the file and name its "+
		"object; a BatchPlan is given with --plan", args[0], c.CommandPath())
}

// secondWord says what may be meant by a word that follows the name of a release.
func secondWord(c *cobra.Command, first, second string) string {
	has := func(flag string) bool { return c.Flags().Lookup(flag) != nil }
	_, err := strconv.Atoi(second)
	switch {
	case has(second):
		return fmt.Sprintf("did you mean --%s?", second)
	case err == nil && has("batch"):
		return fmt.Sprintf("did you mean --batch %s?", second)
	case filepath.Ext(second) == ".yaml" && has("plan"):
		return fmt.Sprintf("did you mean --plan %s?", second)
	case strings.Contains(first+second, "/"):
		return "name one at a time, or the --plan that releases both"
	default:
		return fmt.Sprintf("a kind and a name are one word, %s/%s", first, second)
	}
}
