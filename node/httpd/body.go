package httpd

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/quoratedb/quorate/actors/kv"
)

// freeBody is the size up to which a body is not charged to Config.BufferBytes.
const freeBody = 64 << 10

// readBody takes in a request body of at most limit bytes. It has answered the
// request when ok is false. done gives the memory's share back.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, limit int) (body []byte, done func(), ok bool) {
	done = func() {}
	if r.ContentLength > int64(limit) {
		s.bodyTooLarge(w)
		return nil, done, false
	}
	if r.ContentLength < 0 || r.ContentLength > freeBody {
		share := r.ContentLength
		if share < 0 {
			share = int64(limit)
		}
		var room bool
		if done, room = s.reserve(share); !room {
			unavailable(w, codeBusy, "nothing was done: the node is taking in too many large bodies")
			return nil, func() {}, false
		}
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.cfg.BodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(limit)))
	if err == nil {
		return body, done, true
	}
	done()
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		s.bodyTooLarge(w)
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		writeError(w, http.StatusRequestTimeout, codeSlow, fmt.Sprintf("nothing was done: the body did not arrive within %v", s.cfg.BodyTimeout))
	default:
		badRequest(w, "the body could not be read: %v", err)
	}
	return nil, func() {}, false
}

func (s *Server) bodyTooLarge(w http.ResponseWriter) {
	w.Header().Set("Connection", "close") // the rest of the body is not read
	writeError(w, http.StatusRequestEntityTooLarge, codeTooLarge, fmt.Sprintf("the value is too large, the limit is %d bytes", s.limits.ValueBytes))
}

// mediaOf says how a body is kept, and under which name if it is none of the
// common types. curl's default type, a form, is a string.
func mediaOf(contentType string) (m kv.Media, name string, err error) {
	if contentType == "" {
		return kv.Text, "", nil
	}
	t, params, err := mime.ParseMediaType(contentType)
	if err == nil && !strings.Contains(t, "/") {
		err = errors.New("a media type has two parts, as text/plain has")
	}
	if err != nil {
		return 0, "", fmt.Errorf("Content-Type %q: %v", contentType, err)
	}
	unicode := isUnicode(params["charset"])
	switch {
	case t == "application/json" && !unicode:
		return 0, "", fmt.Errorf("JSON is UTF-8 (RFC 8259, section 8.1), not %s", params["charset"])
	case t == "application/json":
		return kv.JSON, "", nil
	case t == "text/plain" && unicode, t == "application/x-www-form-urlencoded":
		return kv.Text, "", nil
	case t == "application/octet-stream":
		return kv.Bytes, "", nil
	case strings.HasPrefix(t, "multipart/"):
		return 0, "", fmt.Errorf("a value is not taken from %s; send it as it is, under its own type", t)
	}
	if name = mime.FormatMediaType(t, params); name == "" || len(name) > 255 {
		return 0, "", fmt.Errorf("Content-Type of %d bytes is not kept, 255 are allowed", len(contentType))
	}
	return kv.Typed, name, nil
}

// isUnicode reports whether text in a charset is UTF-8 as it is.
func isUnicode(charset string) bool {
	switch strings.ToLower(charset) {
	case "", "utf-8", "utf8", "us-ascii":
		return true
	}
	return false
}

// isJSON and isText say how a value of some type looks in an answer.
func isJSON(m kv.Media, name string) bool {
	t, _, _ := strings.Cut(name, ";")
	return m == kv.JSON || strings.HasSuffix(t, "+json")
}

func isText(m kv.Media, name string) bool { return m == kv.Text || strings.HasPrefix(name, "text/") }

// envelope is the body of PUT /api/v1/kv/{key}, and of the same in a bucket.
type envelope struct {
	Value   json.RawMessage `json:"value" doc:"A string is kept as text; anything else as JSON, verbatim."`
	Context *string         `json:"context,omitempty" doc:"In buckets of mode eventual: the causal context of the read that this write follows from; the header X-Quorate-Context does as well."`
}

// openEnvelope reads {"value": ..., "context": ...}.
func openEnvelope(body []byte) (value []byte, media kv.Media, context *string, err error) {
	var e envelope
	if err := decodeStrict(body, &e); err != nil {
		return nil, 0, nil, fmt.Errorf(`the body is not {"value": ...}: %w`, err)
	}
	if e.Value == nil {
		return nil, 0, nil, errors.New(`the body has no "value"; {"value": ...} is needed`)
	}
	if e.Value[0] != '"' {
		return e.Value, kv.JSON, e.Context, nil
	}
	var text string
	if err := json.Unmarshal(e.Value, &text); err != nil {
		return nil, 0, nil, err
	}
	if damaged(e.Value, text) {
		return nil, 0, nil, errors.New("the string is not valid Unicode (a lone surrogate or broken UTF-8); send bytes as application/octet-stream")
	}
	return []byte(text), kv.Text, e.Context, nil
}

