// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// writtenFile is where an output folder remembers what slipway wrote there. Nothing else is ever written over or removed.
const writtenFile = ".slipway-files"

// writtenFiles is what writtenFile holds: JSON, with one line for each file, whatever its name.
type writtenFiles struct {
	Files []string `json:"files"` // relative to the folder, with slashes, sorted
}

// readWritten lists what earlier runs wrote. Names that slipway gives no file are none of its files.
func readWritten(root *os.Root) ([]string, error) {
	text, err := readRegular(root, writtenFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var l writtenFiles
	if bytes.HasPrefix(text, []byte("{")) {
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, fmt.Errorf("%w (restore it, or remove it and the files that slipway has written beside it)", err)
		}
	} else {
		l.Files = strings.Split(string(text), "\n") // as it was once: one name on a line
	}
	slices.Sort(l.Files)
	return slices.DeleteFunc(slices.Compact(l.Files), func(name string) bool { return !isOwnName(name) }), nil
}

// textOf is writtenFile with some files.
func textOf(names []string) ([]byte, error) {
	names = slices.Clone(names)
	slices.Sort(names)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	err := e.Encode(writtenFiles{Files: slices.Compact(names)})
	return b.Bytes(), err
}
