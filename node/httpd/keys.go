package httpd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// style is the shape in which a path takes and returns values.
type style uint8

const (
	plain     style = iota // /kv: the body is the value
	enveloped              // /api/v1/kv: the body is {"value": ...}
)

// do carries out one operation.
func (s *Server) do(op kv.Op) kv.Result {
	session := s.host.NewSession()
	defer session.Close()
	return session.Do([]msg.Op{{Op: op, Partition: s.host.Partition(nil, op.Key)}})[0]
}

// queryKey is the key of /kv?key= and /route?key=. It has answered the request
// when ok is false.
func (s *Server) queryKey(w http.ResponseWriter, r *http.Request) (key []byte, ok bool) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		badRequest(w, "the query cannot be read: %v", err)
		return nil, false
	}
	for name := range q {
		if name != "key" {
			badRequest(w, "unknown parameter %q, allowed is key", name)
			return nil, false
		}
	}
	if len(q["key"]) != 1 {
		badRequest(w, "the parameter key is there %d times, once is needed", len(q["key"]))
		return nil, false
	}
	return s.checkKey(w, []byte(q.Get("key")))
}

func (s *Server) checkKey(w http.ResponseWriter, key []byte) ([]byte, bool) {
	switch {
	case len(key) == 0:
		badRequest(w, "the key is empty, keys have 1 to %d bytes", s.limits.KeyBytes)
		return nil, false
	case len(key) > s.limits.KeyBytes:
		writeError(w, http.StatusRequestEntityTooLarge, codeTooLarge,
			fmt.Sprintf("a key of %d bytes is too large, the limit is %d bytes", len(key), s.limits.KeyBytes))
		return nil, false
	}
	return key, true
}

// queried serves /kv.
func (s *Server) queried(w http.ResponseWriter, r *http.Request) {
	if key, ok := s.queryKey(w, r); ok {
		s.serveKey(w, r, key, plain)
	}
}

// keyPath serves /api/v1/kv/{key} and, for POST, /api/v1/kv/{key}/incr; rest is
// what follows the prefix, still escaped. No other POST is there, so a key that
// ends in /incr is no trouble.
func (s *Server) keyPath(w http.ResponseWriter, r *http.Request, rest string) {
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
	switch {
	case !ok:
	case r.URL.RawQuery != "":
		badRequest(w, "no parameters are allowed here, a question mark in a key is %%3F")
	case incr:
		s.incr(w, r, key)
	default:
		s.serveKey(w, r, key, enveloped)
	}
}

func (s *Server) serveKey(w http.ResponseWriter, r *http.Request, key []byte, st style) {
	cond, err := parsePreconditions(r.Header)
	if err != nil {
		badRequest(w, "%v", err)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		s.get(w, r, key, st, cond)
	case http.MethodPut, http.MethodPost:
		s.put(w, r, key, st, cond)
	case http.MethodDelete:
		s.del(w, key, st, cond)
	default:
		methodNotAllowed(w, r, "GET", "HEAD", "PUT", "DELETE")
	}
}

func (s *Server) get(w http.ResponseWriter, r *http.Request, key []byte, st style, cond preconditions) {
	res := s.do(kv.Op{Kind: kv.OpGet, Key: key})
	if res.Status == kv.NotFound && (cond.matchAny || !cond.match.IsZero()) {
		res.Status = kv.CondFailed
	}
	if res.Status != kv.OK {
		s.writeStatus(w, &res)
		return
	}
	w.Header().Set("ETag", etag(res.Rev))
	w.Header().Set("Cache-Control", "no-cache") // keep it, but ask before use
	w.Header().Set("Vary", "Accept")
	switch {
	case !cond.match.IsZero() && cond.match != res.Rev:
		res.Status = kv.CondFailed
		s.writeStatus(w, &res)
	case cond.noneMatchAny || !cond.noneMatch.IsZero() && cond.noneMatch == res.Rev:
		w.WriteHeader(http.StatusNotModified)
	case wantsRaw(r):
		writeRaw(w, &res)
	default:
		b := make([]byte, 0, len(res.Data)+len(key)+128)
		b = append(b, '{')
		if st == enveloped {
			b = append(appendKey(b, key), ',')
		}
		b = append(b, `"found":true,`...)
		b = appendValue(b, res.Data, res.Media)
		writeBody(w, http.StatusOK, "application/json", appendFacts(b, &res))
	}
}

