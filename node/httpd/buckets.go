package httpd

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/node/door"
)

// askBody is an R or a W: a number, or the name of a level.
type askBody kv.Ask

// Schema implements huma.SchemaProvider.
func (askBody) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: "A number from 1 to N, or one of the levels.", OneOf: []*huma.Schema{
		{Type: huma.TypeInteger}, {Type: huma.TypeString, Enum: []any{"one", "quorum", "all", "local_quorum", "each_quorum"}}}}
}

// MarshalJSON implements json.Marshaler.
func (a askBody) MarshalJSON() ([]byte, error) {
	if a.Level == kv.ByCount {
		return strconv.AppendInt(nil, int64(a.Count), 10), nil
	}
	return appendString(nil, a.Level.String()), nil
}

// UnmarshalJSON implements json.Unmarshaler. A number may be in quotes.
func (a *askBody) UnmarshalJSON(b []byte) error {
	if n := len(b); n > 2 && b[0] == '"' {
		b = b[1 : n-1]
	}
	ask, err := kv.ParseAsk(string(b))
	*a = askBody(ask)
	return err
}

// SettingsBody is what may be said of a bucket when it is made or set. It and
// BucketBody are exported because the description of an embedded type is lost else.
type SettingsBody struct {
	Mode   *string  `json:"mode,omitempty" enum:"strong,abd,eventual" doc:"Stays for the bucket's life; strong if left out."`
	N      *int     `json:"n,omitempty" minimum:"1" maximum:"7" doc:"Replicas of each key."`
	R      *askBody `json:"r,omitempty" doc:"Answers that a read waits for."`
	W      *askBody `json:"w,omitempty" doc:"Acknowledgements that a write waits for."`
	Policy *string  `json:"policy,omitempty" enum:"siblings,lww,counters" doc:"What becomes of concurrent writes."`
	Repair *string  `json:"repair,omitempty" enum:"async,blocking,off" doc:"When a read brings replicas level that it found behind."`
	Sloppy *bool    `json:"sloppy,omitempty" doc:"Whether other nodes stand in for replicas that are down."`
	TTL    *string  `json:"ttl,omitempty" doc:"Life of a value that names none, such as 1h30m; 0s is for ever."`
	Grace  *string  `json:"grace,omitempty" doc:"After which a tombstone may go."`
}

// createBody is the body of POST /api/v1/buckets.
type createBody struct {
	Name string `json:"name" doc:"1 to 64 of a-z, A-Z, 0-9, '-', '_' and '.', beginning with a letter."`
	SettingsBody
}

// change turns settings into a change of the map.
func (in *SettingsBody) change(kind kv.ChangeKind, name string) (*kv.Change, error) {
	c := &kv.Change{Kind: kind, Bucket: kv.Bucket{Name: name}}
	b := &c.Bucket
	var err error
	take := func(field kv.Fields, given bool, parse func() error) {
		if given && err == nil {
			c.Given |= field
			err = parse()
		}
	}
	take(kv.FieldMode, in.Mode != nil, func() (err error) { b.Mode, err = kv.ParseMode(*in.Mode); return err })
	take(kv.FieldN, in.N != nil, func() error {
		if *in.N < 1 || *in.N > kv.MaxReplicas {
			return fmt.Errorf("n is %d, allowed are 1 to %d", *in.N, kv.MaxReplicas)
		}
		b.N = uint8(*in.N)
		return nil
	})
	take(kv.FieldR, in.R != nil, func() error { b.R = kv.Ask(*in.R); return nil })
	take(kv.FieldW, in.W != nil, func() error { b.W = kv.Ask(*in.W); return nil })
	take(kv.FieldPolicy, in.Policy != nil, func() (err error) { b.Policy, err = kv.ParsePolicy(*in.Policy); return err })
	take(kv.FieldRepair, in.Repair != nil, func() (err error) { b.Repair, err = kv.ParseRepair(*in.Repair); return err })
	take(kv.FieldSloppy, in.Sloppy != nil, func() error { b.Sloppy = *in.Sloppy; return nil })
	take(kv.FieldTTL, in.TTL != nil, func() (err error) { b.TTLMs, err = parseTTL(*in.TTL); return err })
	take(kv.FieldGrace, in.Grace != nil, func() (err error) { b.GraceMs, err = parseTTL(*in.Grace); return err })
	return c, err
}

// BucketBody is a bucket as the map has it.
type BucketBody struct {
	Name    string   `json:"name"`
	Slot    uint16   `json:"slot" doc:"Number of its block of partitions; what SELECT n takes."`
	Created kv.Epoch `json:"created" doc:"Epoch of the map that got it."`
	Mode    string   `json:"mode"`
	N       uint8    `json:"n"`
	R       *askBody `json:"r,omitempty"`
	W       *askBody `json:"w,omitempty"`
	Policy  string   `json:"policy,omitempty"`
	Repair  string   `json:"repair,omitempty"`
	Sloppy  *bool    `json:"sloppy,omitempty"`
	TTL     string   `json:"ttl,omitempty" doc:"0s: for ever."`
	Grace   string   `json:"grace,omitempty"`
}

func describeBucket(b *kv.Bucket) BucketBody {
	out := BucketBody{Name: b.Name, Slot: b.Slot, Created: b.Created, Mode: b.Mode.String(), N: b.N}
	if b.Mode == kv.Strong {
		return out
	}
	r, w, sloppy := askBody(b.R), askBody(b.W), b.Sloppy
	out.R, out.W, out.Sloppy = &r, &w, &sloppy
	out.TTL, out.Grace = millis(b.TTLMs), millis(b.GraceMs)
	if b.Mode == kv.Eventual {
		out.Policy, out.Repair = b.Policy.String(), b.Repair.String()
	}
	return out
}

