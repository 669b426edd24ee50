package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// ctlBucket makes, shows, changes and drops buckets.
type ctlBucket struct {
	Create ctlBucketCreate `cmd:"" help:"Make a bucket."`
	List   ctlBucketList   `cmd:"" help:"All buckets and their settings."`
	Show   ctlBucketShow   `cmd:"" help:"A bucket: its settings, what they promise, and what is true of it now."`
	Set    ctlBucketSet    `cmd:"" help:"Change settings while the bucket is in use; those that are not given stay."`
	Drop   ctlBucketDrop   `cmd:"" help:"Drop a bucket with all its keys."`
}

// bucketSettings are those that may be changed. What is allowed together is for
// the node to say.
type bucketSettings struct {
	N      *int   `help:"Replicas of each key."`
	R      string `help:"Answers that a read waits for: a number, one, quorum, all, local_quorum or each_quorum."`
	W      string `help:"Acknowledgements that a write waits for, as --r."`
	Policy string `help:"What becomes of concurrent writes: siblings (all are kept), lww (the newest wins), counters."`
	Repair string `help:"When a read brings replicas level that it finds behind: async, blocking or off."`
	Sloppy *bool  `negatable:"" help:"Other nodes stand in for replicas that are down (--no-sloppy: they don't)."`
	TTL    string `name:"ttl" placeholder:"DURATION" help:"Life of a value that names none, such as 1h30m; 0s is for ever."`
	Grace  string `placeholder:"DURATION" help:"After which a tombstone may go."`
}

// body is the request's JSON, of what was given.
func (s *bucketSettings) body() map[string]any {
	b := map[string]any{}
	put := func(name string, given bool, v any) {
		if given {
			b[name] = v
		}
	}
	put("n", s.N != nil, s.N)
	put("r", s.R != "", numberOr(s.R))
	put("w", s.W != "", numberOr(s.W))
	put("policy", s.Policy != "", s.Policy)
	put("repair", s.Repair != "", s.Repair)
	put("sloppy", s.Sloppy != nil, s.Sloppy)
	put("ttl", s.TTL != "", s.TTL)
	put("grace", s.Grace != "", s.Grace)
	return b
}

func numberOr(s string) any {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return s
}

type ctlBucketCreate struct {
	Name string `arg:"" help:"1 to 64 letters, digits, '-', '_' and '.', beginning with a letter."`
	Mode string `help:"What it promises, for its life: strong (every operation linearizable; the default), abd, eventual."`
	bucketSettings
}

// Run makes a bucket.
func (b ctlBucketCreate) Run(c *cli) error {
	body := b.body()
	body["name"] = b.Name
	if b.Mode != "" {
		body["mode"] = b.Mode
	}
	return c.Ctl.send(http.MethodPost, bucketsPath, body)
}

const bucketsPath = "/api/v1/buckets"

func bucketPath(name string) string { return bucketsPath + "/" + url.PathEscape(name) }

type ctlBucketList struct{}

// Run lists all buckets.
func (ctlBucketList) Run(c *cli) error { return c.Ctl.show(bucketsPath, nil) }

type ctlBucketShow struct {
	Name string `arg:"" help:"The bucket."`
}

// Run shows a bucket.
func (b ctlBucketShow) Run(c *cli) error { return c.Ctl.show(bucketPath(b.Name), nil) }

type ctlBucketSet struct {
	Name string `arg:"" help:"The bucket."`
	Mode string `hidden:""` // so that the node can say why not
	bucketSettings
}

// Run changes settings of a bucket.
func (b ctlBucketSet) Run(c *cli) error {
	body := b.body()
	if b.Mode != "" {
		body["mode"] = b.Mode
	}
	return c.Ctl.send(http.MethodPatch, bucketPath(b.Name), body)
}

type ctlBucketDrop struct {
	Name string `arg:"" help:"The bucket."`
}

// Run drops a bucket.
func (b ctlBucketDrop) Run(c *cli) error {
	return c.Ctl.send(http.MethodDelete, bucketPath(b.Name), nil)
}

// send makes a change and prints the answer.
func (c *ctlCmd) send(method, path string, in any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("the request can't be written as JSON: %w", err)
		}
	}
	answer, status, err := c.ask(method, path, nil, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w; the change may have been made or not: see quorate ctl bucket list", err)
	}
	return c.print(path, answer, status)
}
