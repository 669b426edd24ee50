package node

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// The handshake opens a connection, before any message. Both sides show who
// they are and prove that they hold the shared key, without showing it:
//
//	dialer   -> hello (who, whom it wants, settings, nonce)
//	acceptor -> verdict; its own hello; HMAC(key, "acceptor", both hellos)
//	dialer   -> HMAC(key, "dialer", both hellos)
//	acceptor -> verdict
//
// A verdict is one byte and, if it is not 0, a text that says why not. The
// nonces make every proof good for one connection, the labels for one side.
const (
	protocolMagic   = "QRTP"
	protocolVersion = 1
	maxHello        = 512
	nonceSize       = 16
	macSize         = sha256.Size
)

// hello is what a side says of itself.
type hello struct {
	cluster  string // at most 255 bytes
	node     kv.NodeID
	target   kv.NodeID // who the other side should be
	inc      kv.Incarnation
	store    uint64 // id of its data directory
	settings uint64
	nonce    [nonceSize]byte
}

// errPeer is a refusal that is about settings or keys, so worth a person's
// look; everything else is the network.
type errPeer struct {
	reason string // a metric's label
	text   string
}

func (e *errPeer) Error() string { return e.text }

func refuse(reason, format string, args ...any) *errPeer {
	return &errPeer{reason: reason, text: fmt.Sprintf(format, args...)}
}

// settingsHash sums up what all members must agree on. Addresses are not in
// it: they may differ by point of view.
func settingsHash(c *Config) uint64 {
	members := slices.Clone(c.Members)
	slices.SortFunc(members, func(a, b Member) int { return int(a.ID) - int(b.ID) })
	b := fmt.Appendf(nil, "partitions=%d vnodes=%d n=%d lanes=%d", c.Partitions, c.VNodes, c.Replicas, c.Lanes)
	for _, m := range members {
		b = fmt.Appendf(b, " %d=%d@%q", m.ID, m.Weight, m.Zone)
	}
	return xxh3.Hash(b)
}

func newHello(c *Config, me *msg.BootRecord, target kv.NodeID) hello {
	h := hello{cluster: c.Cluster, node: c.Node, target: target, inc: me.Inc, store: me.Store, settings: settingsHash(c)}
	_, _ = rand.Read(h.nonce[:]) // never fails, by its documentation
	return h
}

// appendTo appends magic, version, length and fields.
func (h *hello) appendTo(b []byte) []byte {
	b = append(b, protocolMagic...)
	b = binary.LittleEndian.AppendUint16(b, protocolVersion)
	at := len(b)
	b = append(b, 0, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(h.node))
	b = binary.LittleEndian.AppendUint16(b, uint16(h.target))
	b = binary.LittleEndian.AppendUint32(b, uint32(h.inc))
	b = binary.LittleEndian.AppendUint64(b, h.settings)
	b = binary.LittleEndian.AppendUint64(b, h.store)
	b = append(b, h.nonce[:]...)
	b = append(b, byte(len(h.cluster)))
	b = append(b, h.cluster...)
	binary.LittleEndian.PutUint16(b[at:], uint16(len(b)-at-2))
	return b
}

const helloFixed = 2 + 2 + 4 + 8 + 8 + nonceSize + 1

// readHello reads a hello and returns its bytes too, for the proofs.
func readHello(r io.Reader) (hello, []byte, error) {
	var h hello
	b := make([]byte, len(protocolMagic)+4)
	if _, err := io.ReadFull(r, b); err != nil {
		return h, nil, err
	}
	if string(b[:4]) != protocolMagic {
		return h, nil, refuse("garbage", "this is the port for other nodes, and what came is not their protocol")
	}
	if v := binary.LittleEndian.Uint16(b[4:]); v != protocolVersion {
		return h, nil, refuse("version", "the peer speaks protocol version %d, this node version %d", v, protocolVersion)
	}
	n := int(binary.LittleEndian.Uint16(b[6:]))
	if n < helloFixed || n > maxHello {
		return h, nil, refuse("garbage", "a hello of %d bytes, allowed are %d to %d", n, helloFixed, maxHello)
	}
	b = append(b, make([]byte, n)...)
	f := b[8:]
	if _, err := io.ReadFull(r, f); err != nil {
		return h, nil, err
	}
	h.node = kv.NodeID(binary.LittleEndian.Uint16(f))
	h.target = kv.NodeID(binary.LittleEndian.Uint16(f[2:]))
	h.inc = kv.Incarnation(binary.LittleEndian.Uint32(f[4:]))
	h.settings = binary.LittleEndian.Uint64(f[8:])
	h.store = binary.LittleEndian.Uint64(f[16:])
	copy(h.nonce[:], f[24:])
	if int(f[helloFixed-1]) != n-helloFixed {
		return h, nil, refuse("garbage", "a hello whose cluster id has the wrong length")
	}
	h.cluster = string(f[helloFixed:])
	return h, b, nil
}

