package msg

import (
	"errors"
	"fmt"

	"github.com/quoratedb/quorate/actors"
)

// The wire encoding of messages, written by hand (docs/adr/0003 says why).
//
// A message is a type byte and its fields, in the order of codec_client.go,
// codec_strong.go and so on; what fields are made of is in codec_wire.go and codec_kv.go.
// The encoding has no length of its own: the transport frames it.

// ErrUnknownType is wrapped by the error of Decode for a type byte that this
// version of the program does not know. A transport skips such a message and goes on.
var ErrUnknownType = errors.New("msg: unknown message type")

// ErrMalformed is wrapped by every error about bytes that are not one whole
// message, record or envelope of a known type.
var ErrMalformed = errors.New("msg: malformed")

// The first byte of an encoded message. The numbers are the protocol between
// nodes: none is ever given to another message (8 was a heartbeat, once).
const (
	typeOps           byte = 1
	typeResults       byte = 2
	typeForward       byte = 3
	typeForwarded     byte = 4
	typeCount         byte = 5
	typeCounted       byte = 6
	typePeerStatus    byte = 7
	typeLinkDown      byte = 9
	typeDrain         byte = 10
	typeLinkBusy      byte = 11
	typePrepare       byte = 16
	typePromises      byte = 17
	typeTouch         byte = 18
	typeTouched       byte = 19
	typeAccept        byte = 20
	typeAccepted      byte = 21
	typeConfirm       byte = 22
	typeConfirmed     byte = 23
	typeReadVersions  byte = 24
	typeVersions      byte = 25
	typeHandOver      byte = 26
	typeCollect       byte = 27
	typeDigest        byte = 28
	typeDigested      byte = 29
	typeListKeys      byte = 30
	typeListedKeys    byte = 31
	typePut           byte = 32
	typeStored        byte = 33
	typeFetch         byte = 34
	typeFetched       byte = 35
	typeHint          byte = 36
	typeHinted        byte = 37
	typeMarkDurable   byte = 38
	typeCompare       byte = 39
	typeCompared      byte = 40
	typeTreeAsk       byte = 41
	typeTreeTold      byte = 42
	typeListBuckets   byte = 43
	typeBucketsListed byte = 44
	typeAskDead       byte = 45
	typeDeadTold      byte = 46
	typeForget        byte = 47
	typeWant          byte = 48
	typeGiven         byte = 49
	typeLeave         byte = 50
	typeMapChange     byte = 56
	typeMapChanged    byte = 57
	typeMapAsk        byte = 58
	typeMapTold       byte = 59
	typeMapSeen       byte = 60
	typeLaneMap       byte = 61
	typeLaneMapped    byte = 62
	typePing          byte = 64
	typePingReq       byte = 65
	typeAck           byte = 66
)

// Append appends the encoding of m to b. The only error is a message that is
// not one of this package's; one that breaks an invariant of its type panics.
func Append(b []byte, m actors.Message) ([]byte, error) {
	// A switch over concrete types keeps the writer on the stack, which calls
	// through an interface would not.
	w := writer{b: b}
	switch m := m.(type) {
	case *Ops:
		w.byte(typeOps)
		m.encode(&w)
	case *Results:
		w.byte(typeResults)
		m.encode(&w)
	case *Forward:
		w.byte(typeForward)
		m.encode(&w)
	case *Forwarded:
		w.byte(typeForwarded)
		m.encode(&w)
	case *Count:
		w.byte(typeCount)
		m.encode(&w)
	case *Counted:
		w.byte(typeCounted)
		m.encode(&w)
	case *PeerStatus:
		w.byte(typePeerStatus)
		m.encode(&w)
	case *LinkDown:
		w.byte(typeLinkDown)
		m.encode(&w)
	case *LinkBusy:
		w.byte(typeLinkBusy)
		m.encode(&w)
	case *Drain:
		w.byte(typeDrain)
	case *Prepare:
		w.byte(typePrepare)
		m.encode(&w)
	case *Promises:
		w.byte(typePromises)
		m.encode(&w)
	case *Touch:
		w.byte(typeTouch)
		m.encode(&w)
	case *Touched:
		w.byte(typeTouched)
		m.encode(&w)
	case *Accept:
		w.byte(typeAccept)
		m.encode(&w)
	case *Accepted:
		w.byte(typeAccepted)
		m.encode(&w)
	case *Confirm:
		w.byte(typeConfirm)
		m.encode(&w)
	case *Confirmed:
		w.byte(typeConfirmed)
		m.encode(&w)
	case *ReadVersions:
		w.byte(typeReadVersions)
		m.encode(&w)
	case *Versions:
		w.byte(typeVersions)
		m.encode(&w)
	case *HandOver:
		w.byte(typeHandOver)
		m.encode(&w)
	case *Collect:
		w.byte(typeCollect)
		m.encode(&w)
	case *Digest:
		w.byte(typeDigest)
		m.encode(&w)
	case *Digested:
		w.byte(typeDigested)
		m.encode(&w)
	case *ListKeys:
		w.byte(typeListKeys)
		m.encode(&w)
	case *ListedKeys:
		w.byte(typeListedKeys)
		m.encode(&w)
	case *Ping:
		w.byte(typePing)
		m.encode(&w)
	case *PingReq:
		w.byte(typePingReq)
		m.encode(&w)
	case *Ack:
		w.byte(typeAck)
		m.encode(&w)
	default:
		if !w.eventual(m) && !w.aboutMap(m) {
			return b, fmt.Errorf("msg: a %T has no wire encoding", m)
		}
	}
	return w.b, nil
}

