package sim

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/zeebo/xxh3"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/msg"
)

// trace digests a run: a rolling hash of every event and of what it did to
// disks, and on request a list of what happened, in words.
type trace struct {
	sum     uint64
	number  uint64    // of the event that is being executed, if record
	during  eventKind // its kind
	buf     []byte    // scratch: an encoded message
	slab    []byte    // for messages decoded again
	record  bool
	entries []TraceEntry
	rec     *recorder // nil unless record
}

// TraceEntry is one line of trace.jsonl.
type TraceEntry struct {
	AtNs int64  `json:"t"`
	Hash string `json:"hash"` // of every event up to here, also of those that are no entry
	What string `json:"what"`
	// Event counts them, those that are no entry as well. In an equal run its number is the same.
	Event uint64 `json:"event,omitempty"`
	Node  int    `json:"node,omitempty"`
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
	Name  string `json:"msg,omitempty"`
	Body  any    `json:"body,omitempty"`
	// Of what was done to a disk: the kind of the event that did it, the file, where, how much and its hash.
	During string `json:"during,omitempty"`
	File   string `json:"file,omitempty"`
	Offset int64  `json:"offset,omitempty"`
	Bytes  int    `json:"bytes,omitempty"`
	Digest string `json:"digest,omitempty"`
}

// event mixes an event into the hash.
func (t *trace) event(w *World, e *event) {
	t.sum = mix(t.sum^uint64(w.nowNs), uint64(e.kind)<<16|uint64(e.node)<<8|uint64(e.lane))
	switch e.kind {
	case evDeliver, evResult, evFaultStart, evFaultStop, evClient:
		t.sum = mix(t.sum, e.arg)
	}
	if !t.record {
		return
	}
	t.number, t.during = w.events, e.kind
	switch e.kind {
	case evSynced, evRestart, evHeal:
		if e.kind == evSynced {
			t.rec.node(w.nodes[e.node], SyncEnds)
		}
		t.add(TraceEntry{AtNs: w.nowNs, What: eventNames[e.kind], Node: int(e.node) + 1})
	}
}

// hash encodes a message that crosses between nodes and digests it.
func (t *trace) hash(env *actors.Envelope) uint64 {
	b, err := msg.AppendEnvelope(t.buf[:0], env)
	if err != nil {
		panic(fmt.Sprintf("sim: %v -> %v: %v", env.From, env.To, err))
	}
	t.buf = b
	return xxh3.Hash(b)
}

// recode returns the envelope as it comes off the wire. hash must have been
// called for it.
func (t *trace) recode(env *actors.Envelope) actors.Envelope {
	if len(t.slab) < len(t.buf) {
		t.slab = make([]byte, max(64<<10, len(t.buf)))
	}
	encoded := t.slab[:len(t.buf):len(t.buf)] // the message keeps it: never touched again
	t.slab = t.slab[copy(encoded, t.buf):]
	out, err := msg.DecodeEnvelope(encoded, env.From.Node, env.To.Node)
	if err != nil {
		panic(fmt.Sprintf("sim: %v -> %v: what was encoded can't be decoded: %v", env.From, env.To, err))
	}
	return out
}

func (t *trace) handled(w *World, env *actors.Envelope) {
	if t.record {
		t.rec.message(env, MessageHandled, 0)
		t.message(w, "handle", env)
	}
}

func (t *trace) lost(w *World, env *actors.Envelope) {
	if t.record {
		t.rec.message(env, MessageLost, 0)
		t.message(w, "lost", env)
	}
}

func (t *trace) message(w *World, what string, env *actors.Envelope) {
	t.add(TraceEntry{AtNs: w.nowNs, What: what, Node: int(env.To.Node), From: env.From.String(), To: env.To.String(),
		Name: env.Message.MessageName(), Body: env.Message})
}

// note records something that is not an event of its own.
func (t *trace) note(w *World, node int, format string, args ...any) {
	if t.record {
		t.add(TraceEntry{AtNs: w.nowNs, What: fmt.Sprintf(format, args...), Node: node})
	}
}

// end closes a trace with the hash of the whole run.
func (t *trace) end(w *World) { t.note(w, 0, "end") }

func (t *trace) add(e TraceEntry) {
	e.Hash, e.Event = hex(t.sum), t.number
	t.entries = append(t.entries, e)
}

func hex(sum uint64) string { return fmt.Sprintf("%016x", sum) }

// WriteTrace writes a recorded trace as JSON Lines.
func WriteTrace(out io.Writer, entries []TraceEntry) error {
	enc := json.NewEncoder(out)
	for i := range entries {
		if err := enc.Encode(&entries[i]); err != nil {
			return err
		}
	}
	return nil
}
