// Package kv holds the vocabulary of the store: node identities, ballots,
// versions, registers, operations and their results. It imports nothing of
// ours, so that every other package can speak it.
package kv

import (
	"cmp"
	"fmt"
)

// NodeID names a member of the cluster. 0 means "no node".
type NodeID uint16

// Partition is an index into the fixed set of partitions of a cluster.
type Partition uint16

// Epoch numbers a version of the cluster map.
type Epoch uint32

// Incarnation is a node's boot counter. It is durable before its first use, so
// no two runs of a node share one.
type Incarnation uint32

// Ballot orders the claims to own a partition (a Paxos proposal number; Lamport,
// "Paxos Made Simple", section 2.2). The zero ballot is below every claim.
//
//  1. Ballots compare by Epoch, Round, Node, Incarnation, in that order.
//  2. At most one boot of one node ever proposes a given ballot.
type Ballot struct {
	Epoch Epoch
	Round uint32
	Inc   Incarnation
	Node  NodeID
}

// Compare returns -1, 0 or +1.
func (b Ballot) Compare(o Ballot) int {
	if b.Epoch != o.Epoch {
		return cmp.Compare(b.Epoch, o.Epoch)
	}
	if b.Round != o.Round {
		return cmp.Compare(b.Round, o.Round)
	}
	if b.Node != o.Node {
		return cmp.Compare(b.Node, o.Node)
	}
	return cmp.Compare(b.Inc, o.Inc)
}

// Less reports whether b is below o.
func (b Ballot) Less(o Ballot) bool { return b.Compare(o) < 0 }

// IsZero reports whether no claim has been made.
func (b Ballot) IsZero() bool { return b == Ballot{} }

func (b Ballot) String() string {
	return fmt.Sprintf("e%d.r%d.n%d.i%d", b.Epoch, b.Round, b.Node, b.Inc)
}

// Version orders the values of one key. Seq counts every write of the
// partition under Ballot, so versions of different keys of one partition are
// comparable too (the floor depends on that). The zero version means absent.
type Version struct {
	Ballot Ballot
	Seq    uint64
}

// Compare returns -1, 0 or +1.
func (v Version) Compare(o Version) int {
	if c := v.Ballot.Compare(o.Ballot); c != 0 {
		return c
	}
	return cmp.Compare(v.Seq, o.Seq)
}

// Less reports whether v is below o.
func (v Version) Less(o Version) bool { return v.Compare(o) < 0 }

// IsZero reports whether v is the version of an absent key.
func (v Version) IsZero() bool { return v == Version{} }

func (v Version) String() string { return fmt.Sprintf("%v#%d", v.Ballot, v.Seq) }

// Kind says what a register holds.
type Kind uint8

// The kinds of a register. Absent and Tombstone are both "not found" to a
// client and are never the same to the protocol.
const (
	Absent Kind = iota
	Value
	Tombstone
)

func (k Kind) String() string {
	switch k {
	case Absent:
		return "absent"
	case Value:
		return "value"
	case Tombstone:
		return "tombstone"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Media is the media type of a value, as far as the store keeps it.
type Media uint8

// The media types that a value keeps.
const (
	Text  Media = iota // text/plain: RESP values, HTTP strings
	JSON               // application/json
	Bytes              // application/octet-stream
	Typed              // any other: the data begins with it, see WithType
)

// Valid reports whether m is one of them.
func (m Media) Valid() bool { return m <= Typed }

// Register is the state of one key at one replica.
//
//  1. Version is zero iff Kind is Absent.
//  2. Rev is the version of the write that made the value. It stays when the
//     value is accepted again under a newer Version; clients see Rev only.
//  3. Data is immutable: a new value gets a new slice.
type Register struct {
	Version Version
	Rev     Version
	Data    []byte
	TimeMs  int64 // owner's wall clock at the write, Unix milliseconds; never used for ordering
	Kind    Kind
	Media   Media
}

// Found reports whether a client would see a value.
func (r *Register) Found() bool { return r.Kind == Value }

// maxMediaType is the longest media type that is kept, in bytes.
const maxMediaType = 255

// WithType puts a media type in front of data, for Media Typed. It reports
// false if the type is too long, the limit is 255 bytes, or empty.
func WithType(mediaType string, data []byte) ([]byte, bool) {
	if mediaType == "" || len(mediaType) > maxMediaType {
		return nil, false
	}
	b := make([]byte, 0, 1+len(mediaType)+len(data))
	b = append(append(b, byte(len(mediaType))), mediaType...)
	return append(b, data...), true
}

// Payload is what a client sees of data kept under m: all of it, or what
// follows the media type.
func Payload(m Media, data []byte) []byte {
	if n := typeLen(m, data); n > 0 {
		return data[1+n:]
	}
	return data
}

// TypeOf is the media type in front of data, "" if m is not Typed.
func TypeOf(m Media, data []byte) string { return string(data[min(1, len(data)):][:typeLen(m, data)]) }

func typeLen(m Media, data []byte) int {
	if m != Typed || len(data) == 0 || int(data[0]) > len(data)-1 {
		return 0
	}
	return int(data[0])
}
