package httpd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/quoratedb/quorate/actors/kv"
)

// queryKey is the key of /kv?key= and /route?key=; also names other parameters
// that are allowed. It has answered the request when ok is false.
func (s *Server) queryKey(w http.ResponseWriter, r *http.Request, also ...string) (key []byte, q url.Values, ok bool) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		badRequest(w, "the query cannot be read: %v", err)
		return nil, nil, false
	}
	for name := range q {
		if name != "key" && !(len(also) == 0 && tunes(name)) && !slices.Contains(also, name) {
			badRequest(w, "unknown parameter %q, allowed is %s", name, strings.Join(append([]string{"key"}, also...), " and "))
			return nil, nil, false
		}
	}
	if len(q["key"]) != 1 {
		badRequest(w, "the parameter key is there %d times, once is needed", len(q["key"]))
		return nil, nil, false
	}
	key, ok = s.checkKey(w, []byte(q.Get("key")))
	return key, q, ok
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
	key, _, ok := s.queryKey(w, r)
	if !ok {
		return
	}
	t := &target{key: key, style: plain}
	if err := t.parse(r, false); err != nil {
		badRequest(w, "%v", err)
		return
	}
	s.serveKey(w, r, t)
}

func (s *Server) serveKey(w http.ResponseWriter, r *http.Request, t *target) {
	cond, err := parsePreconditions(r.Header)
	if !t.strong() && (err != nil || cond != (preconditions{})) {
		s.noRevisions(w, t)
		return
	}
	if err != nil {
		badRequest(w, "%v", err)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		s.get(w, r, t, cond)
	case http.MethodPut, http.MethodPost:
		s.put(w, r, t, cond)
	case http.MethodDelete:
		s.del(w, r, t, cond)
	default:
		methodNotAllowed(w, r, "GET", "HEAD", "PUT", "DELETE")
	}
}

func (s *Server) get(w http.ResponseWriter, r *http.Request, t *target, cond preconditions) {
	res := s.do(t, kv.Op{Kind: kv.OpGet})
	if res.Status == kv.NotFound && (cond.matchAny || !cond.match.IsZero()) {
		res.Status = kv.CondFailed
	}
	t.giveFacts(w, &res)
	if res.Status != kv.OK {
		s.writeStatus(w, &res)
		return
	}
	w.Header().Set("Cache-Control", "no-cache") // keep it, but ask before use
	w.Header().Set("Vary", "Accept")
	switch {
	case res.Causal != nil && len(res.Causal.Values) > 1:
		s.writeSiblings(w, t, &res)
	case !cond.match.IsZero() && cond.match != res.Rev:
		res.Status = kv.CondFailed
		s.writeStatus(w, &res)
	case cond.noneMatchAny || !cond.noneMatch.IsZero() && cond.noneMatch == res.Rev:
		w.WriteHeader(http.StatusNotModified)
	case wantsRaw(r):
		s.writeRaw(w, &res)
	default:
		b := make([]byte, 0, len(res.Data)+len(t.key)+128)
		b = append(t.open(b), `"found":true,`...)
		b = appendValue(b, res.Data, res.Media)
		s.writeValue(w, http.StatusOK, "application/json", t.appendFacts(b, &res))
	}
}

// open begins an answer.
func (t *target) open(b []byte) []byte {
	b = append(b, '{')
	if t.style == enveloped {
		b = append(appendKey(b, t.key), ',')
	}
	return b
}

// giveFacts puts a revision or a context into the header.
func (t *target) giveFacts(w http.ResponseWriter, r *kv.Result) {
	if t.strong() && r.Status == kv.OK {
		w.Header().Set("ETag", etag(r.Rev))
	}
	if r.Causal != nil && r.Causal.Context != "" {
		w.Header().Set(contextHeader, r.Causal.Context)
	}
}

// appendFacts ends an object with a value's time and its revision or context.
func (t *target) appendFacts(b []byte, r *kv.Result) []byte {
	if t.strong() || r.TimeMs != 0 {
		b = strconv.AppendInt(append(b, `,"ts":`...), r.TimeMs, 10)
	}
	if t.strong() {
		b = append(append(append(b, `,"rev":"`...), revText(r.Rev)...), '"')
	}
	if r.Causal != nil && r.Causal.Context != "" {
		b = appendString(append(b, `,"context":`...), r.Causal.Context)
	}
	return append(b, "}\n"...)
}

