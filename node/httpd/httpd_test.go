package httpd

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/node/door/doortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// web is a server under test and its client.
type web struct {
	t    *testing.T
	base string
	http *http.Client
	s    *Server
}

func serve(t *testing.T, h *doortest.Host, edit func(*Config)) *web {
	t.Helper()
	cfg := Config{Host: h, Metrics: prometheus.NewRegistry()}
	if edit != nil {
		edit(&cfg)
	}
	s := New(cfg)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	c := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() {
		c.CloseIdleConnections()
		require.NoError(t, s.Close())
		require.ErrorIs(t, <-done, http.ErrServerClosed)
		assert.Zero(t, h.Sessions.Load(), "sessions left open")
		assert.Zero(t, s.big.Load(), "body bytes not given back")
	})
	return &web{t, "http://" + l.Addr().String(), c, s}
}

// do sends a request; headers are "Name: value".
func (w *web) do(method, path, body string, headers ...string) (int, http.Header, string) {
	w.t.Helper()
	req, err := http.NewRequest(method, w.base+path, strings.NewReader(body))
	require.NoError(w.t, err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	resp, err := w.http.Do(req)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	return resp.StatusCode, resp.Header, strings.TrimSpace(string(b))
}

const (
	form   = "Content-Type: application/x-www-form-urlencoded"
	asJSON = "Content-Type: application/json"
	asText = "Content-Type: text/plain; charset=utf-8"
	asBin  = "Content-Type: application/octet-stream"
)

var facts = regexp.MustCompile(`,"ts":\d+,"rev":"e1\.r3\.n2\.i7-\d+"}$`)

// TestShapes runs the scripts of the two predecessors, in order, on one store.
func TestShapes(t *testing.T) {
	w := serve(t, doortest.New(), nil)
	for _, tc := range []struct {
		method, path, body string
		headers            []string
		status             int
		want               string // FACTS stands for ts and rev
	}{
		{"GET", "/kv?key=mykey", "", nil, 404, `{"found":false}`},
		{"PUT", "/kv?key=mykey", "myvalue", []string{form}, 200, `{"ok":true FACTS`},
		{"GET", "/kv?key=mykey", "", nil, 200, `{"found":true,"value":"myvalue" FACTS`},
		{"PUT", "/kv?key=user:123", `{"name":"Alice", "age":30.0}`, []string{asJSON}, 200, `{"ok":true FACTS`},
		{"GET", "/kv?key=user:123", "", nil, 200, `{"found":true,"value":{"name":"Alice", "age":30.0} FACTS`},
		{"GET", "/kv?key=user:123", "", []string{"Accept: application/octet-stream"}, 200, `{"name":"Alice", "age":30.0}`},
		{"PUT", "/kv?key=user:123", `{"name":`, []string{asJSON}, 400, `"error":"bad_request"`},
		{"POST", "/kv?key=b", "\xff\x00", []string{asBin}, 200, `{"ok":true FACTS`},
		{"GET", "/kv?key=b", "", nil, 200, `{"found":true,"encoding":"base64","value":"/wA=" FACTS`},
		{"GET", "/kv?key=b", "", []string{"Accept: application/octet-stream"}, 200, "\xff\x00"},
		{"PUT", "/kv?key=p", "\x89PNG", []string{"Content-Type: image/png"}, 200, `"ok":true`},
		{"GET", "/kv?key=p", "", nil, 200, `"found":true,"type":"image/png","encoding":"base64","value":"iVBORw=="`},
		{"GET", "/kv?key=p", "", []string{"Accept: image/png"}, 200, "\x89PNG"},
		{"PUT", "/kv?key=h", "<b>hi</b>", []string{"Content-Type: text/html; charset=utf-8"}, 200, `"ok":true`},
		{"GET", "/kv?key=h", "", nil, 200, `"type":"text/html; charset=utf-8","value":"<b>hi</b>"`},
		{"PUT", "/kv?key=l", `{"@id":1}`, []string{"Content-Type: application/ld+json"}, 200, `"ok":true`},
		{"GET", "/kv?key=l", "", nil, 200, `"type":"application/ld+json","value":{"@id":1}`},
		{"PUT", "/kv?key=l", `{"@id":`, []string{"Content-Type: application/ld+json"}, 400, "not valid JSON"},
		{"PUT", "/kv?key=t", "\xff", []string{asText}, 200, `{"ok":true FACTS`},
		{"GET", "/kv?key=t", "", nil, 200, `{"found":true,"encoding":"base64","value":"/w==" FACTS`},
		{"PUT", "/kv?key=empty", "", nil, 200, `{"ok":true FACTS`},
		{"GET", "/kv?key=empty", "", nil, 200, `{"found":true,"value":"" FACTS`},
		{"PUT", "/kv?key=q", `<"&\n>`, nil, 200, `{"ok":true FACTS`},
		{"GET", "/kv?key=q", "", nil, 200, `{"found":true,"value":"<\"&\\n>" FACTS`},
		{"GET", "/kv?key=q", "", []string{"Accept: text/html"}, 200, `<"&\n>`},
		{"GET", "/kv?key=q", "", []string{"Accept: text/html, */*;q=0.8"}, 200, `"found":true`},
		{"PUT", "/kv?key=latin", "\xe9", []string{"Content-Type: text/plain; charset=iso-8859-1"}, 200, `"ok":true`},
		{"GET", "/kv?key=latin", "", nil, 200, `"type":"text/plain; charset=iso-8859-1","encoding":"base64","value":"6Q=="`},
		{"PUT", "/kv?key=j", "{}", []string{"Content-Type: application/json; charset=UTF-8"}, 200, `"ok":true`},
		{"PUT", "/kv?key=j", "{}", []string{"Content-Type: application/json; charset=utf-16"}, 415, `JSON is UTF-8`},
		{"PUT", "/kv?key=j", "{}", []string{"Content-Type: garbage"}, 415, `a media type has two parts`},
		{"PUT", "/kv?key=j", "x", []string{"Content-Encoding: gzip"}, 415, `Content-Encoding \"gzip\" is not kept`},
		{"PUT", "/kv?key=j", "x", []string{"Content-Encoding: identity"}, 200, `"ok":true`},
		{"PATCH", "/kv?key=j", "x", nil, 405, `allowed are GET, HEAD, PUT`},
		{"PUT", "/api/v1/kv/j", `{"value":"x","value":"y"}`, []string{asJSON}, 400, `\"value\" is there twice`},
		{"PUT", "/api/v1/kv/j", `{"Value":"x"}`, []string{asJSON}, 400, `unknown field \"Value\"`},
		{"PUT", "/kv?key=form", "x", []string{"Content-Type: multipart/form-data; boundary=x"}, 415, `"error":"unsupported_media_type"`},
		{"DELETE", "/kv?key=mykey", "", nil, 200, `{"ok":true,"deleted":true}`},
		{"DELETE", "/kv?key=mykey", "", nil, 200, `{"ok":true,"deleted":false}`},
		{"GET", "/kv?key=mykey", "", nil, 404, `{"found":false}`},
		{"GET", "/kv", "", nil, 400, `the parameter key is there 0 times`},
		{"GET", "/kv?key=", "", nil, 400, `the key is empty`},
		{"GET", "/kv?key=a&key=b", "", nil, 400, `is there 2 times`},
		{"GET", "/kv?key=a&x=3", "", nil, 400, `unknown parameter \"x\"`},
		{"GET", "/kv?key=a&r=1", "", nil, 422, `a strong bucket takes no r, w, causal context or ttl: a majority decides`},
		{"PUT", "/kv?key=a&w=1", "v", nil, 422, `a strong bucket takes no r, w`},
		{"PUT", "/kv?key=a&ttl=30s", "v", nil, 422, `a strong bucket takes no r, w`},
		{"PUT", "/kv?key=a", "v", []string{"X-Quorate-Context: a"}, 422, `a strong bucket takes no r, w`},
		{"GET", "/api/v1/kv/a?r=1", "", nil, 422, `a strong bucket takes no r, w`},
		{"DELETE", "/api/v1/kv/a?w=quorum", "", nil, 422, `a strong bucket takes no r, w`},
		{"GET", "/api/v1/kv/a?r=some", "", nil, 400, `allowed are 1 to 7, one, quorum`},
		{"PATCH", "/kv?key=a", "", nil, 405, `"error":"method_not_allowed"`},

		{"PUT", "/api/v1/kv/user1", `{"value":"Alice"}`, []string{asJSON}, 200, `{"key":"user1","ok":true FACTS`},
		{"GET", "/api/v1/kv/user1", "", nil, 200, `{"key":"user1","found":true,"value":"Alice" FACTS`},
		{"GET", "/kv?key=user1", "", nil, 200, `{"found":true,"value":"Alice" FACTS`},
		{"PUT", "/api/v1/kv/user1", `{"value": [1, 2.50, null]}`, []string{form}, 200, `{"key":"user1","ok":true FACTS`},
		{"GET", "/api/v1/kv/user1", "", nil, 200, `{"key":"user1","found":true,"value":[1, 2.50, null] FACTS`},
		{"PUT", "/api/v1/kv/nil", `{"value":null}`, []string{asJSON}, 200, `{"key":"nil","ok":true FACTS`},
		{"GET", "/api/v1/kv/nil", "", nil, 200, `{"key":"nil","found":true,"value":null FACTS`},
		{"PUT", "/api/v1/kv/user1", `{"valu":1}`, []string{asJSON}, 400, `unknown field \"valu\"`},
		{"PUT", "/api/v1/kv/user1", `{}`, []string{asJSON}, 400, `has no \"value\"`},
		{"PUT", "/api/v1/kv/user1", `{"value":1} x`, []string{asJSON}, 400, `something after`},
		{"PUT", "/api/v1/kv/user1", `{"value":"\ud800"}`, []string{asJSON}, 400, `not valid Unicode`},
		{"PUT", "/api/v1/kv/user1", `{"value":"\uFFFD"}`, []string{asJSON}, 200, `"ok":true`},
		{"PUT", "/api/v1/kv/raw", `just text`, []string{asText}, 200, `{"key":"raw","ok":true FACTS`},
		{"GET", "/api/v1/kv/raw", "", nil, 200, `{"key":"raw","found":true,"value":"just text" FACTS`},
		{"DELETE", "/api/v1/kv/user1", "", nil, 200, `{"key":"user1","ok":true,"deleted":true}`},
		{"GET", "/api/v1/kv/user1", "", nil, 404, `{"found":false}`},
		{"POST", "/api/v1/kv/user1", "x", nil, 405, `method_not_allowed`},
		{"PATCH", "/api/v1/kv/user1", "x", nil, 405, `method_not_allowed`},
		{"GET", "/api/v1/kv/", "", nil, 400, `the key is empty`},
		{"GET", "/api/v1/kv/a?b", "", nil, 400, `question mark`},

		// Keys are bytes, whatever they look like in a path.
		{"PUT", "/api/v1/kv/a//b/../c%2Fd%00%ff%3F+", `{"value":1}`, nil, 200, `{"key_base64":"YS8vYi8uLi9jL2QA/z8r","ok":true FACTS`},
		{"GET", "/kv?key=a//b/../c/d%00%ff%3F%2B", "", nil, 200, `{"found":true,"value":1 FACTS`},
		{"GET", "/api/v1/kv/a%2F%2Fb/../c/d%00%ff%3F%2b", "", nil, 200, `"value":1 FACTS`},
		{"PUT", "/api/v1/kv/n/incr", `{"value":"x"}`, nil, 200, `{"key":"n/incr","ok":true FACTS`},

		{"POST", "/api/v1/kv/n/incr", ``, nil, 200, `{"key":"n","value":1 FACTS`},
		{"POST", "/api/v1/kv/n/incr", `{"delta":-43}`, []string{asJSON}, 200, `{"key":"n","value":-42 FACTS`},
		{"POST", "/api/v1/kv/n/incr", `{"delta":1.5}`, []string{asJSON}, 400, `is not {\"delta\": integer}`},
		{"POST", "/api/v1/kv/raw/incr", ``, nil, 409, `"error":"not_an_integer"`},
		{"POST", "/api/v1/kv/n/incr", `{"delta":-9223372036854775808}`, nil, 409, `"error":"overflow"`},
		{"POST", "/api/v1/kv/n/incr", ``, []string{"If-Match: *"}, 400, `incr takes no If-Match`},

		{"GET", "/route?key=k", "", nil, 200, `"partition":`},
		{"GET", "/nothing", "", nil, 404, `"error":"no_such_path"`},
		{"POST", "/healthz", "", nil, 405, `allowed are GET`},
		{"GET", "/healthz", "", nil, 200, `{"status":"ok"}`},
		{"GET", "/readyz", "", nil, 200, `{"status":"ready"}`},
		{"GET", "/api/v1/cluster/health", "", nil, 200, `{"status":"degraded","reason":"2 of 3 members are alive","node_id":1,"alive":2,"total":3`},
		{"GET", "/api/v1/cluster/stats", "", nil, 200, `"quorum":{"n":3,"r":2,"w":2},"keys":15,`},
		{"GET", "/api/v1/admin/stats", "", nil, 200, `"partitions_owned":85`},
		{"GET", "/metrics", "", nil, 200, `quorate_http_requests_total{code="200",method="PUT",route="/kv"} 11`},
	} {
		status, header, body := w.do(tc.method, tc.path, tc.body, tc.headers...)
		name := fmt.Sprintf("%s %s %s", tc.method, tc.path, tc.body)
		assert.Equal(t, tc.status, status, "%s: %s", name, body)
		want, timed := strings.CutSuffix(tc.want, " FACTS")
		if timed {
			assert.Regexp(t, facts, body, name)
			assert.Regexp(t, `^"e1\.r3\.n2\.i7-\d+"$`, header.Get("ETag"), name)
		}
		assert.Contains(t, body, want, name)
		if strings.HasPrefix(header.Get("Content-Type"), "application/json") {
			assert.True(t, json.Valid([]byte(body)), "%s: %s", name, body)
		}
	}
}

func TestConditions(t *testing.T) {
	w := serve(t, doortest.New(), nil)
	put := func(path string, headers ...string) (int, string) {
		status, h, body := w.do("PUT", path, "v", append(headers, asText)...)
		if status >= 400 {
			return status, body
		}
		return status, h.Get("ETag")
	}
	for _, path := range []string{"/kv?key=c", "/api/v1/kv/d"} {
		status, _ := put(path, "If-Match: *")
		assert.Equal(t, 412, status, "exists only")
		status, first := put(path, "If-None-Match: *")
		require.Equal(t, 200, status)
		status, _ = put(path, "If-None-Match: *")
		assert.Equal(t, 412, status, "create only")
		status, second := put(path, "If-Match: "+first)
		require.Equal(t, 200, status, "compare and set")
		assert.NotEqual(t, first, second)
		status, body := put(path, "If-Match: "+first)
		assert.Equal(t, 412, status)
		assert.Contains(t, body, codeCondition)

		status, h, _ := w.do("GET", path, "", "If-None-Match: "+second)
		assert.Equal(t, 304, status)
		assert.Equal(t, second, h.Get("ETag"))
		status, _, _ = w.do("GET", path, "", "If-Match: "+first)
		assert.Equal(t, 412, status)
		status, _, body = w.do("HEAD", path, "")
		assert.Equal(t, 200, status)
		assert.Empty(t, body)

		status, _, _ = w.do("DELETE", path, "", "If-Match: "+first)
		assert.Equal(t, 412, status)
		status, _, _ = w.do("DELETE", path, "", "If-Match: "+second)
		assert.Equal(t, 200, status)

		for _, bad := range []string{`If-Match: abc`, `If-Match: W/` + first, `If-Match: "abc"`, `If-Match: ` + first + ", " + second,
			`If-Match: "e1.r3.n2.i7-042"`, `If-Match: "e1.r3.n2.i7-18446744073709551616"`, `If-Match: "e0.r0.n0.i0-0"`, `If-None-Match: ` + first} {
			status, body = put(path, bad)
			assert.Equal(t, 400, status, "%s: %s", bad, body)
		}
		status, _ = put(path, "If-Match: *", "If-None-Match: *")
		assert.Equal(t, 400, status)
		status, _ = put(path, "If-Match: *", "If-Match: *")
		assert.Equal(t, 400, status)
	}
}

func TestOutcomes(t *testing.T) {
	h := doortest.New()
	var status kv.Status
	h.Intercept = func(*msg.Op) *kv.Result { return &kv.Result{Status: status} }
	w := serve(t, h, nil)
	for s, want := range map[kv.Status]struct {
		code int
		text string
	}{
		kv.Unknown:     {504, codeUnknown},
		kv.Unavailable: {503, codeUnavailable},
		kv.NotOwner:    {503, codeUnavailable},
		kv.Busy:        {503, codeBusy},
		kv.TooLarge:    {413, codeTooLarge},
		kv.BadRequest:  {400, codeBadRequest},
	} {
		status = s
		code, header, body := w.do("PUT", "/kv?key=a", "b")
		assert.Equal(t, want.code, code)
		assert.Contains(t, body, `{"error":"`+want.text+`","message":"`)
		assert.Equal(t, code == 503, header.Get("Retry-After") != "")
	}
	h.NotReady = "recovering the log"
	code, _, body := w.do("GET", "/readyz", "")
	assert.Equal(t, 503, code)
	assert.Contains(t, body, "recovering the log")
	code, _, body = w.do("GET", "/api/v1/cluster/health", "")
	assert.Equal(t, 503, code)
	assert.Contains(t, body, `"status":"unavailable"`)
	h.CountErr = fmt.Errorf("node 3 is down")
	code, _, body = w.do("GET", "/api/v1/cluster/stats", "")
	assert.Equal(t, 200, code)
	assert.Contains(t, body, `"note":"node 3 is down"`)
	assert.NotContains(t, body, `"keys"`)
}

func TestLimits(t *testing.T) {
	h := doortest.New()
	h.Bounds.ValueBytes = 100_000
	w := serve(t, h, func(c *Config) { c.BufferBytes = 210_000 })
	fit := strings.Repeat("v", 100_000)
	for _, tc := range []struct {
		path, body string
		status     int
		want       string
		headers    []string
	}{
		{"/kv?key=a", fit, 200, "ok", nil},
		{"/kv?key=a", fit + "v", 413, "the limit is 100000 bytes", nil},
		{"/api/v1/kv/a", `{"value":"` + fit + `"}`, 200, "ok", nil},
		{"/api/v1/kv/a", `{"value":"` + fit + `v"}`, 413, "the limit is 100000 bytes", nil},
		{"/api/v1/kv/a", `{"value":"` + fit + fit + `v"}`, 413, "the limit is 100000 bytes", nil},
		{"/kv?key=" + strings.Repeat("%41", 65536), "v", 200, "ok", nil},
		{"/api/v1/kv/" + strings.Repeat("%41", 65536), `{"value":1}`, 200, "ok", nil},
		{"/kv?key=" + strings.Repeat("A", 65537), "v", 413, "a key of 65537 bytes is too large, the limit is 65536 bytes", nil},
		{"/kv?key=a", "v", 431, "", []string{"X-Big: " + strings.Repeat("h", 300_000)}},
	} {
		status, _, body := w.do("PUT", tc.path, tc.body, tc.headers...)
		assert.Equal(t, tc.status, status, "%.40s: %.200s", tc.path, body)
		assert.Contains(t, body, tc.want)
	}
	// A chunked body announces nothing, so its limit is charged, and leaves too little for this one.
	r, pw := io.Pipe()
	first := make(chan error, 1)
	go func() {
		req, _ := http.NewRequest("PUT", w.base+"/kv?key=slow", r)
		resp, err := w.http.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode != 200 {
				err = fmt.Errorf("status %d", resp.StatusCode)
			}
		}
		first <- err
	}()
	_, err := pw.Write([]byte("v"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return w.s.big.Load() == 100_000 }, 10*time.Second, time.Millisecond)
	status, _, body := w.do("PUT", "/api/v1/kv/a", `{"value":"`+fit+`"}`+strings.Repeat(" ", 50_000))
	assert.Equal(t, 503, status)
	assert.Contains(t, body, codeBusy)
	pw.Close()
	require.NoError(t, <-first)
}