// damaged reports whether decoding put U+FFFD where the client wrote something
// else, as encoding/json does for what is not Unicode.
func damaged(raw []byte, text string) bool {
	if !strings.ContainsRune(text, utf8.RuneError) {
		return false
	}
	wrote := bytes.Count(raw, []byte("\uFFFD")) + bytes.Count(bytes.ToLower(raw), []byte(`\ufffd`))
	return !utf8.Valid(raw) || strings.Count(text, "\uFFFD") > wrote
}

// decodeStrict reads a JSON object with no other fields than those of into, none twice.
func decodeStrict(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return inJSONsWords(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something after the JSON object")
	}
	return namedOnce(body, reflect.TypeOf(into).Elem())
}

// namedOnce makes up for what encoding/json lets pass: a field that is named in
// other letters ("Value"), or twice, of which the last would count.
func namedOnce(body []byte, object reflect.Type) error {
	d := json.NewDecoder(bytes.NewReader(body))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return err // null, say
	}
	var names, seen []string
	for _, f := range reflect.VisibleFields(object) {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, tag)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		if slices.Contains(seen, name.(string)) {
			return fmt.Errorf("%q is there twice", name)
		}
		seen = append(seen, name.(string))
		if !slices.Contains(names, name.(string)) {
			return fmt.Errorf("unknown field %q", name)
		}
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			return err
		}
	}
	return nil
}

// inJSONsWords says what encoding/json found without the names of Go's types.
func inJSONsWords(err error) error {
	var wrong *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &wrong):
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	case wrong.Field == "":
		return fmt.Errorf("it is a %s", wrong.Value)
	}
	return fmt.Errorf("%q can't be a %s", wrong.Field, wrong.Value)
}

// appendValue appends "value" (and "type", where it is not a common one, and
// "encoding", where JSON can't hold the bytes) as fields of an object. JSON is
// embedded as it was sent.
func appendValue(b []byte, data []byte, media kv.Media) []byte {
	name := kv.TypeOf(media, data)
	data = kv.Payload(media, data)
	if name != "" {
		b = append(appendString(append(b, `"type":`...), name), ',')
	}
	switch {
	case isJSON(media, name) && json.Valid(data):
		b = append(b, `"value":`...)
		return append(b, data...)
	case (media == kv.JSON || isText(media, name)) && utf8.Valid(data):
		b = append(b, `"value":`...)
		return appendString(b, string(data))
	}
	b = append(b, `"encoding":"base64","value":"`...)
	b = base64.StdEncoding.AppendEncode(b, data)
	return append(b, '"')
}

// appendKey appends "key", or "key_base64" where it is not text.
func appendKey(b []byte, key []byte) []byte {
	if utf8.Valid(key) {
		return appendString(append(b, `"key":`...), string(key))
	}
	b = append(b, `"key_base64":"`...)
	return append(base64.StdEncoding.AppendEncode(b, key), '"')
}

// wantsRaw reports whether the client asked for the bytes instead of JSON: it
// named types, and JSON is none of them.
func wantsRaw(r *http.Request) bool {
	raw := false
	for _, a := range strings.Split(r.Header.Get("Accept"), ",") {
		switch t, _, _ := strings.Cut(strings.TrimSpace(a), ";"); strings.ToLower(t) {
		case "application/json", "application/*", "*/*":
			return false
		case "":
		default:
			raw = true
		}
	}
	return raw
}

// writeRaw answers with the value's own bytes and type.
func (s *Server) writeRaw(w http.ResponseWriter, r *kv.Result) {
	media := kv.TypeOf(r.Media, r.Data)
	if media == "" {
		media = [...]string{kv.Text: "text/plain; charset=utf-8", kv.JSON: "application/json", kv.Bytes: "application/octet-stream", kv.Typed: "application/octet-stream"}[r.Media]
	}
	w.Header().Set("Quorate-Ts", strconv.FormatInt(r.TimeMs, 10))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "sandbox") // a stored page runs nothing in this server's name
	s.writeValue(w, http.StatusOK, media, kv.Payload(r.Media, r.Data))
}