func (s *Server) put(w http.ResponseWriter, r *http.Request, t *target, cond preconditions) {
	op := kv.Op{Kind: kv.OpSet}
	if err := cond.apply(&op); err != nil {
		badRequest(w, "%v", err)
		return
	}
	contentType := r.Header.Get("Content-Type")
	media, name, err := mediaOf(contentType)
	if coding := r.Header.Get("Content-Encoding"); err == nil && coding != "" && !strings.EqualFold(coding, "identity") {
		err = fmt.Errorf("Content-Encoding %q is not kept with a value; send it as it is, or as bytes under its own type (application/gzip)", coding)
	}
	if err != nil {
		writeError(w, http.StatusUnsupportedMediaType, codeMedia, err.Error())
		return
	}
	// curl -d '{"value": ...}' sends no better type than a form.
	wrapped := t.style == enveloped && (media == kv.JSON || contentType == "" || strings.HasPrefix(contentType, "application/x-www-form-urlencoded"))
	limit := s.limits.ValueBytes
	if wrapped {
		limit = 2*limit + 32<<10 // escapes and a context; the value itself is measured below
	}
	body, done, ok := s.readBody(w, r, limit)
	if !ok {
		return
	}
	defer done()
	switch {
	case wrapped:
		var context *string
		if body, media, context, err = openEnvelope(body); err == nil {
			err = t.giveContext(context)
		}
		if err != nil {
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
	s.written(w, s.do(t, op), t, 1, `"ok":true`)
}

// deleteBody is what a DELETE in a bucket may bring.
type deleteBody struct {
	Context *string `json:"context,omitempty" doc:"The causal context of the read that this follows from; the header X-Quorate-Context does as well."`
}

func (s *Server) del(w http.ResponseWriter, r *http.Request, t *target, cond preconditions) {
	op := kv.Op{Kind: kv.OpDelete}
	if err := cond.apply(&op); err != nil {
		badRequest(w, "%v", err)
		return
	}
	if op.Cond == kv.IfAbsent {
		badRequest(w, "DELETE takes no If-None-Match")
		return
	}
	if t.bucket != nil && !s.deleteContext(w, r, t) {
		return
	}
	res := s.do(t, op)
	if res.Status != kv.OK && (res.Status != kv.NotFound || !t.strong()) {
		s.writeStatus(w, &res)
		return
	}
	if !t.strong() { // whether there was a value nobody knows
		s.written(w, res, t, 0, `"ok":true`)
		return
	}
	b := fmt.Appendf(t.open(nil), `"ok":true,"deleted":%t}`+"\n", res.Status == kv.OK)
	writeBody(w, http.StatusOK, "application/json", b)
}

// deleteContext reads the body of a DELETE, if there is one. It has answered the
// request when it is false.
func (s *Server) deleteContext(w http.ResponseWriter, r *http.Request, t *target) bool {
	body, done, ok := s.readBody(w, r, 32<<10)
	if !ok {
		return false
	}
	defer done()
	if len(body) == 0 {
		return true
	}
	var in deleteBody
	err := decodeStrict(body, &in)
	if err == nil {
		err = t.giveContext(in.Context)
	}
	if err != nil {
		badRequest(w, `the body is not {"context": "..."}: %v`, err)
	}
	return err == nil
}

// incrBody is the body of POST .../incr.
type incrBody struct {
	Delta *int64 `json:"delta,omitempty" doc:"What to add; 1 if left out. An absent key counts as 0."`
}

func (s *Server) incr(w http.ResponseWriter, r *http.Request, t *target) {
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
	op := kv.Op{Kind: kv.OpIncr, Delta: 1}
	switch {
	case in.Delta != nil && t.by != nil:
		badRequest(w, `by and "delta" both say what to add, one is enough`)
		return
	case in.Delta != nil:
		op.Delta = *in.Delta
	case t.by != nil:
		op.Delta = *t.by
	}
	res := s.do(t, op)
	s.written(w, res, t, 1, `"value":`+strconv.FormatInt(res.Int, 10))
}

// written answers a write; field is what it says beside time and revision.
// Of the values that are there then, own are its own.
func (s *Server) written(w http.ResponseWriter, res kv.Result, t *target, own int, field string) {
	if res.Status != kv.OK {
		s.writeStatus(w, &res)
		return
	}
	t.giveFacts(w, &res)
	b := append(t.open(nil), field...)
	if c := res.Causal; c != nil && len(c.Values) > own {
		b = appendSiblings(b, &res) // the context speaks for values that the client may not have seen yet
	}
	s.writeValue(w, http.StatusOK, "application/json", t.appendFacts(b, &res))
}

// noRevisions refuses a condition in a bucket without revisions.
func (s *Server) noRevisions(w http.ResponseWriter, t *target) {
	instead := "reads and writes without them"
	if t.causal() {
		instead += ", and the causal context of a read with the write that follows from it (" + contextHeader + ")"
	}
	writeError(w, http.StatusUnprocessableEntity, codeRefused, fmt.Sprintf(
		"If-Match and If-None-Match need a bucket of mode strong: in bucket %q, mode %v, nobody decides which write of a key came first, so its values have no revision. Allowed here are %s",
		t.bucket.Name, t.bucket.Mode, instead))
}

// writeSiblings answers a read with all concurrent values of a key.
func (s *Server) writeSiblings(w http.ResponseWriter, t *target, res *kv.Result) {
	b := appendSiblings(append(t.open(nil), `"found":true`...), res)
	if res.Causal.Context != "" {
		b = appendString(append(b, `,"context":`...), res.Causal.Context)
	}
	s.writeValue(w, http.StatusMultipleChoices, "application/json", append(b, "}\n"...))
}

// appendSiblings appends the field "siblings".
func appendSiblings(b []byte, res *kv.Result) []byte {
	b = append(b, `,"siblings":[`...)
	for i := range res.Causal.Values {
		v := &res.Causal.Values[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(append(b, '{'), v.Data, v.Media)
		b = append(strconv.AppendInt(append(b, `,"ts":`...), v.TimeMs, 10), '}')
	}
	return append(b, ']')
}
