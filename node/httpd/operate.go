package httpd

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// probeBody answers /healthz and /readyz.
type probeBody struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

// addOperations registers what operators and their tools ask for.
func (s *Server) addOperations() {
	s.route(s.operation("GET", "/healthz", "healthz", "Whether the process runs", "operations", probeBody{}),
		func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, probeBody{Status: "ok"}) })
	ready := s.operation("GET", "/readyz", "readyz", "Whether the node serves", "operations", probeBody{}, 503)
	ready.Responses["503"].Content = s.jsonOf(probeBody{})
	s.route(ready, func(w http.ResponseWriter, _ *http.Request) {
		if ok, why := s.host.Ready(); !ok {
			writeJSON(w, http.StatusServiceUnavailable, probeBody{"not ready", why})
			return
		}
		writeJSON(w, http.StatusOK, probeBody{Status: "ready"})
	})
	s.mux.HandleFunc("GET /docs", s.docs)
	s.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/docs", http.StatusFound) })
	for _, path := range []string{"/", "/docs", "/openapi.json", "/openapi.yaml"} {
		s.methods[path] = []string{http.MethodGet, http.MethodHead}
	}
}

// requestMetrics counts requests and times them.
type requestMetrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newRequestMetrics(reg *prometheus.Registry) *requestMetrics {
	m := &requestMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "quorate_http_requests_total", Help: "HTTP requests answered."}, []string{"route", "method", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "quorate_http_request_seconds", Help: "Time to answer an HTTP request.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 3, 10)}, []string{"route"}),
	}
	reg.MustRegister(m.requests, m.seconds)
	return m
}

// observe counts one request under a bounded set of labels.
func (m *requestMetrics) observe(r *http.Request, w *statusWriter, start time.Time) {
	route, method := "other", r.Method
	switch path := r.URL.Path; {
	case path == "/kv", path == "/route", path == "/metrics":
		route = path
	case strings.HasPrefix(path, keyPrefix):
		route = keyPrefix
	case strings.HasPrefix(path, bucketPrefix):
		route = bucketPrefix
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodDelete:
	default:
		method = "other"
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(w.status)).Inc()
	m.seconds.WithLabelValues(route).Observe(time.Since(start).Seconds())
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
