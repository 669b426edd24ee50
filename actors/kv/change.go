package kv

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ChangeKind is what a change does to the buckets of a cluster.
type ChangeKind uint8

// The changes.
const (
	CreateBucket ChangeKind = iota + 1
	SetBucket
	DropBucket
	changeKinds // count, keep last
)

// Valid reports whether k names a change.
func (k ChangeKind) Valid() bool { return k >= CreateBucket && k < changeKinds }

func (k ChangeKind) String() string {
	if k.Valid() {
		return [...]string{"", "create", "set", "drop"}[k]
	}
	return fmt.Sprintf("change(%d)", uint8(k))
}

// Fields says which settings of Change.Bucket are given.
type Fields uint16

// The settings.
const (
	FieldMode Fields = 1 << iota
	FieldN
	FieldR
	FieldW
	FieldPolicy
	FieldRepair
	FieldSloppy
	FieldTTL
	FieldGrace
	allFields Fields = 1<<iota - 1
)

// Valid reports whether f names settings only.
func (f Fields) Valid() bool { return f&^allFields == 0 }

// Change is one step from a map to the next. Of Bucket the name counts, and the
// settings in Given; Slot and Created never do.
type Change struct {
	Kind   ChangeKind
	Given  Fields
	Bucket Bucket
}

// The reasons why a map is not changed. The error that wraps one says what was
// wrong and what is allowed.
var (
	ErrBadBucket    = errors.New("bad bucket")
	ErrNoBucket     = errors.New("no such bucket")
	ErrBucketExists = errors.New("bucket exists")
	ErrNoSlot       = errors.New("no room for another bucket")
)

// Rules bound what a map may say. Durations are milliseconds.
type Rules struct {
	Members    int   // that hold data: N is at most that
	N          int   // of a bucket that names none
	Slots      int   // buckets at a time
	MinGraceMs int64 // a tombstone must outlive hints, messages and drift
	GraceMs    int64 // of a bucket that names none
}

// Apply returns the map that a change makes of m. Reusable says of a retired
// slot whether every member has let go of it.
func (m *Map) Apply(c *Change, r *Rules, id ChangeID, reusable func(Retired) bool) (*Map, error) {
	old := m.Named(c.Bucket.Name)
	if c.Kind != CreateBucket && old == nil {
		return nil, fmt.Errorf("%w: %q; there are %s", ErrNoBucket, c.Bucket.Name, m.names())
	}
	next := m.next(id)
	switch c.Kind {
	case CreateBucket:
		if old != nil {
			return nil, fmt.Errorf("%w: %q is in mode %v; choose another name, or set its settings", ErrBucketExists, old.Name, old.Mode)
		}
		b, err := c.create(r)
		if err != nil {
			return nil, err
		}
		slot, ok := next.freeSlot(r.Slots, reusable)
		if !ok {
			return nil, fmt.Errorf("%w: there are %d, and slots of dropped ones are free only once every member has confirmed the drop", ErrNoSlot, len(m.Buckets))
		}
		b.Slot, b.Created = slot, next.Epoch
		at, _ := slices.BinarySearchFunc(next.Buckets, slot, func(b Bucket, s uint16) int { return cmp.Compare(b.Slot, s) })
		next.Buckets = slices.Insert(next.Buckets, at, b)
	case SetBucket:
		if err := c.set(next.Named(old.Name), r); err != nil {
			return nil, err
		}
	case DropBucket:
		if old.Slot == 0 {
			return nil, bad(old.Name, "it always exists, it can't be dropped")
		}
		next.Buckets = slices.DeleteFunc(next.Buckets, func(b Bucket) bool { return b.Slot == old.Slot })
		at, _ := slices.BinarySearchFunc(next.Retired, old.Slot, func(r Retired, s uint16) int { return cmp.Compare(r.Slot, s) })
		next.Retired = slices.Insert(next.Retired, at, Retired{old.Slot, next.Epoch})
	default:
		return nil, fmt.Errorf("%w: unknown change %d, allowed are create, set and drop", ErrBadBucket, c.Kind)
	}
	return next, nil
}

