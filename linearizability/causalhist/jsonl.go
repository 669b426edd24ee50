package causalhist

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/quoratedb/quorate/actors/kv"
)

// Key is the history of a key, with what its bucket promised.
type Key struct {
	Name  string
	Rules Rules
	Ops   []Op
}

// record is a line of the file: one with a policy begins a key, the others are
// its operations in order. See docs/history-format.md.
type record struct {
	Key       string   `json:"key"`
	Policy    string   `json:"policy,omitempty"`
	N         int      `json:"n,omitempty"`
	Unit      int64    `json:"unit,omitempty"`
	Moving    bool     `json:"moving,omitempty"`
	WriteBack bool     `json:"write_back,omitempty"`
	Lossy     bool     `json:"lossy,omitempty"`
	Client    int      `json:"client,omitempty"`
	Node      uint32   `json:"node,omitempty"`
	Boot      uint64   `json:"boot,omitempty"`
	Call      int64    `json:"call,omitempty"`
	Return    int64    `json:"return,omitempty"`
	Op        string   `json:"op,omitempty"`
	Outcome   string   `json:"outcome,omitempty"`
	Value     string   `json:"value,omitempty"`
	Delta     int64    `json:"delta,omitempty"`
	Context   int      `json:"context,omitempty"`
	Saw       []string `json:"saw,omitempty"`
	Whole     bool     `json:"whole,omitempty"`
	Sum       int64    `json:"sum,omitempty"`
	Quorum    int      `json:"quorum,omitempty"`
	Zone      int      `json:"zone,omitempty"`
	Stamp     *Stamp   `json:"stamp,omitempty"`
	MayExpire int64    `json:"may_expire,omitempty"`
	Expires   int64    `json:"expires,omitempty"`
	LimitMs   int64    `json:"limit_ms,omitempty"`
	Final     bool     `json:"final,omitempty"`
}

var (
	kindNames    = []string{Get: "get", Set: "set", Delete: "delete", Incr: "incr"} // immutable
	outcomeNames = []string{OK: "ok", Failed: "fail", Unknown: "unknown"}           // immutable
)

// WriteJSONL writes histories so that ReadJSONL gives them back.
func WriteJSONL(w io.Writer, keys []Key) error {
	b := bufio.NewWriter(w)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	for i := range keys {
		k := &keys[i]
		head := record{Key: k.Name, Policy: k.Rules.Policy.String(), N: k.Rules.N, Unit: k.Rules.Unit, Moving: k.Rules.Moving, WriteBack: k.Rules.WriteBack, Lossy: k.Rules.Lossy}
		if err := e.Encode(&head); err != nil {
			return err
		}
		for j := range k.Ops {
			if err := e.Encode(toRecord(k.Name, &k.Ops[j])); err != nil {
				return err
			}
		}
	}
	return b.Flush()
}

func toRecord(key string, op *Op) *record {
	rec := &record{
		Key: key, Client: op.Client, Node: uint32(op.Node), Boot: op.Boot, Call: op.Call, Return: op.Return, Op: kindNames[op.Kind],
		Outcome: outcomeNames[op.Outcome], Value: op.Value, Delta: op.Delta, Context: op.Context, Saw: op.Saw, Whole: op.Whole, Sum: op.Sum,
		Quorum: op.Quorum, Zone: op.Zone, MayExpire: op.MayExpire, Expires: op.Expires, LimitMs: op.LimitMs, Final: op.Final,
	}
	if op.Stamp != (Stamp{}) {
		rec.Stamp = &op.Stamp
	}
	return rec
}

// maxLine bounds a line: a value of 8 MiB, escaped, with room to spare.
const maxLine = 64 << 20

// ReadJSONL reads what WriteJSONL wrote. Blank lines and lines that begin with
// '#' are skipped. The error names the line.
func ReadJSONL(r io.Reader) ([]Key, error) {
	var keys []Key
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 64<<10), maxLine)
	n := 0
	for s.Scan() {
		n++
		line := bytes.TrimSpace(s.Bytes())
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		var err error
		if keys, err = add(keys, line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return keys, s.Err()
}

// add takes in a line.
func add(keys []Key, line []byte) ([]Key, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	var rec record
	if err := d.Decode(&rec); err != nil {
		return nil, fmt.Errorf("not an operation or a key: %w", err)
	}
	if rec.Policy != "" {
		policy, err := kv.ParsePolicy(rec.Policy)
		if err != nil {
			return nil, err
		}
		return append(keys, Key{Name: rec.Key, Rules: Rules{Policy: policy, N: rec.N, Unit: rec.Unit, Moving: rec.Moving, WriteBack: rec.WriteBack, Lossy: rec.Lossy}}), nil
	}
	if len(keys) == 0 || keys[len(keys)-1].Name != rec.Key {
		return nil, errors.New(`an operation of another key than the last line with a "policy" names`)
	}
	k := &keys[len(keys)-1]
	op, err := rec.op()
	if err != nil {
		return nil, err
	}
	if op.Context > len(k.Ops) {
		return nil, fmt.Errorf(`"context" is %d: before it the key has %d operations`, op.Context, len(k.Ops))
	}
	k.Ops = append(k.Ops, op)
	return keys, nil
}

func (rec *record) op() (Op, error) {
	op := Op{
		Client: rec.Client, Node: kv.NodeID(rec.Node), Boot: rec.Boot, Call: rec.Call, Return: rec.Return, Value: rec.Value, Delta: rec.Delta,
		Context: rec.Context, Saw: rec.Saw, Whole: rec.Whole, Sum: rec.Sum, Quorum: rec.Quorum, Zone: rec.Zone, MayExpire: rec.MayExpire, Expires: rec.Expires,
		LimitMs: rec.LimitMs, Final: rec.Final,
	}
	if rec.Stamp != nil {
		op.Stamp = *rec.Stamp
	}
	kind, outcome := numberOf(kindNames, rec.Op), numberOf(outcomeNames, rec.Outcome)
	switch {
	case kind == 0:
		return op, fmt.Errorf(`"op" is %q: use %s`, rec.Op, strings.Join(kindNames[1:], ", "))
	case outcome == 0:
		return op, fmt.Errorf(`"outcome" is %q: use %s`, rec.Outcome, strings.Join(outcomeNames[1:], ", "))
	case op.Context < 0:
		return op, fmt.Errorf(`"context" is %d: use 1 for the first operation of the key, and so on`, op.Context)
	}
	op.Kind, op.Outcome = Kind(kind), Outcome(outcome)
	return op, nil
}

// numberOf is the index of a name, 0 if it is none.
func numberOf(names []string, name string) int {
	for i := 1; i < len(names); i++ {
		if names[i] == name {
			return i
		}
	}
	return 0
}

// Line tells an operation in one line, as linearizability does for its own.
func (o *Op) Line() string {
	end := "?"
	if o.Outcome != Unknown {
		end = fmt.Sprint(o.Return)
	}
	who := fmt.Sprintf("client %d", o.Client)
	if o.Final {
		who = "all replicas in the end"
	}
	return fmt.Sprintf("[%d, %s] %s: %s -> %s", o.Call, end, who, o.asks(), o.told())
}

func (o *Op) asks() string {
	switch o.Kind {
	case Set:
		return fmt.Sprintf("set %q", o.Value)
	case Incr:
		return fmt.Sprintf("incr by %d", o.Delta)
	}
	return kindNames[o.Kind]
}

func (o *Op) told() string {
	if o.Outcome != OK || o.Kind != Get {
		return outcomeNames[o.Outcome]
	}
	return o.seen()
}
