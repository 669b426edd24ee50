package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// ctlCmd asks a running node over HTTP.
type ctlCmd struct {
	Addr    string        `default:"http://127.0.0.1:8080" help:"Base URL of any node." placeholder:"URL"`
	JSON    bool          `name:"json" help:"Print the node's JSON as it is."`
	Timeout time.Duration `help:"How long to wait for the answer; if left out 5s, and 15s for a change, which a node gives up after 10s."`

	Stat   ctlStat   `cmd:"" help:"Statistics of the node and what it believes of its peers."`
	Route  ctlRoute  `cmd:"" help:"Where a key lives."`
	Health ctlHealth `cmd:"" help:"Whether the cluster serves; exit code 1 if not."`
	Bucket ctlBucket `cmd:"" help:"Make, show, change and drop buckets."`
}

type ctlStat struct{}

type ctlRoute struct {
	Key    string `arg:"" help:"The key."`
	Bucket string `help:"Its bucket; default if left out."`
}

type ctlHealth struct{}

// Run prints the statistics of one node.
func (ctlStat) Run(c *cli) error { return c.Ctl.show("/api/v1/admin/stats", nil) }

// Run prints the partition, the replicas and the owner of a key.
func (r ctlRoute) Run(c *cli) error {
	q := url.Values{"key": {r.Key}}
	if r.Bucket != "" {
		q.Set("bucket", r.Bucket)
	}
	return c.Ctl.show("/route", q)
}

// Run prints the health of the cluster.
func (ctlHealth) Run(c *cli) error { return c.Ctl.show("/api/v1/cluster/health", nil) }

// show asks for a path and prints the answer. Any status but 2xx is a failure,
// but what came with it is printed.
func (c *ctlCmd) show(path string, query url.Values) error {
	body, status, err := c.get(path, query)
	if err != nil {
		return err
	}
	return c.print(path, body, status)
}

// print prints an answer. One that says what went wrong is the error instead.
func (c *ctlCmd) print(path string, body []byte, status int) error {
	var failed struct{ Error, Message string }
	if !c.JSON && status/100 != 2 && json.Unmarshal(body, &failed) == nil && failed.Message != "" {
		return fmt.Errorf("%s: %s (%d %s)", failed.Error, failed.Message, status, http.StatusText(status))
	}
	if c.JSON {
		fmt.Println(strings.TrimSpace(string(body)))
	} else if err := printTable(os.Stdout, body); err != nil {
		return fmt.Errorf("%s%s answered something that is not JSON: %w", c.Addr, path, err)
	}
	if status/100 != 2 {
		return fmt.Errorf("%s%s answered %d %s", c.Addr, path, status, http.StatusText(status))
	}
	return nil
}

func (c *ctlCmd) get(path string, query url.Values) (body []byte, status int, err error) {
	return c.ask(http.MethodGet, path, query, nil)
}

// ask sends one request and returns the answer's body.
func (c *ctlCmd) ask(method, path string, query url.Values, in io.Reader) (body []byte, status int, err error) {
	base, err := url.Parse(c.Addr)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, 0, &exitError{exitUsage, fmt.Sprintf("--addr: %q is not a base URL: use one such as http://127.0.0.1:8080", c.Addr)}
	}
	timeout := c.Timeout
	switch {
	case timeout < 0:
		return nil, 0, &exitError{exitUsage, fmt.Sprintf("--timeout: %v, use a duration above 0 such as 5s", timeout)}
	case timeout > 0:
	case method == http.MethodGet:
		timeout = 5 * time.Second
	default:
		timeout = 15 * time.Second // to hear whether it was made
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	target := base.JoinPath(path)
	target.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, target.String(), in)
	if err != nil {
		return nil, 0, err
	}
	if method != http.MethodGet {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		var cause *url.Error
		if errors.As(err, &cause) {
			err = cause.Err
		}
		return nil, 0, fmt.Errorf("no answer from %s: %w (is the node running, and is --addr its HTTP address?)", c.Addr, err)
	}
	defer resp.Body.Close()
	const most = 16 << 20
	body, err = io.ReadAll(io.LimitReader(resp.Body, most))
	return body, resp.StatusCode, err
}

// printTable prints JSON for people: see table.
func printTable(w io.Writer, body []byte) error {
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	v, err := decodeOrdered(d)
	if err != nil {
		return err
	}
	t := table{w: w}
	t.value("", v)
	return t.err
}
