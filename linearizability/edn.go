package linearizability

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"olympos.io/encoding/edn"
)

// ednEvent is one line of an EDN history.
type ednEvent struct {
	Process any         `edn:"process"`
	Type    edn.Keyword `edn:"type"`
	F       edn.Keyword `edn:"f"`
	Key     any         `edn:"key"`
	Value   any         `edn:"value"`
}

// ReadEDN reads a history of EDN maps, one to a line:
//
//	{:process 0, :type :invoke, :f :append, :key "4", :value "x 0 1 y"}
//
// Times are line numbers. :type is invoke, ok, fail or info; :f is get (or
// read), put (or write), append or cas with a :value of [expected new]; :key
// may be left out. These histories do not tell an absent key from an empty
// value, so the empty string is read as absent. A :fail of a cas is a failed
// comparison, any other had no effect. Events of a process that is not a
// number (the nemesis) are skipped.
func ReadEDN(r io.Reader) (Input, error) {
	p := newProcesses()
	err := eachLine(r, func(n int, line []byte) error {
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == ';' {
			return nil
		}
		if err := p.edn(n, line); err != nil {
			return &InputError{n, err.Error()}
		}
		return nil
	})
	return p.in, err
}

func (p *processes) edn(n int, line []byte) error {
	if line[0] != '{' {
		return fmt.Errorf("not an EDN map: %.80q", line)
	}
	var e ednEvent
	if err := edn.Unmarshal(line, &e); err != nil {
		return fmt.Errorf("not an EDN map: %w", err)
	}
	process, ok := e.Process.(int64)
	if !ok && e.Process != nil {
		return nil
	}
	if !ok || process < 0 || process > math.MaxInt32 {
		return errors.New(":process is missing or out of range: an integer of 31 bits")
	}
	kind, ok := ednKinds[e.F]
	if !ok {
		return fmt.Errorf(":f %v: use :get, :put, :append or :cas", e.F)
	}
	if e.Type == "invoke" {
		op, err := e.request(kind)
		if err != nil {
			return err
		}
		return p.invoke(n, int32(process), op)
	}
	if kind == Set && p.deleting(int32(process)) {
		kind = Delete
	}
	op, err := p.open(int32(process), kind)
	if err != nil {
		return err
	}
	if err := e.answer(op); err != nil {
		return err
	}
	p.close(n, int32(process))
	return nil
}

// deleting reports whether the open call of a process became a Delete, because
// it puts the empty string.
func (p *processes) deleting(client int32) bool {
	i, ok := p.current[client]
	return ok && p.in.History[i].Kind == Delete
}

var ednKinds = map[edn.Keyword]Kind{
	"get": Get, "read": Get, "put": Set, "write": Set, "append": Append, "cas": CAS,
}

func (e *ednEvent) request(kind Kind) (op Op, err error) {
	if e.Key != nil {
		if op.Key, err = ednText(":key", e.Key); err != nil {
			return op, err
		}
	}
	op.Kind = kind
	switch kind {
	case Set, Append:
		op.Value, err = ednText(":value", e.Value)
		if op.Kind == Set && op.Value == "" {
			op.Kind = Delete // see ReadEDN
		}
	case CAS:
		op.Expected, op.Value, err = ednPair(e.Value)
	}
	return op, err
}

func (e *ednEvent) answer(op *Op) (err error) {
	switch e.Type {
	case "info":
		return nil
	case "fail":
		if op.Kind != CAS {
			op.Outcome = Failed
			return nil
		}
	case "ok":
	default:
		return fmt.Errorf(":type %v: use :invoke, :ok, :fail or :info", e.Type)
	}
	op.Outcome, op.Applied = OK, e.Type == "ok"
	if op.Kind != Get {
		return nil
	}
	op.Saw = SawValue
	if e.Value != nil {
		op.Out, err = ednText(":value", e.Value)
	}
	op.Found = op.Out != ""
	return err
}

func ednText(what string, v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case edn.Keyword:
		return ":" + string(v), nil
	}
	return "", fmt.Errorf("%s is %v: a string or an integer is due", what, v)
}

func ednPair(v any) (expected, value string, err error) {
	pair, ok := v.([]any)
	if !ok || len(pair) != 2 {
		return "", "", fmt.Errorf(":value of a cas is %v: a pair such as [1 2] is due", v)
	}
	if expected, err = ednText(":value", pair[0]); err == nil {
		value, err = ednText(":value", pair[1])
	}
	if err == nil && (expected == "" || value == "") {
		err = errors.New(":value of a cas holds an empty string, which this format does not tell from an absent key")
	}
	return expected, value, err
}