func (m *Map) names() string {
	var names []string
	for i := range m.Buckets {
		names = append(names, m.Buckets[i].Name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// create fills in what the change does not give, and checks the whole.
func (c *Change) create(r *Rules) (Bucket, error) {
	b := Bucket{Name: c.Bucket.Name, Mode: Strong, N: uint8(r.N)}
	if err := checkName(b.Name); err != nil {
		return b, err
	}
	if c.Given&FieldMode != 0 {
		b.Mode = c.Bucket.Mode
	}
	if !b.Mode.Valid() {
		return b, bad(b.Name, "mode %v, allowed are strong, abd and eventual", b.Mode)
	}
	switch b.Mode {
	case Eventual:
		b.Policy, b.Repair = Siblings, RepairAsync
		b.R, b.W = Ask{Level: Quorum}, Ask{Level: Quorum}
		b.GraceMs = r.GraceMs
	case ABD: // the settings that make it linearizable
		b.Policy, b.Repair = LWW, RepairBlocking
		b.R, b.W = Ask{Level: Quorum}, Ask{Level: Quorum}
		b.GraceMs = r.GraceMs
	}
	return b, c.overlay(&b, r)
}

// set changes the settings that a live bucket may change.
func (c *Change) set(b *Bucket, r *Rules) error {
	if c.Given&FieldMode != 0 && c.Bucket.Mode != b.Mode {
		return bad(b.Name, "the mode stays %v for its life; create another bucket", b.Mode)
	}
	if c.Given&FieldN != 0 && b.Mode != Eventual && c.Bucket.N != b.N {
		return bad(b.Name, "the N of a bucket in mode %v can't be changed; in mode eventual it can", b.Mode)
	}
	if p := c.Bucket.Policy; c.Given&FieldPolicy != 0 && p != b.Policy && (p == Counters || b.Policy == Counters) {
		return bad(b.Name, "policy %v can't become %v; siblings and lww can become each other", b.Policy, p)
	}
	if c.Given&^FieldMode == 0 {
		return bad(b.Name, "no setting is given; allowed are %s", settable(b.Mode))
	}
	return c.overlay(b, r)
}

// takes says which settings the buckets of a mode have.
func takes(m Mode) Fields {
	switch m {
	case Eventual:
		return allFields
	case ABD:
		return FieldMode | FieldN | FieldTTL | FieldGrace
	}
	return FieldMode | FieldN
}

func settable(m Mode) string {
	switch m {
	case Eventual:
		return "n, r, w, policy, repair, sloppy, ttl and grace"
	case ABD:
		return "ttl and grace"
	}
	return "none: a bucket in mode strong has only n, which stays"
}

var fieldNames = [...]string{"mode", "n", "r", "w", "policy", "repair", "sloppy", "ttl", "grace"}

// overlay writes the given settings over b and checks them together.
func (c *Change) overlay(b *Bucket, r *Rules) error {
	for i, name := range fieldNames {
		if f := Fields(1 << i); c.Given&f != 0 && takes(b.Mode)&f == 0 {
			return bad(b.Name, "a bucket in mode %v takes no %s; a bucket in mode eventual does", b.Mode, name)
		}
	}
	g, n := c.Given, &c.Bucket
	if g&FieldN != 0 && b.Created != 0 && b.N != n.N { // not of a bucket in the making
		b.Had = b.Had.With(int(b.N))
	}
	put(g&FieldN, &b.N, n.N)
	put(g&FieldR, &b.R, n.R)
	put(g&FieldW, &b.W, n.W)
	put(g&FieldPolicy, &b.Policy, n.Policy)
	put(g&FieldRepair, &b.Repair, n.Repair)
	put(g&FieldSloppy, &b.Sloppy, n.Sloppy)
	put(g&FieldTTL, &b.TTLMs, n.TTLMs)
	put(g&FieldGrace, &b.GraceMs, n.GraceMs)
	return b.check(c.Given, r)
}

func put[T any](given Fields, to *T, v T) {
	if given != 0 {
		*to = v
	}
}

func (b *Bucket) check(given Fields, r *Rules) error {
	most := min(r.Members, MaxReplicas)
	switch {
	case !given.Valid():
		return bad(b.Name, "unknown settings %#x", uint16(given))
	case b.N < 1 || int(b.N) > most:
		return bad(b.Name, "n is %d, allowed are 1 to %d (members that hold data, at most %d)", b.N, most, MaxReplicas)
	case b.Mode == Strong:
		return nil
	case !b.Policy.Valid():
		return bad(b.Name, "policy %v, allowed are siblings, lww and counters", b.Policy)
	case !b.Repair.Valid():
		return bad(b.Name, "repair %v, allowed are async, blocking and off", b.Repair)
	case b.TTLMs < 0:
		return bad(b.Name, "ttl of %d ms, allowed are 0 (for ever) and more", b.TTLMs)
	case b.TTLMs > 0 && b.Policy == Counters:
		return bad(b.Name, "counters never expire, ttl must be 0")
	case b.GraceMs <= r.MinGraceMs:
		return bad(b.Name, "grace of %v, it must be longer than %v: the life of a hint, of a message and the drift of clocks", time.Duration(b.GraceMs)*time.Millisecond, time.Duration(r.MinGraceMs)*time.Millisecond)
	}
	for i, a := range []Ask{b.R, b.W} {
		name := [...]string{"r", "w"}[i]
		switch {
		case !a.Level.Valid() || a.IsZero():
			return bad(b.Name, "%s is %v, allowed are 1 to n (%d), one, quorum, all, local_quorum and each_quorum", name, a, b.N)
		case a.Level == ByCount && a.Count > b.N:
			return bad(b.Name, "%s is %d, allowed are 1 to n (%d)", name, a.Count, b.N)
		}
	}
	return nil
}

// MaxBucketName is how long the name of a bucket may be, in bytes.
const MaxBucketName = 64

func checkName(s string) error {
	ok := len(s) >= 1 && len(s) <= MaxBucketName && (s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z')
	for i := 0; ok && i < len(s); i++ {
		c := s[i]
		ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
	}
	if !ok {
		return bad(s, "the name must be 1 to %d of a-z, A-Z, 0-9, '-', '_' and '.', beginning with a letter", MaxBucketName)
	}
	return nil
}

func bad(name, format string, args ...any) error {
	return fmt.Errorf("%w %q: %s", ErrBadBucket, name, fmt.Sprintf(format, args...))
}

// Refusal is the reason for which a change was refused, as messages carry it.
type Refusal uint8

var refusals = [...]error{nil, ErrBadBucket, ErrNoBucket, ErrBucketExists, ErrNoSlot}

// RefusalOf returns the reason that an error of Apply wraps.
func RefusalOf(err error) Refusal {
	for i, e := range refusals {
		if e != nil && errors.Is(err, e) {
			return Refusal(i)
		}
	}
	return 1
}

// Err is an error with the text of the original one, which wraps its reason.
func (r Refusal) Err(text string) error {
	if int(r) >= len(refusals) || refusals[r] == nil {
		return errors.New(text)
	}
	return &refused{refusals[r], text}
}

type refused struct {
	reason error
	text   string
}

func (e *refused) Error() string { return e.text }
func (e *refused) Unwrap() error { return e.reason }
