package httpd

import (
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/node"
)

// realWeb is a server before a node of its own, and its client.
func realWeb(t *testing.T) *web {
	t.Helper()
	n, err := node.Start(node.Config{Node: 1, Members: []node.Member{{ID: 1, Weight: 1}}, DataDir: t.TempDir(),
		Sync: node.SyncPolicy{Mode: node.SyncNever}, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	s := New(Config{Host: n})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	c := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
	t.Cleanup(func() {
		c.CloseIdleConnections()
		require.NoError(t, s.Close())
		require.ErrorIs(t, <-done, http.ErrServerClosed)
	})
	return &web{t, "http://" + l.Addr().String(), c, s}
}

const buckets = "/api/v1/buckets"

// TestBucketAdministration: from making a bucket to dropping it, and all that is refused.
func TestBucketAdministration(t *testing.T) {
	w := realWeb(t)
	for _, tc := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "", "", 200, `"buckets":[{"name":"default","slot":0,"created":0,"mode":"strong","n":1}]`},
		{"POST", "", `{"name":"carts","mode":"eventual","n":1,"r":"one","w":1,"policy":"siblings","repair":"blocking","sloppy":true,"ttl":"1h","grace":"24h"}`, 201,
			`{"name":"carts","slot":1,"created":2,"mode":"eventual","n":1,"r":"one","w":1,"policy":"siblings","repair":"blocking","sloppy":true,"ttl":"1h0m0s","grace":"24h0m0s"}`},
		{"POST", "", `{"name":"carts"}`, 409, `"error":"bucket_exists"`},
		{"POST", "", `{"name":"abd","mode":"abd"}`, 201, `"mode":"abd","n":1,"r":"quorum","w":"quorum"`},
		{"POST", "", `{"name":"no/slash"}`, 422, `"error":"bad_bucket"`},
		{"POST", "", `{"name":"x","mode":"weak"}`, 400, `allowed are strong, abd and eventual`},
		{"POST", "", `{"name":"x","n":9}`, 400, `allowed are 1 to 7`},
		{"POST", "", `{"name":"x","n":3}`, 422, `allowed are 1 to 1`},
		{"POST", "", `{"name":"x","mode":"eventual","r":0}`, 400, `allowed are 1 to 7, one, quorum`},
		{"POST", "", `{"name":"x","mode":"eventual","w":"2"}`, 422, `w is 2, allowed are 1 to n (1)`},
		{"POST", "", `{"name":"x","r":1}`, 422, `a bucket in mode strong takes no r`},
		{"POST", "", `{"name":"x","mode":"eventual","ttl":"soon"}`, 400, `is not a duration such as`},
		{"POST", "", `{"name":"x","mode":"eventual","grace":"1s"}`, 422, `grace of 1s, it must be longer than`},
		{"POST", "", `{"name":"x","size":1}`, 400, `unknown field \"size\"`},
		{"POST", "", `name=x`, 400, `not a JSON object`},
		{"PATCH", "/carts", `{"r":"all","policy":"lww","sloppy":false,"ttl":"0s"}`, 200, `"r":"all","w":1,"policy":"lww","repair":"blocking","sloppy":false,"ttl":"0s"`},
		{"PUT", "/carts", `{"repair":"async"}`, 200, `"repair":"async"`},
		{"PATCH", "/carts", `{"mode":"strong"}`, 422, `the mode stays eventual`},
		{"PATCH", "/carts", `{}`, 422, `no setting is given; allowed are n, r, w`},
		{"PATCH", "/carts", `{"policy":"counters"}`, 422, `can't become counters`},
		{"PATCH", "/none", `{"r":1}`, 404, `there are default, carts, abd; quorate ctl`},
		{"GET", "/carts", "", 200, `"promise":"every read asks a replica`},
		{"GET", "/abd", "", 200, `"promise":"get, set and delete of a key are linearizable"`},
		{"GET", "/default", "", 200, `"promise":"every operation on a key is linearizable","keys":0`},
		{"GET", "/none", "", 404, `"error":"no_such_bucket"`},
		{"POST", "/carts", "", 405, `allowed are GET, HEAD, PATCH, PUT, DELETE`},
		{"PUT", "", "", 405, `"error":"method_not_allowed"`},
		{"GET", "/carts/keys", "", 404, `"error":"no_such_path"`},
		{"DELETE", "/default", "", 422, `it can't be dropped`},
		{"DELETE", "/carts", "", 200, `{"name":"carts","dropped":true,"epoch":6}`},
		{"DELETE", "/carts", "", 404, `"error":"no_such_bucket"`},
		{"GET", "/carts/kv/k", "", 404, `no bucket is named \"carts\"`},
	} {
		status, _, body := w.do(tc.method, buckets+tc.path, tc.body, asJSON)
		require.Equal(t, tc.status, status, "%s %s %s: %s", tc.method, tc.path, tc.body, body)
		require.Contains(t, body, tc.want, "%s %s %s", tc.method, tc.path, tc.body)
	}
}

