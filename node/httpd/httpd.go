// Package httpd is the HTTP front door: keys and values, routing, cluster
// state, health and metrics, with an OpenAPI 3.1 description at /openapi.json
// and a page that shows it at /docs.
//
// Keys of the default bucket live at two places. /kv?key=K takes and returns
// values as they are; /api/v1/kv/K takes {"value": ...}. They are the same keys,
// and once more those at /api/v1/buckets/default/kv/K, where those of other
// buckets live too. In a strong bucket all give a value's revision as ETag and
// "rev", and take it back in If-Match; in an eventual one they give its causal
// context as X-Quorate-Context and "context", and take it back in either.
//
// Every error has the body {"error": code, "message": text}; codes are listed
// in errors.go.
package httpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/quoratedb/quorate/node/door"
)

// Config says how a Server serves. Zero fields take the defaults beside them.
type Config struct {
	Host        door.Host
	Log         *slog.Logger         // slog.Default()
	Metrics     *prometheus.Registry // shown at /metrics, and where requests are counted; nil: neither
	MaxConns    int                  // 20,000; more are closed at once
	BufferBytes int64                // 512 MiB: bodies above 64 KiB, of all requests and answers together
	BodyTimeout time.Duration        // 30 s to send a body
	// WriteTimeout is how long a client has to take a piece of an answer: 10 s.
	WriteTimeout time.Duration
}

func (c Config) defaults() Config {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.MaxConns == 0 {
		c.MaxConns = 20_000
	}
	if c.BufferBytes == 0 {
		c.BufferBytes = 512 << 20
	}
	if c.BodyTimeout == 0 {
		c.BodyTimeout = 30 * time.Second
	}
	if c.WriteTimeout == 0 {
		c.WriteTimeout = 10 * time.Second
	}
	return c
}

// maxHeaderBytes admits the largest key, each byte percent-encoded.
const maxHeaderBytes = 3*64<<10 + 16<<10

// Server answers HTTP clients on behalf of a node.
type Server struct {
	cfg     Config
	host    door.Host
	limits  door.Limits
	mux     *http.ServeMux
	spec    huma.API
	methods map[string][]string // by path, for 405
	http    *http.Server
	conns   atomic.Int64
	big     atomic.Int64 // bytes of large bodies being taken in or given out
	seen    *requestMetrics
}

// New makes a Server; Serve starts it.
func New(cfg Config) *Server {
	cfg = cfg.defaults()
	s := &Server{cfg: cfg, host: cfg.Host, limits: cfg.Host.Limits(), mux: http.NewServeMux(), methods: map[string][]string{}}
	s.spec = newSpec(s.mux, cfg.Host.Stats().Version)
	s.describeKV()
	s.addBuckets()
	s.addCluster()
	s.addOperations()
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		WriteTimeout:      time.Minute,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnState:         s.countConns,
		ErrorLog:          slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug), // clients' mistakes
	}
	if cfg.Metrics != nil {
		s.seen = newRequestMetrics(cfg.Metrics)
		s.mux.Handle("GET /metrics", promhttp.HandlerFor(cfg.Metrics, promhttp.HandlerOpts{}))
		s.methods["/metrics"] = []string{http.MethodGet, http.MethodHead}
	}
	return s
}

// Door listens on addr and serves there: a node.Door.
func Door(addr string, cfg Config) func(door.Host) (io.Closer, error) {
	return func(h door.Host) (io.Closer, error) {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("httpd: listen on %s: %w", addr, err)
		}
		cfg := cfg
		cfg.Host = h
		s := New(cfg)
		go func() {
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				s.cfg.Log.Error("httpd: no longer accepting", "error", err)
			}
		}()
		return s, nil
	}
}

// Serve accepts connections until Shutdown, and then returns http.ErrServerClosed.
func (s *Server) Serve(l net.Listener) error { return s.http.Serve(l) }

// Shutdown stops accepting and lets running requests end. When ctx ends first
// the rest is cut off, and ctx's error returned.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		s.http.Close()
	}
	return err
}

// drainTimeout bounds Close.
const drainTimeout = 5 * time.Second

// Close is Shutdown with a bound of five seconds.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	return s.Shutdown(ctx)
}

func (s *Server) countConns(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if s.conns.Add(1) > int64(s.cfg.MaxConns) {
			c.Close()
		}
	case http.StateClosed, http.StateHijacked:
		s.conns.Add(-1)
	}
}

// keyPrefix begins the paths that end in a key. A key may hold anything,
// slashes and dots included, so ServeMux, which cleans paths, never sees them.
const keyPrefix = "/api/v1/kv/"

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if s.seen != nil {
		counted := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer s.seen.observe(r, counted, time.Now())
		w = counted
	}
	if rest, ok := strings.CutPrefix(r.URL.EscapedPath(), keyPrefix); ok {
		s.keyPath(w, r, nil, rest)
		return
	}
	if rest, ok := strings.CutPrefix(r.URL.EscapedPath(), bucketPrefix); ok {
		s.bucketPath(w, r, rest)
		return
	}
	if _, pattern := s.mux.Handler(r); pattern == "" {
		s.notRouted(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// notRouted answers what no handler takes.
func (s *Server) notRouted(w http.ResponseWriter, r *http.Request) {
	allowed, known := s.methods[r.URL.Path]
	if !known {
		writeError(w, http.StatusNotFound, codeNoRoute, "no such path: "+r.URL.Path+"; /docs lists what there is")
		return
	}
	methodNotAllowed(w, r, allowed...)
}

func methodNotAllowed(w http.ResponseWriter, r *http.Request, allowed ...string) {
	list := strings.Join(allowed, ", ")
	w.Header().Set("Allow", list)
	writeError(w, http.StatusMethodNotAllowed, codeMethod, r.Method+" is not allowed here, allowed are "+list)
}
