package httpd

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/node/door"
)

// contextHeader carries the causal context of an eventual bucket's key: given
// out by reads and writes, and given back with the write that follows.
const contextHeader = "X-Quorate-Context"

// style is the shape in which a path takes and returns values.
type style uint8

const (
	plain     style = iota // /kv: the body is the value
	enveloped              // under /api/v1: the body is {"value": ...}
)

// target is the key that a request is about, and what it asks beside.
type target struct {
	key    []byte
	style  style
	bucket *kv.Bucket // nil: the default one, by a path that names none
	asked  kv.Tuning
	by     *int64 // what incr adds
}

// strong reports whether the key has revisions; if not, it may have a context.
func (t *target) strong() bool { return t.bucket == nil || t.bucket.Mode == kv.Strong }

// causal reports whether the key has a causal context.
func (t *target) causal() bool {
	return !t.strong() && t.bucket.Mode == kv.Eventual && t.bucket.Policy != kv.Counters
}

func (t *target) bucketName() string {
	if t.bucket == nil {
		return kv.DefaultBucket
	}
	return t.bucket.Name
}

// do carries out one operation. What was asked beside goes along; that a strong
// bucket does not know it is for the node to say.
func (s *Server) do(t *target, op kv.Op) kv.Result {
	op.Key = t.key
	if t.asked != (kv.Tuning{}) || t.causal() {
		tuning := t.asked
		tuning.WantContext = t.causal()
		op.Tuning = &tuning
	}
	session := s.host.NewSession()
	defer session.Close()
	return session.DoIn(t.bucketName(), []msg.Op{{Op: op}})[0]
}

// bucketOf finds a bucket by its name. It has answered the request if there is none.
func (s *Server) bucketOf(w http.ResponseWriter, name string) *kv.Bucket {
	b := s.host.Bucket(name)
	if b == nil {
		writeError(w, http.StatusNotFound, codeNoBucket, door.NoBucket(s.host, name))
	}
	return b
}

// bucketPrefix begins the paths of one bucket and of its keys.
const bucketPrefix = "/api/v1/buckets/"

// bucketPath serves what is below bucketPrefix; rest is still escaped.
func (s *Server) bucketPath(w http.ResponseWriter, r *http.Request, rest string) {
	escaped, after, deeper := strings.Cut(rest, "/")
	name, err := url.PathUnescape(escaped)
	if err != nil {
		badRequest(w, "the path cannot be read: %v", err)
		return
	}
	if !deeper {
		s.serveBucket(w, r, name)
		return
	}
	key, found := strings.CutPrefix(after, "kv/")
	if !found {
		writeError(w, http.StatusNotFound, codeNoRoute, "no such path: "+r.URL.Path+"; below a bucket there is kv/{key}")
		return
	}
	if b := s.bucketOf(w, name); b != nil {
		s.keyPath(w, r, b, key)
	}
}

// keyPath serves {key} and, for POST, {key}/incr below a bucket (nil: the default
// one, at its own path); rest is still escaped. No other POST is there, so a key that
// ends in /incr is no trouble.
func (s *Server) keyPath(w http.ResponseWriter, r *http.Request, b *kv.Bucket, rest string) {
	escaped, incr := rest, false
	if r.Method == http.MethodPost {
		if escaped, incr = strings.CutSuffix(rest, "/incr"); !incr {
			methodNotAllowed(w, r, "GET", "HEAD", "PUT", "DELETE", "POST …/incr")
			return
		}
	}
	unescaped, err := url.PathUnescape(escaped)
	if err != nil {
		badRequest(w, "the path cannot be read: %v", err)
		return
	}
	key, ok := s.checkKey(w, []byte(unescaped))
	if !ok {
		return
	}
	t := &target{key: key, style: enveloped, bucket: b}
	if err := t.parse(r, incr); err != nil {
		badRequest(w, "%v", err)
		return
	}
	if incr {
		s.incr(w, r, t)
		return
	}
	s.serveKey(w, r, t)
}

// parse reads the query and the header that say more of a key.
func (t *target) parse(r *http.Request, incr bool) error {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fmt.Errorf("the query cannot be read: %w", err)
	}
	var allowed []string
	switch {
	case incr && t.strong():
		allowed = []string{"by"}
	case incr:
		allowed = []string{"by", "w"}
	case t.strong():
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		allowed = []string{"r"}
	case r.Method == http.MethodPut:
		allowed = []string{"w", "ttl"}
	case r.Method == http.MethodDelete:
		allowed = []string{"w"}
	}
	for name, values := range q {
		switch {
		case name == "key" && t.style == plain: // read already
			continue
		case t.strong() && tunes(name): // the node refuses it, and says why
		case !slices.Contains(allowed, name) && len(allowed) == 0:
			return fmt.Errorf("no parameters are allowed here, a question mark in a key is %%3F")
		case !slices.Contains(allowed, name):
			return fmt.Errorf("unknown parameter %q, allowed with %s here are %s; a question mark in a key is %%3F", name, r.Method, strings.Join(allowed, ", "))
		case len(values) != 1:
			return fmt.Errorf("the parameter %s is there %d times, once is allowed", name, len(values))
		}
		if err := t.set(name, values[0]); err != nil {
			return err
		}
	}
	if values := r.Header.Values(contextHeader); len(values) == 1 {
		t.asked.Context = strings.TrimSpace(values[0])
	} else if len(values) > 1 {
		return fmt.Errorf("%s is there %d times, once is allowed", contextHeader, len(values))
	}
	return t.checkContext()
}

// tunes reports whether a parameter is one of those that buckets which are not
// strong know.
func tunes(name string) bool { return name == "r" || name == "w" || name == "ttl" }

func (t *target) checkContext() error {
	if n := len(t.asked.Context); n > door.MaxContextBytes {
		return fmt.Errorf("a context of %d bytes is none that the store gave out, they have at most %d", n, door.MaxContextBytes)
	}
	return nil
}

// set takes one parameter in.
func (t *target) set(name, value string) (err error) {
	switch name {
	case "r":
		t.asked.R, err = kv.ParseAsk(value)
	case "w":
		t.asked.W, err = kv.ParseAsk(value)
	case "ttl":
		t.asked.TTLMs, err = parseTTL(value)
		if t.asked.TTLMs == 0 {
			t.asked.TTLMs = -1 // asked for: for ever
		}
	case "by":
		var n int64
		if n, err = strconv.ParseInt(value, 10, 64); err != nil {
			return fmt.Errorf("by=%q is not a 64-bit integer", value)
		}
		t.by = &n
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// parseTTL reads a life such as 30s, in milliseconds.
func parseTTL(s string) (ms int64, err error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > 0 && d < time.Millisecond {
		return 0, fmt.Errorf("%q is not a duration such as 500ms, 30s or 1h30m; 0s is for ever", s)
	}
	return d.Milliseconds(), nil
}

// giveContext takes a context out of a body, where the header may give it too.
func (t *target) giveContext(context *string) error {
	if context == nil {
		return nil
	}
	if t.asked.Context != "" && t.asked.Context != *context {
		return fmt.Errorf(`%s and "context" differ, one is enough`, contextHeader)
	}
	t.asked.Context = *context
	return t.checkContext()
}