func millis(ms int64) string { return (time.Duration(ms) * time.Millisecond).String() }

// bucketsBody lists them.
type bucketsBody struct {
	Epoch   kv.Epoch     `json:"epoch" doc:"Of the map that says so."`
	Buckets []BucketBody `json:"buckets"`
}

// liveBody is a bucket and what is true of it now.
type liveBody struct {
	BucketBody
	Epoch       kv.Epoch     `json:"epoch" doc:"Of the map that says so."`
	Promise     string       `json:"promise" doc:"What its settings promise."`
	Warning     string       `json:"warning,omitempty" doc:"Why that does not hold yet."`
	Keys        *uint64      `json:"keys,omitempty" doc:"Live keys in the cluster; missing while they cannot be counted."`
	Bytes       *uint64      `json:"bytes,omitempty" doc:"Of those keys and values."`
	Note        string       `json:"note,omitempty" doc:"Why keys and bytes are missing."`
	Hints       *hintsBody   `json:"hints,omitempty" doc:"Of all buckets, kept by this node."`
	AntiEntropy *repairFacts `json:"anti_entropy,omitempty" doc:"Of all buckets, as this node knows."`
}

func (s *Server) serveBucketList(w http.ResponseWriter, _ *http.Request) {
	all, epoch := s.host.Buckets()
	out := bucketsBody{Epoch: epoch, Buckets: []BucketBody{}}
	for i := range all {
		out.Buckets = append(out.Buckets, describeBucket(&all[i]))
	}
	writeJSON(w, http.StatusOK, out)
}

func (s *Server) createBucket(w http.ResponseWriter, r *http.Request) {
	var in createBody
	if !s.readSettings(w, r, &in) {
		return
	}
	c, err := in.change(kv.CreateBucket, in.Name)
	if err != nil {
		badRequest(w, "%v", err)
		return
	}
	s.changeBuckets(w, r, c)
}

// serveBucket serves /api/v1/buckets/{bucket}.
func (s *Server) serveBucket(w http.ResponseWriter, r *http.Request, name string) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		if b := s.bucketOf(w, name); b != nil {
			s.showBucket(w, b)
		}
	case http.MethodPut, http.MethodPatch:
		if s.bucketOf(w, name) == nil {
			return
		}
		var in SettingsBody
		if !s.readSettings(w, r, &in) {
			return
		}
		c, err := in.change(kv.SetBucket, name)
		if err != nil {
			badRequest(w, "%v", err)
			return
		}
		s.changeBuckets(w, r, c)
	case http.MethodDelete:
		s.changeBuckets(w, r, &kv.Change{Kind: kv.DropBucket, Bucket: kv.Bucket{Name: name}})
	default:
		methodNotAllowed(w, r, "GET", "HEAD", "PATCH", "PUT", "DELETE")
	}
}

func (s *Server) readSettings(w http.ResponseWriter, r *http.Request, into any) bool {
	body, done, ok := s.readBody(w, r, 16<<10)
	if !ok {
		return false
	}
	defer done()
	if err := decodeStrict(body, into); err != nil {
		badRequest(w, "the body is not a JSON object of settings: %v", err)
		return false
	}
	return true
}

// droppedBody answers DELETE of a bucket.
type droppedBody struct {
	Name    string   `json:"name"`
	Dropped bool     `json:"dropped" doc:"Always true."`
	Epoch   kv.Epoch `json:"epoch" doc:"Of the map without it."`
}

// changeBuckets makes a change and answers with what the map says then.
func (s *Server) changeBuckets(w http.ResponseWriter, r *http.Request, c *kv.Change) {
	name := c.Bucket.Name
	epoch, err := s.host.ChangeBuckets(r.Context(), c)
	if err != nil {
		s.bucketError(w, name, err)
		return
	}
	if c.Kind == kv.DropBucket {
		writeJSON(w, http.StatusOK, droppedBody{name, true, epoch})
		return
	}
	b := s.bucketOf(w, name)
	if b == nil { // dropped in the meantime
		return
	}
	status := http.StatusOK
	if c.Kind == kv.CreateBucket {
		w.Header().Set("Location", bucketPrefix+name)
		status = http.StatusCreated
	}
	writeJSON(w, status, describeBucket(b))
}

func (s *Server) bucketError(w http.ResponseWriter, name string, err error) {
	switch {
	case errors.Is(err, kv.ErrNoBucket):
		writeError(w, http.StatusNotFound, codeNoBucket, door.NoBucket(s.host, name))
	case errors.Is(err, kv.ErrBadBucket):
		writeError(w, http.StatusUnprocessableEntity, codeBadBucket, err.Error())
	case errors.Is(err, kv.ErrBucketExists):
		writeError(w, http.StatusConflict, codeExists, err.Error())
	case errors.Is(err, kv.ErrNoSlot):
		writeError(w, http.StatusConflict, codeNoRoom, err.Error())
	case errors.Is(err, door.ErrMapBusy):
		unavailable(w, codeBusy, err.Error())
	case errors.Is(err, door.ErrMapUnavailable):
		unavailable(w, codeUnavailable, err.Error())
	default:
		writeError(w, http.StatusGatewayTimeout, codeUnknown, err.Error())
	}
}
