package linearizability

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// InputError says where an input file is wrong. Line counts from 1.
type InputError struct {
	Line int
	Msg  string
}

func (e *InputError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Msg) }

// Input is a history together with the lines it came from.
type Input struct {
	History History
	Lines   []int // of each operation: where it was called
}

// maxLine bounds a line of any format: a value of 8 MiB, escaped, with room to spare.
const maxLine = 64 << 20

// record is one line of the JSON Lines format, docs/history-format.md.
type record struct {
	Client     int32           `json:"client"`
	Call       *int64          `json:"call"`
	Return     *int64          `json:"return,omitempty"`
	Op         string          `json:"op"`
	Key        *string         `json:"key,omitempty"`
	Key64      *string         `json:"key64,omitempty"`
	Value      json.RawMessage `json:"value,omitempty"`
	Value64    *string         `json:"value64,omitempty"`
	Expected   json.RawMessage `json:"expected,omitempty"`
	Expected64 *string         `json:"expected64,omitempty"`
	Pipe       int32           `json:"pipe,omitempty"`
	Place      int32           `json:"place,omitempty"`
	Delta      *int64          `json:"delta,omitempty"`
	If         string          `json:"if,omitempty"`
	Outcome    string          `json:"outcome,omitempty"`
	Applied    *bool           `json:"applied,omitempty"`
	Found      *bool           `json:"found,omitempty"`
	Out        json.RawMessage `json:"out,omitempty"`
	Out64      *string         `json:"out64,omitempty"`
}

// ReadJSONL reads a history in the JSON Lines format. Blank lines and lines
// that begin with '#' are skipped. An error about the content is an *InputError.
func ReadJSONL(r io.Reader) (Input, error) {
	var in Input
	err := eachLine(r, func(n int, line []byte) error {
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			return nil
		}
		op, err := parseRecord(line)
		if err != nil {
			return &InputError{Line: n, Msg: err.Error()}
		}
		in.History, in.Lines = append(in.History, op), append(in.Lines, n)
		return nil
	})
	return in, err
}

// eachLine calls f with every line of r, without its end, counted from 1.
func eachLine(r io.Reader, f func(n int, line []byte) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 64<<10), maxLine)
	n := 0
	for s.Scan() {
		n++
		if err := f(n, s.Bytes()); err != nil {
			return err
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return &InputError{Line: n + 1, Msg: fmt.Sprintf("longer than %d bytes", maxLine)}
	}
	return s.Err()
}

func parseRecord(line []byte) (Op, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	var rec record
	if err := d.Decode(&rec); err != nil {
		return Op{}, fmt.Errorf("not an operation: %w", err)
	}
	if d.More() {
		return Op{}, errors.New("more than one object on the line")
	}
	op := Op{Client: rec.Client, Pipe: rec.Pipe, Place: rec.Place}
	if rec.Call == nil {
		return Op{}, errors.New(`"call" is missing: the time of the call, an integer`)
	}
	op.Call = *rec.Call
	for _, step := range []func(*Op) error{rec.parseKey, rec.parseRequest, rec.parseOutcome, rec.parseAnswer} {
		if err := step(&op); err != nil {
			return Op{}, err
		}
	}
	return op, nil
}

func (rec *record) parseKey(op *Op) error {
	switch {
	case rec.Key64 != nil:
		return decode64("key64", *rec.Key64, &op.Key)
	case rec.Key != nil:
		op.Key = *rec.Key
	}
	return nil // histories of a single register need no key
}

func (rec *record) parseRequest(op *Op) (err error) {
	var ok bool
	if op.Kind, ok = kindByName[rec.Op]; !ok {
		return fmt.Errorf(`"op" is %q: use get, set, delete, cas, incr or append`, rec.Op)
	}
	switch op.Kind {
	case Set, Append:
		op.Value, err = text("value", rec.Value, rec.Value64)
	case CAS:
		if op.Expected, err = text("expected", rec.Expected, rec.Expected64); err == nil {
			op.Value, err = text("value", rec.Value, rec.Value64)
		}
	case Incr:
		op.Delta = 1
		if rec.Delta != nil {
			op.Delta = *rec.Delta
		}
	}
	if err != nil {
		return err
	}
	switch rec.If {
	case "":
		return nil
	case "absent":
		op.Cond = IfAbsent
	case "exists":
		op.Cond = IfExists
	default:
		return fmt.Errorf(`"if" is %q: use absent or exists`, rec.If)
	}
	if op.Kind != Set && op.Kind != Delete {
		return fmt.Errorf(`"if" goes with set and delete, not with %s`, op.Kind)
	}
	return nil
}

var kindByName = map[string]Kind{
	"get": Get, "read": Get, "set": Set, "put": Set, "write": Set, "delete": Delete, "del": Delete,
	"cas": CAS, "incr": Incr, "add": Incr, "append": Append,
}

