package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// admin serves profiles and metrics on an address of its own.
type admin struct {
	server *http.Server
	done   chan struct{}
}

// openAdmin does nothing unless an address is set.
func (n *Node) openAdmin() error {
	if n.cfg.AdminListen == "" {
		return nil
	}
	l, err := net.Listen("tcp", n.cfg.AdminListen)
	if err != nil {
		return fmt.Errorf("node: can't listen on the admin address: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.Handle("/metrics", promhttp.HandlerFor(n.cfg.Metrics, promhttp.HandlerOpts{}))
	a := &admin{server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		if err := a.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			n.log.Error("the admin server ended", "err", err)
		}
	}()
	n.admin = a
	return nil
}

// Close ends the server, and what it serves, soon.
func (a *admin) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := a.server.Shutdown(ctx)
	if err != nil {
		err = a.server.Close()
	}
	<-a.done
	return err
}
