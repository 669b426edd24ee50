package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
)

// pidFileName is written by every node into its data directory. It is for
// people and scripts; what keeps two processes apart is the lock beside it.
const pidFileName = "quorate.pid"

// writePID leaves this process's id in the data directory. A file that an
// earlier process left behind is replaced.
func writePID(dir string) (remove func(), err error) {
	name := filepath.Join(dir, pidFileName)
	fresh := name + ".new" // readers never see half a number
	if err := os.WriteFile(fresh, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		return nil, fmt.Errorf("write the process id: %w", err)
	}
	if err := os.Rename(fresh, name); err != nil {
		return nil, fmt.Errorf("write the process id: %w", err)
	}
	return func() { _ = os.Remove(name) }, nil
}

// untilTold is a context that ends with SIGINT or SIGTERM, and if so wished
// when standard input is closed: a supervisor's way to stop its children, which
// works even if the supervisor was killed. What comes there until then goes to said. A second signal ends the process at once.
func untilTold(whileStdin bool, said func(io.Reader) error) context.Context {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, cancel) // back to the system's own way with signals
	if whileStdin {
		go func() {
			err := said(os.Stdin)
			if err == nil || errors.Is(err, os.ErrClosed) {
				cancel()
			}
		}()
	}
	return ctx
}

// discard reads and forgets.
func discard(in io.Reader) error {
	_, err := io.Copy(io.Discard, in)
	return err
}