func (w *web) create(settings string) {
	w.t.Helper()
	status, header, body := w.do("POST", buckets, settings)
	require.Equal(w.t, 201, status, body)
	require.Contains(w.t, header.Get("Location"), buckets+"/")
}

// TestKeysInBuckets: values, siblings, contexts, counters, and what each mode refuses.
func TestKeysInBuckets(t *testing.T) {
	w := realWeb(t)
	w.create(`{"name":"carts","mode":"eventual"}`)
	w.create(`{"name":"cache","mode":"eventual","policy":"lww"}`)
	w.create(`{"name":"hits","mode":"eventual","policy":"counters"}`)
	w.create(`{"name":"plain","mode":"abd"}`)
	w.create(`{"name":"other"}`)
	context := "" // of the last answer that had one
	for _, tc := range []struct {
		method, path, body string
		headers            []string // $C is the context
		status             int
		want               string // … stands for anything
	}{
		{"GET", "/carts/kv/k", "", nil, 404, `{"found":false,"context":"…"}`},
		{"PUT", "/carts/kv/k", `{"value":"one"}`, nil, 200, `{"key":"k","ok":true,"ts":…,"context":"…"}`},
		{"GET", "/carts/kv/k", "", nil, 200, `{"key":"k","found":true,"value":"one","ts":…,"context":"…"}`},
		{"PUT", "/carts/kv/k", `two`, []string{asText}, 200, `{"key":"k","ok":true,"siblings":[{"value":"two","ts":…},{"value":"one","ts":…}],"ts":…,"context":"…"}`},
		{"GET", "/carts/kv/k?r=1", "", nil, 300, `{"key":"k","found":true,"siblings":[{"value":"two","ts":…},{"value":"one","ts":…}],"context":"…"}`},
		{"GET", "/carts/kv/k", "", []string{"Accept: text/plain"}, 300, `…siblings…`},
		{"PUT", "/carts/kv/k?w=all", `{"value":{"n":3},"context":"$C"}`, nil, 200, `…"context":"…"}`},
		{"GET", "/carts/kv/k", "", nil, 200, `{"key":"k","found":true,"value":{"n":3},"ts":…,"context":"…"}`},
		{"GET", "/carts/kv/k", "", []string{"Accept: application/octet-stream"}, 200, `{"n":3}`},
		{"DELETE", "/carts/kv/k", "", []string{contextHeader + ": $C"}, 200, `{"key":"k","ok":true,"ts":…,"context":"…"}`},
		{"GET", "/carts/kv/k", "", nil, 404, `{"found":false,"context":"…"}`},
		{"PUT", "/carts/kv/k", "four", []string{asText, contextHeader + ": $C"}, 200, `…"context":"…"}`},
		{"DELETE", "/carts/kv/k", `{"context":"$C"}`, nil, 200, `{"key":"k","ok":true…`},
		{"GET", "/carts/kv/k", "", nil, 404, `…`},
		{"PUT", "/carts/kv/b/c?d", "x", []string{asText}, 400, `…unknown parameter \"d\", allowed with PUT here are w, ttl…`},
		{"PUT", "/carts/kv/b/c%3Fd", "x", []string{asText}, 200, `{"key":"b/c?d"…`},

		{"PUT", "/carts/kv/l", "x", []string{asText, contextHeader + ": $C"}, 422, `…belongs to another key…`},
		{"PUT", "/carts/kv/k", `{"value":1,"context":"a"}`, []string{contextHeader + ": b"}, 400, `…differ…`},
		{"PUT", "/carts/kv/k", `{"value":1}`, []string{contextHeader + ": a", contextHeader + ": a"}, 400, `…is there 2 times…`},
		{"PUT", "/carts/kv/k", "x", []string{asText, contextHeader + ": " + strings.Repeat("a", 17<<10)}, 400, `…none that the store gave out…`},
		{"DELETE", "/carts/kv/k", `{"context":"` + strings.Repeat("a", 17<<10) + `"}`, nil, 400, `…none that the store gave out…`},
		{"DELETE", "/carts/kv/k", `{"contxt":"$C"}`, nil, 400, `…unknown field…`},
		{"PUT", "/carts/kv/k", "x", []string{asText, "If-None-Match: *"}, 422, `…need a bucket of mode strong…Allowed here are…the causal context…`},
		{"PUT", "/carts/kv/k", "x", []string{asText, "If-Match: other"}, 422, `…need a bucket of mode strong…`},
		{"DELETE", "/carts/kv/k", "", []string{"If-Match: *"}, 422, `…need a bucket of mode strong…`},
		{"PUT", "/plain/kv/k", "x", []string{asText, "If-Match: *"}, 422, `…need a bucket of mode strong…reads and writes without them"}`},
		{"PUT", "/carts/kv/k", "x", []string{asText, `If-Match: "e1.r1.n1.i1-1"`}, 422, `…need a bucket of mode strong…`},
		{"GET", "/carts/kv/k", "", []string{"If-None-Match: *"}, 422, `…need a bucket of mode strong…`},
		{"POST", "/carts/kv/k/incr", "", nil, 422, `…increments need a bucket of policy counters…`},
		{"GET", "/carts/kv/k?r=2", "", nil, 422, `…`},
		{"GET", "/carts/kv/k?r=two", "", nil, 400, `…allowed are 1 to 7, one, quorum, all, local_quorum and each_quorum…`},
		{"GET", "/carts/kv/k?r=1&r=1", "", nil, 400, `…is there 2 times…`},
		{"GET", "/carts/kv/k?w=1", "", nil, 400, `…unknown parameter \"w\"…`},
		{"PUT", "/carts/kv/k?ttl=now", "x", []string{asText}, 400, `…is not a duration…`},
		{"POST", "/carts/kv/k", "x", nil, 405, `…`},

		{"PUT", "/carts/kv/m", "stays", []string{asText}, 200, `…"ok":true…`},
		{"DELETE", "/carts/kv/m", "", nil, 200, `{"key":"m","ok":true,"siblings":[{"value":"stays","ts":…}],"ts":…,"context":"…"}`},

		{"PUT", "/cache/kv/k?ttl=1h", "a", []string{asText}, 200, `…"ok":true…`},
		{"PUT", "/cache/kv/k?ttl=0s&w=1", "b", []string{asText}, 200, `…"ok":true…`},
		{"GET", "/cache/kv/k", "", nil, 200, `…"value":"b"…`},

		{"POST", "/hits/kv/n/incr", "", nil, 200, `{"key":"n","value":1}`},
		{"POST", "/hits/kv/n/incr?by=10&w=1", "", nil, 200, `{"key":"n","value":11}`},
		{"POST", "/hits/kv/n/incr", `{"delta":-4}`, nil, 200, `{"key":"n","value":7}`},
		{"POST", "/hits/kv/n/incr?by=1", `{"delta":-4}`, nil, 400, `…one is enough…`},
		{"POST", "/hits/kv/n/incr?by=x", "", nil, 400, `…not a 64-bit integer…`},
		{"GET", "/hits/kv/n", "", nil, 200, `…"value":"7"}`},
		{"PUT", "/hits/kv/n", "1", []string{asText}, 422, `…a bucket of policy counters allows get and incr alone…`},
		{"DELETE", "/hits/kv/n", "", nil, 422, `…a bucket of policy counters…`},

		{"PUT", "/plain/kv/k", "v", []string{asText}, 200, `{"key":"k","ok":true}`},
		{"GET", "/plain/kv/k", "", nil, 200, `{"key":"k","found":true,"value":"v"}`},
		{"GET", "/plain/kv/k?r=1", "", nil, 422, `…an abd bucket asks a quorum, always…`},
		{"DELETE", "/plain/kv/k", "", nil, 200, `{"key":"k","ok":true}`},
		{"GET", "/plain/kv/k", "", nil, 404, `{"found":false}`},

		{"PUT", "/other/kv/k", `{"value":"v"}`, nil, 200, `{"key":"k","ok":true,"ts":…,"rev":"…"}`},
		{"PUT", "/other/kv/k", `{"value":"w"}`, []string{"If-None-Match: *"}, 412, `…`},
		{"GET", "/other/kv/k", "", nil, 200, `{"key":"k","found":true,"value":"v","ts":…,"rev":"…"}`},
		{"GET", "/other/kv/k?r=1", "", nil, 422, `…a strong bucket takes no r, w…`},
		{"POST", "/other/kv/n/incr?w=1", "", nil, 422, `…a majority decides…Allowed is…`},
		{"DELETE", "/other/kv/k?w=1", "", nil, 422, `…a strong bucket takes no r, w…`},
		{"GET", "/other/kv/k?x=1", "", nil, 400, `…no parameters are allowed here…`},
		{"PUT", "/other/kv/k?ttl=1s", "w", []string{asText}, 422, `…a strong bucket takes no r, w…`},
		{"PUT", "/other/kv/k", `{"value":"w","context":"x"}`, nil, 422, `…a strong bucket takes no r, w…`},
		{"POST", "/other/kv/n/incr?by=2", "", nil, 200, `{"key":"n","value":2,"ts":…,"rev":"…"}`},
		{"DELETE", "/other/kv/k", "", nil, 200, `{"key":"k","ok":true,"deleted":true}`},
		{"GET", "/default/kv/k", "", nil, 404, `{"found":false}`},
	} {
		for i := range tc.headers {
			tc.headers[i] = strings.ReplaceAll(tc.headers[i], "$C", context)
		}
		status, header, body := w.do(tc.method, buckets+tc.path, strings.ReplaceAll(tc.body, "$C", context), tc.headers...)
		require.Equal(t, tc.status, status, "%s %s: %s", tc.method, tc.path, body)
		require.True(t, like(tc.want, body), "%s %s: %s, not like %s", tc.method, tc.path, body, tc.want)
		var has struct{ Context string }
		if json.Unmarshal([]byte(body), &has) == nil && has.Context != "" {
			require.Equal(t, has.Context, header.Get(contextHeader), "the header says the same")
			context = has.Context
		}
	}
	status, _, body := w.do("GET", "/api/v1/admin/stats", "")
	require.Equal(t, 200, status)
	require.Contains(t, body, `"sibling_reads":2`)
	status, _, body = w.do("POST", "/api/v1/kv/n/incr?by=3", "")
	require.Equal(t, 200, status, body)
	require.Contains(t, body, `"value":3`)
}