// checkHello compares what the other side says with what this one expects.
func checkHello(c *Config, h *hello) error {
	switch {
	case h.cluster != c.Cluster:
		return refuse("cluster", "node %d belongs to cluster %q, this is cluster %q", h.node, h.cluster, c.Cluster)
	case h.target != c.Node:
		return refuse("target", "node %d looks for node %d at the address of node %d: check the peer addresses", h.node, h.target, c.Node)
	case h.node == c.Node:
		return refuse("self", "node %d meets itself: two nodes with one id, or its own address given to another member", c.Node)
	case c.member(h.node) == nil:
		return refuse("member", "node %d is not a member of cluster %q here", h.node, c.Cluster)
	case h.settings != settingsHash(c):
		return refuse("settings", "nodes %d and %d differ in a setting that must be the same everywhere: partitions, vnodes, replicas, lanes, or the members' ids, weights and zones", h.node, c.Node)
	}
	return nil
}

func prove(key []byte, side string, dialer, acceptor []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(side))
	m.Write(dialer)
	m.Write(acceptor)
	return m.Sum(nil)
}

// readProof reads the other side's proof and checks it.
func readProof(r io.Reader, want []byte, who kv.NodeID) error {
	var got [macSize]byte
	if _, err := io.ReadFull(r, got[:]); err != nil {
		return err
	}
	if !hmac.Equal(got[:], want) {
		return refuse("key", "node %d holds another shared key", who)
	}
	return nil
}

// writeVerdict tells the other side why not; nil means welcome.
func writeVerdict(w io.Writer, err error) error {
	b := []byte{0}
	if err != nil {
		text := err.Error()
		text = text[:min(len(text), 250)]
		b = append([]byte{1, byte(len(text))}, text...)
	}
	_, werr := w.Write(b)
	return werr
}

func readVerdict(r io.Reader) error {
	var b [2]byte
	if _, err := io.ReadFull(r, b[:1]); err != nil {
		return err
	}
	if b[0] == 0 {
		return nil
	}
	if b[0] != 1 {
		return refuse("garbage", "the address does not answer with the protocol of nodes")
	}
	if _, err := io.ReadFull(r, b[1:]); err != nil {
		return err
	}
	text := make([]byte, b[1])
	if _, err := io.ReadFull(r, text); err != nil {
		return err
	}
	return refuse("refused", "the peer refuses: %q", text)
}

// shakeOut is the dialer's side. It returns what the peer says of itself.
func shakeOut(rw io.ReadWriter, c *Config, me *msg.BootRecord, target kv.NodeID) (theirs hello, err error) {
	mine := newHello(c, me, target)
	sent := mine.appendTo(nil)
	if _, err := rw.Write(sent); err != nil {
		return theirs, err
	}
	if err := readVerdict(rw); err != nil {
		return theirs, err
	}
	theirs, got, err := readHello(rw)
	if err != nil {
		return theirs, err
	}
	if theirs.node != target {
		return theirs, refuse("target", "node %d answers at the address of node %d", theirs.node, target)
	}
	if err := checkHello(c, &theirs); err != nil {
		return theirs, err
	}
	if err := readProof(rw, prove(c.Key, "acceptor", sent, got), target); err != nil {
		return theirs, err
	}
	if _, err := rw.Write(prove(c.Key, "dialer", sent, got)); err != nil {
		return theirs, err
	}
	return theirs, readVerdict(rw)
}

// shakeIn is the acceptor's side. admit has the last word about a peer that
// has proved who it is.
func shakeIn(rw io.ReadWriter, c *Config, me *msg.BootRecord, admit func(*hello) error) (hello, error) {
	theirs, got, err := readHello(rw)
	if err == nil {
		err = checkHello(c, &theirs)
	}
	if err != nil {
		return theirs, errors.Join(err, verdictFor(rw, err))
	}
	mine := newHello(c, me, theirs.node)
	sent := mine.appendTo(nil)
	answer := append(append([]byte{0}, sent...), prove(c.Key, "acceptor", got, sent)...)
	if _, err := rw.Write(answer); err != nil {
		return theirs, err
	}
	err = readProof(rw, prove(c.Key, "dialer", got, sent), theirs.node)
	if err == nil {
		err = admit(&theirs)
	}
	if err != nil {
		return theirs, errors.Join(err, verdictFor(rw, err))
	}
	return theirs, writeVerdict(rw, nil)
}

// verdictFor tells a peer about a refusal, and nobody about the network.
func verdictFor(w io.Writer, err error) error {
	if refusal := (*errPeer)(nil); errors.As(err, &refusal) {
		return writeVerdict(w, err)
	}
	return nil
}
