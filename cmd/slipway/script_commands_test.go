// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

type scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)

// scriptCommands are what scripts can do beyond testscript's own commands.
func scriptCommands() map[string]scriptCommand {
	return map[string]scriptCommand{
		"exits":    exits,
		"restores": restores,
		"crlf":     converts(func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }),
		"bom":      converts(func(text string) string { return "\xef\xbb\xbf" + text }),
		"chomp":    converts(func(text string) string { return strings.TrimRight(text, "\r\n") }),
		"fill":     fill,
		"socket":   socket,
		"utf16":    converts(utf16Text),
	}
}

// exits runs a command and checks its exit code: exits CODE COMMAND [ARG...]. stdout and stderr can be looked at
// afterwards as after exec.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	if err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		code = strconv.Itoa(exit.ExitCode())
	}
	if code != args[0] {
		ts.Fatalf("exit code %s, want %s", code, args[0])
	}
}

// restores checks what must hold for every input: restores FILE [FLAG...] renders FILE with the flags, which must
// change it; rendering the result changes nothing more; ejecting it gives FILE, byte for byte.
func restores(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: restores FILE FLAG...")
	}
	const result = "restores.out"
	render := func(file string) string {
		return output(ts, append([]string{"render", "--keep-sidecarsets", file}, args[1:]...)...)
	}
	original := ts.ReadFile(args[0])
	once := render(args[0])
	if once == original {
		ts.Fatalf("nothing is injected into %s", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(result), []byte(once), 0o666))
	if twice := render(result); twice != once {
		ts.Fatalf("a second render changes the result of the first:\n%s", twice)
	}
	eject := []string{"eject", result}
	if i := slices.Index(args, "-c"); i >= 0 {
		eject = append(eject, args[i:i+2]...)
	}
	if back := output(ts, eject...); back != original {
		ts.Fatalf("eject does not give %s back:\n%s", args[0], back)
	}
	ts.Check(os.Remove(ts.MkAbs(result)))
}

// output runs slipway in this process, which spares the start of another one, and returns its stdout. Scripts run side by
// side in one working directory, so names of a script's files become absolute.
func output(ts *testscript.TestScript, args ...string) string {
	for i, arg := range args {
		if _, err := os.Stat(ts.MkAbs(arg)); err == nil {
			args[i] = ts.MkAbs(arg)
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), args, strings.NewReader(""), &stdout, &stderr); code != 0 {
		ts.Fatalf("slipway %s: exit code %d:\n%s", strings.Join(args, " "), code, &stderr)
	}
	return stdout.String()
}

// converts is a command that writes a changed copy of a file: NAME FROM TO. FROM can be stdout.
func converts(change func(string) string) scriptCommand {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 2 {
			ts.Fatalf("usage: COMMAND FROM TO")
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(change(ts.ReadFile(args[0]))), 0o666))
	}
}

// utf16Text is an ASCII text as some editors on Windows save it.
func utf16Text(text string) string {
	out := "\xff\xfe"
	for _, c := range []byte(text) {
		out += string([]byte{c, 0})
	}
	return out
}

// socket leaves a socket behind that nobody listens at: socket PATH.
func socket(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: socket PATH")
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: ts.MkAbs(args[0]), Net: "unix"})
	ts.Check(err)
	l.SetUnlinkOnClose(false)
	ts.Check(l.Close())
}

// fill writes a copy of a file in which a word stands for many: fill FROM TO WORD COUNT REPEATED puts COUNT times
// REPEATED, in which \n is a line end, in the place of WORD.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 5 {
		ts.Fatalf("usage: fill FROM TO WORD COUNT REPEATED")
	}
	count, err := strconv.Atoi(args[3])
	ts.Check(err)
	repeated := strings.Repeat(strings.ReplaceAll(args[4], `\n`, "\n"), count)
	text := strings.ReplaceAll(ts.ReadFile(args[0]), args[2], repeated)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o666))
}
