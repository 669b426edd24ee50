package httpd

import (
	_ "embed"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// newSpec makes the OpenAPI description and serves it from mux. Handlers are
// ours: huma's own would read bodies before limits and preconditions are known.
func newSpec(mux *http.ServeMux, version string) huma.API {
	cfg := huma.DefaultConfig("Quorate", version)
	cfg.Info.Description = "A distributed key-value store. In the default bucket every operation on a key is linearizable; other buckets promise what their settings say."
	cfg.DocsPath = "" // huma's page loads scripts from elsewhere
	cfg.SchemasPath = ""
	cfg.CreateHooks = nil // no $schema fields in bodies
	return humago.New(mux, cfg)
}

//go:embed docs.html
var docsPage []byte

func (s *Server) docs(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Security-Policy", "default-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'")
	writeBody(w, http.StatusOK, "text/html; charset=utf-8", docsPage)
}

// route registers a handler and its description.
func (s *Server) route(op *huma.Operation, h http.HandlerFunc) {
	s.mux.HandleFunc(op.Method+" "+op.Path, h)
	s.methods[op.Path] = append(s.methods[op.Path], op.Method)
	if op.Method == http.MethodGet {
		s.methods[op.Path] = append(s.methods[op.Path], http.MethodHead)
	}
	s.spec.OpenAPI().AddOperation(op)
}

// schema is the description of a Go type.
func (s *Server) schema(v any) *huma.Schema {
	return huma.SchemaFromType(s.spec.OpenAPI().Components.Schemas, reflect.TypeOf(v))
}

func (s *Server) jsonOf(v any) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: s.schema(v)}}
}

// operation begins a description: what it answers with, and with which errors.
func (s *Server) operation(method, path, id, summary, tag string, ok any, errors ...int) *huma.Operation {
	op := &huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{tag},
		Responses: map[string]*huma.Response{}}
	good := &huma.Response{Description: "OK"}
	if ok != nil {
		good.Content = s.jsonOf(ok)
	}
	op.Responses["200"] = good
	for _, status := range errors {
		r := &huma.Response{Description: http.StatusText(status), Content: s.jsonOf(errorBody{})}
		if text := errorTexts[status]; text != "" {
			r.Description = text
		}
		if status == http.StatusNotFound {
			r.Content = s.jsonOf(notFoundBody{})
		}
		op.Responses[strconv.Itoa(status)] = r
	}
	return op
}

var errorTexts = map[int]string{
	http.StatusNotFound:              "There is no such key.",
	http.StatusPreconditionFailed:    "The condition of If-Match or If-None-Match does not hold; nothing was done.",
	http.StatusRequestEntityTooLarge: "The key or the value is above its limit; the message says which.",
	http.StatusConflict:              "What is there stands against it: not a number, an overflow, or a bucket of that name.",
	http.StatusUnprocessableEntity:   "Refused: the bucket can't do that; the message says why, and what it can.",
	http.StatusServiceUnavailable:    "Nothing was done: too few replicas, or too busy.",
	http.StatusGatewayTimeout:        "Unknown outcome: the write may have taken effect or may still.",
}

func param(in, name, text string, required bool) *huma.Param {
	return &huma.Param{In: in, Name: name, Description: text, Required: required, Schema: &huma.Schema{Type: huma.TypeString}}
}

// valueBody is what a read answers with.
type valueBody struct {
	Key       string `json:"key,omitempty" doc:"Only under /api/v1."`
	KeyBase64 string `json:"key_base64,omitempty" doc:"In place of key where the key is not UTF-8. Only under /api/v1."`
	Found     bool   `json:"found" doc:"Always true."`
	Value     any    `json:"value" doc:"A string for text, the document itself for JSON."`
	Encoding  string `json:"encoding,omitempty" enum:"base64" doc:"Present where value is base64: bytes that are not text."`
	TS        int64  `json:"ts" doc:"When the value was written, Unix milliseconds; not used for ordering."`
	Rev       string `json:"rev" doc:"The value's revision, the same as in ETag."`
}