// like reports whether text is as the pattern says, in which … stands for anything.
func like(pattern, text string) bool {
	parts := strings.Split(pattern, "…")
	for i, p := range parts {
		at := strings.Index(text, p)
		if at < 0 || i == 0 && at > 0 {
			return false
		}
		text = text[at+len(p):]
	}
	return text == "" || parts[len(parts)-1] == ""
}

// TestExpiry: a value with a life ends, and the others don't.
func TestExpiry(t *testing.T) {
	w := realWeb(t)
	w.create(`{"name":"cache","mode":"eventual","policy":"lww","ttl":"20ms"}`)
	for _, path := range []string{"/cache/kv/short", "/cache/kv/long?ttl=1h", "/cache/kv/ever?ttl=0s"} {
		status, _, body := w.do("PUT", buckets+path, "v", asText)
		require.Equal(t, 200, status, body)
	}
	require.Eventually(t, func() bool {
		status, _, _ := w.do("GET", buckets+"/cache/kv/short", "")
		return status == 404
	}, 5*time.Second, time.Millisecond)
	for _, key := range []string{"long", "ever"} {
		status, _, body := w.do("GET", buckets+"/cache/kv/"+key, "")
		require.Equal(t, 200, status, body)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

// What is promised of quorums of zones: they meet where one side asks in each.
func TestZonesOverlap(t *testing.T) {
	for _, x := range []struct {
		r, w kv.Level
		yes  bool
	}{
		{kv.LocalQuorum, kv.EachQuorum, true}, {kv.EachQuorum, kv.LocalQuorum, true}, {kv.EachQuorum, kv.EachQuorum, true},
		{kv.LocalQuorum, kv.LocalQuorum, false}, {kv.LocalQuorum, kv.Quorum, false}, {kv.LocalQuorum, kv.All, true}, {kv.Quorum, kv.EachQuorum, true},
	} {
		b := &kv.Bucket{Mode: kv.Eventual, N: 5, R: kv.Ask{Level: x.r}, W: kv.Ask{Level: x.w}}
		require.Equal(t, x.yes, overlaps(b), "R=%v W=%v", b.R, b.W)
		b.Sloppy = true
		require.False(t, overlaps(b))
	}
}