func (rec *record) parseOutcome(op *Op) error {
	switch rec.Outcome {
	case "":
		if rec.Return != nil {
			op.Outcome = OK
		}
	case "ok":
		op.Outcome = OK
	case "fail":
		op.Outcome = Failed
	case "unknown":
	default:
		return fmt.Errorf(`"outcome" is %q: use ok, fail or unknown`, rec.Outcome)
	}
	if op.Outcome == Unknown {
		return nil // a time at which somebody gave up says nothing
	}
	if rec.Return != nil {
		op.Return = *rec.Return
	} else if op.Outcome == OK {
		return errors.New(`"return" is missing: the time of the answer, an integer`)
	}
	if op.Outcome == OK && op.Return < op.Call {
		return fmt.Errorf("it returns at %d, before its call at %d", op.Return, op.Call)
	}
	return nil
}

func (rec *record) parseAnswer(op *Op) (err error) {
	if op.Outcome != OK {
		return nil
	}
	op.Applied = rec.Applied == nil || *rec.Applied
	if rec.Found != nil {
		op.Saw, op.Found = SawFound, *rec.Found
	}
	switch {
	case op.Kind == Incr:
		if rec.Out == nil {
			return nil
		}
		op.Saw = SawValue
		var s string
		if s, err = text("out", rec.Out, nil); err == nil {
			var isInt bool
			if op.Num, isInt = canonicalInt(s); !isInt {
				err = fmt.Errorf(`"out" of an incr is %s: a decimal 64-bit integer is due`, rec.Out)
			}
		}
		return err
	case bytes.Equal(rec.Out, []byte("null")):
		op.Saw, op.Found = SawValue, false
	case rec.Out != nil || rec.Out64 != nil:
		op.Saw, op.Found = SawValue, true
		op.Out, err = text("out", rec.Out, rec.Out64)
	case op.Kind == Get && op.Saw == SawNothing:
		err = errors.New(`"out" is missing: the value read, or null for an absent key`)
	}
	if err == nil && rec.Found != nil && *rec.Found != op.Found {
		err = errors.New(`"found" and "out" disagree`)
	}
	return err
}

// text reads a value written as a JSON string, as a JSON integer (its decimal
// digits), or in base64.
func text(name string, raw json.RawMessage, b64 *string) (s string, err error) {
	switch {
	case b64 != nil:
		return s, decode64(name+"64", *b64, &s)
	case len(raw) == 0 || string(raw) == "null":
		return "", fmt.Errorf("%q is missing: a string or an integer", name)
	case raw[0] == '"':
		return s, json.Unmarshal(raw, &s)
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return "", fmt.Errorf("%q is %s: a string or an integer is due", name, raw)
	}
	return strconv.FormatInt(n, 10), nil
}

func decode64(name, s string, to *string) error {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return fmt.Errorf("%q is not base64: %w", name, err)
	}
	*to = string(b)
	return nil
}

// WriteJSONL writes h so that ReadJSONL gives it back. Byte strings that are
// not UTF-8 go out in base64.
func WriteJSONL(w io.Writer, h History) error {
	b := bufio.NewWriter(w)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	for i := range h {
		if err := e.Encode(toRecord(&h[i])); err != nil {
			return err
		}
	}
	return b.Flush()
}

func toRecord(op *Op) *record {
	rec := &record{Client: op.Client, Pipe: op.Pipe, Place: op.Place, Call: &op.Call, Op: op.Kind.String(), Outcome: op.Outcome.String()}
	if utf8.ValidString(op.Key) {
		rec.Key = &op.Key
	} else {
		rec.Key64 = in64(op.Key)
	}
	switch op.Kind {
	case CAS:
		rec.Expected, rec.Expected64 = fromText(op.Expected)
		rec.Value, rec.Value64 = fromText(op.Value)
	case Set, Append:
		rec.Value, rec.Value64 = fromText(op.Value)
	case Incr:
		rec.Delta = &op.Delta
	}
	rec.If = [...]string{Always: "", IfAbsent: "absent", IfExists: "exists"}[op.Cond]
	if op.Outcome != Unknown {
		rec.Return = &op.Return
	}
	if op.Outcome == OK {
		rec.putAnswer(op)
	}
	return rec
}

func (rec *record) putAnswer(op *Op) {
	if op.Kind == CAS || op.Kind == Incr || op.Cond != Always {
		rec.Applied = &op.Applied
	}
	switch {
	case op.Kind == Incr:
		if op.Saw == SawValue {
			rec.Out = strconv.AppendInt(nil, op.Num, 10)
		}
	case op.Saw == SawFound:
		rec.Found = &op.Found
	case op.Saw == SawValue && op.Found:
		rec.Out, rec.Out64 = fromText(op.Out)
	case op.Saw == SawValue:
		rec.Out = json.RawMessage("null")
	}
}

func fromText(s string) (json.RawMessage, *string) {
	if !utf8.ValidString(s) {
		return nil, in64(s)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	return raw, nil
}

func in64(s string) *string {
	e := base64.StdEncoding.EncodeToString([]byte(s))
	return &e
}
