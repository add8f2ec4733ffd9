// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Serve answers requests for metrics until it is ended.
func Serve(address string, handler http.Handler) (end func() error, err error) {
	listen, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", handler)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listen) }()
	return func() error {
		err := server.Close()
		if failure := <-failed; !errors.Is(failure, http.ErrServerClosed) {
			err = errors.Join(err, failure)
		}
		if err != nil {
			return fmt.Errorf("serving metrics on %s: %w", address, err)
		}
		return nil
	}, nil
}