// TestRawSocket speaks to the server as no client library would.
func TestRawSocket(t *testing.T) {
	w := serve(t, doortest.New(), func(c *Config) { c.BodyTimeout = 50 * time.Millisecond })
	addr := strings.TrimPrefix(w.base, "http://")
	send := func(s string) string {
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = c.Write([]byte(s))
		line, _ := bufio.NewReader(c).ReadString('\n')
		return line
	}
	assert.Contains(t, send("\x00\x01garbage\r\n\r\n"), "400")
	assert.Contains(t, send("GET /kv?key=%zz HTTP/1.1\r\nHost: x\r\n\r\n"), "400")
	assert.Contains(t, send("GET /api/v1/kv/%zz HTTP/1.1\r\nHost: x\r\n\r\n"), "400")
	assert.Contains(t, send("PUT /kv?key=a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"), "413")
	assert.Contains(t, send("PUT /kv?key=a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"), "408", "a body that stalls")
	code, _, _ := w.do("GET", "/kv?key=a", "")
	assert.Equal(t, 404, code, "nothing was half applied")
}

func TestMaxConns(t *testing.T) {
	w := serve(t, doortest.New(), func(c *Config) { c.MaxConns = 2 })
	addr := strings.TrimPrefix(w.base, "http://")
	for range 2 {
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer c.Close()
	}
	require.Eventually(t, func() bool { return w.s.conns.Load() == 2 }, 10*time.Second, time.Millisecond)
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	_, err = c.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

func TestSpec(t *testing.T) {
	w := serve(t, doortest.New(), nil)
	status, _, body := w.do("GET", "/openapi.json", "")
	require.Equal(t, 200, status)
	var spec struct {
		OpenAPI string
		Paths   map[string]map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(body), &spec))
	assert.True(t, strings.HasPrefix(spec.OpenAPI, "3.1"))
	for path, methods := range map[string][]string{"/kv": {"get", "put", "post", "delete"}, "/api/v1/kv/{key}": {"get", "put", "delete"},
		"/api/v1/kv/{key}/incr": {"post"}, "/route": {"get"}, "/api/v1/cluster/health": {"get"}, "/api/v1/cluster/stats": {"get"},
		"/api/v1/buckets": {"get", "post"}, "/api/v1/buckets/{bucket}": {"get", "put", "patch", "delete"},
		"/api/v1/buckets/{bucket}/kv/{key}": {"get", "put", "delete"}, "/api/v1/buckets/{bucket}/kv/{key}/incr": {"post"},
		"/api/v1/admin/stats": {"get"}, "/healthz": {"get"}, "/readyz": {"get"}} {
		for _, m := range methods {
			assert.Contains(t, spec.Paths[path], m, path)
		}
	}
	for ref := range regexpAll(`"\$ref":"#/components/schemas/([A-Za-z]+)"`, body) {
		assert.Contains(t, body, `"`+ref+`":{`, "a reference to nothing")
	}
	for _, setting := range []string{"mode", "n", "r", "w", "policy", "repair", "sloppy", "ttl", "grace"} {
		assert.Regexp(t, `"operationId":"createBucket".*"`+setting+`":\{`, string(mustJSON(t, spec.Paths["/api/v1/buckets"]["post"])), "of an embedded type")
		assert.Contains(t, string(mustJSON(t, spec.Paths["/api/v1/buckets/{bucket}"]["get"])), `"`+setting+`":{`)
	}
	status, header, page := w.do("GET", "/docs", "")
	assert.Equal(t, 200, status)
	assert.Contains(t, header.Get("Content-Type"), "text/html")
	assert.NotRegexp(t, `(src|href)="(https?:)?//`, page, "nothing comes from elsewhere")
	status, header, _ = w.do("GET", "/", "")
	assert.Equal(t, 302, status)
	assert.Equal(t, "/docs", header.Get("Location"))
}

func regexpAll(pattern, s string) map[string]bool {
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(s, -1) {
		found[m[1]] = true
	}
	return found
}

func TestShutdownAnswersRunning(t *testing.T) {
	h := doortest.New()
	started, release := make(chan struct{}), make(chan struct{})
	h.Before = func([]msg.Op) { close(started); <-release }
	s := New(Config{Host: h})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	got := make(chan string, 1)
	go func() {
		req, _ := http.NewRequest("PUT", "http://"+l.Addr().String()+"/kv?key=a", strings.NewReader("v"))
		tr := &http.Transport{DisableKeepAlives: true}
		resp, err := tr.RoundTrip(req)
		if err != nil {
			got <- err.Error()
			return
		}
		resp.Body.Close()
		got <- resp.Status
	}()
	<-started
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(context.Background()) }()
	require.ErrorIs(t, <-served, http.ErrServerClosed)
	close(release)
	assert.Equal(t, "200 OK", <-got)
	require.NoError(t, <-down)
}
