// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway/rollout"
)

// secretFolder holds the values of Secrets: a folder for each Secret, a file for each key.
type secretFolder string

// read is the value of a key, without the line end that files have and tokens do not.
func (f secretFolder) read(ref rollout.SecretRef) (string, error) {
	file := filepath.Join(string(f), ref.Name, ref.Key)
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: secret %s, key %s: there is no file %s: mount the Secret there, or say with --secrets where it is",
			ErrWrong, ref.Name, ref.Key, file)
	}
	if err != nil {
		return "", fmt.Errorf("%w: secret %s, key %s: %w", ErrWrong, ref.Name, ref.Key, err)
	}
	value := strings.TrimRight(string(data), "\r\n")
	if value == "" {
		return "", fmt.Errorf("%w: secret %s, key %s: the file %s is empty", ErrWrong, ref.Name, ref.Key, file)
	}
	return value, nil
}

// verify holds that every value is there.
func (f secretFolder) verify(refs []rollout.SecretRef) error {
	var errs []error
	for _, ref := range refs {
		_, err := f.read(ref)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
