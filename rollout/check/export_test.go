// SPDX-License-Identifier: Apache-2.0

package check

// Find is find, for the fuzzer.
func Find(path string, body []byte) (string, error) { return find(path, body) }