// writtenBody is what a write answers with.
type writtenBody struct {
	Key string `json:"key,omitempty" doc:"Only under /api/v1."`
	OK  bool   `json:"ok"`
	TS  int64  `json:"ts" doc:"Unix milliseconds."`
	Rev string `json:"rev" doc:"The new value's revision, the same as in ETag."`
}

type deletedBody struct {
	Key     string `json:"key,omitempty" doc:"Only under /api/v1."`
	OK      bool   `json:"ok"`
	Deleted bool   `json:"deleted" doc:"Whether there was a value."`
}

type counterBody struct {
	Key   string `json:"key,omitempty"`
	Value int64  `json:"value" doc:"After the addition."`
	TS    int64  `json:"ts"`
	Rev   string `json:"rev"`
}

// describeKV registers /kv and describes it and /api/v1/kv/{key}, whose requests
// ServeHTTP takes before the mux does.
func (s *Server) describeKV() {
	ifMatch := param("header", "If-Match", `"rev" as returned in ETag, or * for any value`, false)
	ifNone := param("header", "If-None-Match", "* to create only (PUT); a rev to skip an unchanged value (GET)", false)
	anyBody := &huma.RequestBody{Description: "The value. text/*, a form or no type: a string; application/json: a document; else bytes.",
		Content: map[string]*huma.MediaType{"text/plain": {}, "application/json": {}, "application/octet-stream": {}}}
	wrapped := &huma.RequestBody{Description: "text/plain and application/octet-stream bodies are taken as the value itself.", Required: true, Content: s.jsonOf(envelope{})}
	describe := func(path, suffix string, key *huma.Param, body *huma.RequestBody, add func(*huma.Operation)) {
		get := s.operation("GET", path, "get"+suffix, "Read a value", "keys", valueBody{}, 400, 404, 412, 413, 422, 503)
		get.Parameters = []*huma.Param{key, ifMatch, ifNone,
			param("header", "Accept", "application/octet-stream or text/plain: the bytes themselves, with their type", false)}
		get.Responses["304"] = &huma.Response{Description: "The value still has the revision of If-None-Match."}
		add(get)
		methods := []string{"PUT"}
		if suffix == "" {
			methods = append(methods, "POST")
		}
		for _, m := range methods {
			id := map[string]string{"PUT": "put", "POST": "post"}[m]
			put := s.operation(m, path, id+suffix, "Write a value", "keys", writtenBody{}, 400, 412, 413, 415, 422, 503, 504)
			put.Parameters, put.RequestBody = []*huma.Param{key, ifMatch, ifNone}, body
			add(put)
		}
		del := s.operation("DELETE", path, "delete"+suffix, "Delete a key", "keys", deletedBody{}, 400, 412, 413, 422, 503, 504)
		del.Parameters = []*huma.Param{key, ifMatch}
		add(del)
	}
	describe("/kv", "", param("query", "key", "The key, percent-encoded; 1 byte to 64 KiB.", true), anyBody,
		func(op *huma.Operation) { s.route(op, s.queried) })
	pathKey := param("path", "key", "The rest of the path, percent-encoded; slashes may stay as they are.", true)
	describe("/api/v1/kv/{key}", "ByPath", pathKey, wrapped, s.spec.OpenAPI().AddOperation)
	incr := s.operation("POST", "/api/v1/kv/{key}/incr", "incr", "Add to a number", "keys", counterBody{}, 400, 409, 413, 422, 503, 504)
	incr.Parameters = []*huma.Param{pathKey, param("query", "by", "What to add, in place of a body; 1 if left out.", false)}
	incr.RequestBody = &huma.RequestBody{Content: s.jsonOf(incrBody{})}
	s.spec.OpenAPI().AddOperation(incr)
}