// appendFacts ends an object with a value's time and revision.
func appendFacts(b []byte, r *kv.Result) []byte {
	b = strconv.AppendInt(append(b, `,"ts":`...), r.TimeMs, 10)
	b = append(append(append(b, `,"rev":"`...), revText(r.Rev)...), '"')
	return append(b, "}\n"...)
}

func (s *Server) put(w http.ResponseWriter, r *http.Request, key []byte, st style, cond preconditions) {
	op := kv.Op{Kind: kv.OpSet, Key: key}
	if err := cond.apply(&op); err != nil {
		badRequest(w, "%v", err)
		return
	}
	contentType := r.Header.Get("Content-Type")
	media, name, err := mediaOf(contentType)
	if err != nil {
		writeError(w, http.StatusUnsupportedMediaType, codeMedia, err.Error())
		return
	}
	// curl -d '{"value": ...}' sends no better type than a form.
	wrapped := st == enveloped && (media == kv.JSON || contentType == "" || strings.HasPrefix(contentType, "application/x-www-form-urlencoded"))
	limit := s.limits.ValueBytes
	if wrapped {
		limit = 2*limit + 1024 // escapes; the value itself is measured below
	}
	body, done, ok := s.readBody(w, r, limit)
	if !ok {
		return
	}
	defer done()
	switch {
	case wrapped:
		if body, media, err = openEnvelope(body); err != nil {
			badRequest(w, "%v", err)
			return
		}
	case isJSON(media, name) && !json.Valid(body):
		badRequest(w, "the body is not valid JSON; for other values send Content-Type: text/plain or application/octet-stream")
		return
	}
	if len(body) > s.limits.ValueBytes {
		s.bodyTooLarge(w)
		return
	}
	if media == kv.Typed {
		body, _ = kv.WithType(name, body) // the name's length has been checked
	}
	op.Value, op.Media = body, media
	s.written(w, s.do(op), key, st, `"ok":true`)
}

func (s *Server) del(w http.ResponseWriter, key []byte, st style, cond preconditions) {
	op := kv.Op{Kind: kv.OpDelete, Key: key}
	if err := cond.apply(&op); err != nil {
		badRequest(w, "%v", err)
		return
	}
	if op.Cond == kv.IfAbsent {
		badRequest(w, "DELETE takes no If-None-Match")
		return
	}
	res := s.do(op)
	if res.Status != kv.OK && res.Status != kv.NotFound {
		s.writeStatus(w, &res)
		return
	}
	b := []byte(`{`)
	if st == enveloped {
		b = append(appendKey(b, key), ',')
	}
	b = fmt.Appendf(b, `"ok":true,"deleted":%t}`+"\n", res.Status == kv.OK)
	writeBody(w, http.StatusOK, "application/json", b)
}

// incrBody is the body of POST /api/v1/kv/{key}/incr.
type incrBody struct {
	Delta *int64 `json:"delta,omitempty" doc:"What to add; 1 if left out. An absent key counts as 0."`
}

func (s *Server) incr(w http.ResponseWriter, r *http.Request, key []byte) {
	if r.Header.Get("If-Match") != "" || r.Header.Get("If-None-Match") != "" {
		badRequest(w, "incr takes no If-Match or If-None-Match")
		return
	}
	body, done, ok := s.readBody(w, r, 1024)
	if !ok {
		return
	}
	defer done()
	in := incrBody{}
	if len(body) > 0 {
		if err := decodeStrict(body, &in); err != nil {
			badRequest(w, `the body is not {"delta": integer}: %v`, err)
			return
		}
	}
	op := kv.Op{Kind: kv.OpIncr, Key: key, Delta: 1}
	if in.Delta != nil {
		op.Delta = *in.Delta
	}
	res := s.do(op)
	s.written(w, res, key, enveloped, `"value":`+strconv.FormatInt(res.Int, 10))
}

// written answers a write; field is what it says beside time and revision.
func (s *Server) written(w http.ResponseWriter, res kv.Result, key []byte, st style, field string) {
	if res.Status != kv.OK {
		s.writeStatus(w, &res)
		return
	}
	w.Header().Set("ETag", etag(res.Rev))
	b := []byte(`{`)
	if st == enveloped {
		b = append(appendKey(b, key), ',')
	}
	writeBody(w, http.StatusOK, "application/json", appendFacts(append(b, field...), &res))
}