// Decode reads the message that b holds, and nothing else.
//
//  1. The byte slices of the message alias b, whose owner must not reuse it
//     while the message lives; a receiver copies what it keeps.
//  2. An empty slice comes back as nil: the protocol gives the two one meaning.
//  3. A message that decodes has valid enumerations and whole items, and took
//     memory in proportion to len(b).
//  4. The error wraps ErrUnknownType or ErrMalformed.
func Decode(b []byte) (actors.Message, error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("%w message: empty", ErrMalformed)
	}
	r := newReader(b, 1)
	m := decodeTyped(&r, b[0])
	if m == nil {
		return nil, fmt.Errorf("%w %d", ErrUnknownType, b[0])
	}
	if err := r.end(m.MessageName()); err != nil {
		return nil, err
	}
	return m, nil
}

// decodeTyped reads the fields of a message of type t; nil if there is none such.
func decodeTyped(r *reader, t byte) actors.Message {
	switch t {
	case typeOps:
		m := new(Ops)
		m.decode(r)
		return m
	case typeResults:
		m := new(Results)
		m.decode(r)
		return m
	case typeForward:
		m := new(Forward)
		m.decode(r)
		return m
	case typeForwarded:
		m := new(Forwarded)
		m.decode(r)
		return m
	case typeCount:
		m := new(Count)
		m.decode(r)
		return m
	case typeCounted:
		m := new(Counted)
		m.decode(r)
		return m
	case typePeerStatus:
		m := new(PeerStatus)
		m.decode(r)
		return m
	case typeLinkDown:
		m := new(LinkDown)
		m.decode(r)
		return m
	case typeLinkBusy:
		m := new(LinkBusy)
		m.decode(r)
		return m
	case typeDrain:
		return new(Drain)
	case typePrepare:
		m := new(Prepare)
		m.decode(r)
		return m
	case typePromises:
		m := new(Promises)
		m.decode(r)
		return m
	case typeTouch:
		m := new(Touch)
		m.decode(r)
		return m
	case typeTouched:
		m := new(Touched)
		m.decode(r)
		return m
	case typeAccept:
		m := new(Accept)
		m.decode(r)
		return m
	case typeAccepted:
		m := new(Accepted)
		m.decode(r)
		return m
	case typeConfirm:
		m := new(Confirm)
		m.decode(r)
		return m
	case typeConfirmed:
		m := new(Confirmed)
		m.decode(r)
		return m
	case typeReadVersions:
		m := new(ReadVersions)
		m.decode(r)
		return m
	case typeVersions:
		m := new(Versions)
		m.decode(r)
		return m
	case typeHandOver:
		m := new(HandOver)
		m.decode(r)
		return m
	case typeCollect:
		m := new(Collect)
		m.decode(r)
		return m
	case typeDigest:
		m := new(Digest)
		m.decode(r)
		return m
	case typeDigested:
		m := new(Digested)
		m.decode(r)
		return m
	case typeListKeys:
		m := new(ListKeys)
		m.decode(r)
		return m
	case typeListedKeys:
		m := new(ListedKeys)
		m.decode(r)
		return m
	case typePing:
		m := new(Ping)
		m.decode(r)
		return m
	case typePingReq:
		m := new(PingReq)
		m.decode(r)
		return m
	case typeAck:
		m := new(Ack)
		m.decode(r)
		return m
	}
	if m := r.eventual(t); m != nil {
		return m
	}
	return r.aboutMap(t)
}
