package linearizability

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"
)

// Formats are the readers by the names they have on the command line.
var Formats = map[string]func(io.Reader) (Input, error){
	"jsonl": ReadJSONL, "jepsen": ReadJepsen, "edn": ReadEDN,
}

var (
	jepsenLine = regexp.MustCompile(`^INFO\s+jepsen\.util\s+-\s+(\d+)\s+:(invoke|ok|fail|info)\s+:(read|write|cas)\s+(.*?)\s*$`)
	jepsenPair = regexp.MustCompile(`^\[(-?\d+)\s+(-?\d+)\]$`)
)

// ReadJepsen reads the log of a Jepsen test of one register:
//
//	INFO  jepsen.util - 0	:invoke	:cas	[1 2]
//
// Times are line numbers. A ":fail :cas" is an answer, the comparison failed,
// unless it carries an error such as :timed-out; any other :fail had no
// effect. After ":info" the outcome stays unknown, and so it does where the
// log ends first. Lines of other loggers are skipped.
func ReadJepsen(r io.Reader) (Input, error) {
	p := newProcesses()
	lines := 0
	err := eachLine(r, func(n int, line []byte) error {
		lines = n
		if !bytes.HasPrefix(line, []byte("INFO")) || !bytes.Contains(line, []byte("jepsen.util")) {
			return nil
		}
		m := jepsenLine.FindSubmatch(line)
		if m == nil {
			return jepsenOther(n, line)
		}
		client, err := strconv.ParseInt(string(m[1]), 10, 32)
		if err != nil {
			return &InputError{n, fmt.Sprintf("process %s is too large", m[1])}
		}
		if err := p.jepsen(n, int32(client), string(m[2]), string(m[3]), string(m[4])); err != nil {
			return &InputError{n, err.Error()}
		}
		return nil
	})
	if err == nil && lines > 0 && len(p.in.History) == 0 {
		err = &InputError{lines, "no operation up to here: is this a Jepsen log?"}
	}
	return p.in, err
}

// jepsenEvent is what looks like one: a known kind of event, or a process with a keyword or with nothing.
var jepsenEvent = regexp.MustCompile(`\s:(invoke|ok|fail|info)\s|jepsen\.util\s+-\s+\d+(\s+:|\s*$)`)

// jepsenOther refuses a line that looks like an event which this reader does
// not know, or like one cut short: leaving one out could turn the verdict.
func jepsenOther(n int, line []byte) error {
	if !jepsenEvent.Match(line) || bytes.Contains(line, []byte(":nemesis")) {
		return nil
	}
	return &InputError{n, fmt.Sprintf("not an event of a register (:read, :write or :cas): %.80q", line)}
}

func (p *processes) jepsen(n int, client int32, event, f, arg string) error {
	if event == "invoke" {
		op := Op{}
		switch f {
		case "read":
			op.Kind = Get
		case "write":
			op.Kind, op.Value = Set, arg
			if _, isInt := canonicalInt(arg); !isInt {
				return fmt.Errorf(":write %s: an integer is due", arg)
			}
		case "cas":
			pair := jepsenPair.FindStringSubmatch(arg)
			if pair == nil {
				return fmt.Errorf(":cas %s: a pair such as [1 2] is due", arg)
			}
			op.Kind, op.Expected, op.Value = CAS, pair[1], pair[2]
		}
		return p.invoke(n, client, op)
	}
	op, err := p.open(client, map[string]Kind{"read": Get, "write": Set, "cas": CAS}[f])
	if err != nil {
		return err
	}
	pair := jepsenPair.FindStringSubmatch(arg)
	switch {
	case event == "info":
		// The operation stays open; Jepsen gives the process a new number.
	case event == "fail" && (op.Kind != CAS || pair == nil):
		op.Outcome = Failed
	default:
		op.Outcome, op.Applied = OK, event == "ok"
	}
	if op.Outcome == OK {
		switch {
		case op.Kind == Get && arg != "nil":
			if _, isInt := canonicalInt(arg); !isInt {
				return fmt.Errorf(":read %s: an integer or nil is due", arg)
			}
			op.Saw, op.Found, op.Out = SawValue, true, arg
		case op.Kind == Get:
			op.Saw = SawValue
		case op.Kind == Set && arg != op.Value:
			return fmt.Errorf(":write %s answers :write %s", arg, op.Value)
		case op.Kind == CAS && (pair == nil || pair[1] != op.Expected || pair[2] != op.Value):
			return fmt.Errorf(":cas %s answers :cas [%s %s]", arg, op.Expected, op.Value)
		}
	}
	p.close(n, client)
	return nil
}

// processes pairs the events of a log, where each process has at most one
// operation open. Times are line numbers.
type processes struct {
	in      Input
	current map[int32]int // the open operation of each process
}

func newProcesses() *processes { return &processes{current: map[int32]int{}} }

func (p *processes) invoke(n int, client int32, op Op) error {
	if i, busy := p.current[client]; busy {
		return fmt.Errorf("process %d calls again, and its call on line %d is not answered", client, p.in.Lines[i])
	}
	p.current[client] = len(p.in.History)
	op.Client, op.Call = client, int64(n)
	p.in.History, p.in.Lines = append(p.in.History, op), append(p.in.Lines, n)
	return nil
}

// open is the operation that an answer to process client belongs to.
func (p *processes) open(client int32, kind Kind) (*Op, error) {
	i, ok := p.current[client]
	if !ok {
		return nil, fmt.Errorf("an answer to process %d, which has no open call", client)
	}
	op := &p.in.History[i]
	if op.Kind != kind {
		return nil, fmt.Errorf("an answer to a %v of process %d, whose open call, on line %d, is a %v",
			kind, client, p.in.Lines[i], op.Kind)
	}
	return op, nil
}

func (p *processes) close(n int, client int32) {
	if op := &p.in.History[p.current[client]]; op.Outcome != Unknown {
		op.Return = int64(n)
	}
	delete(p.current, client)
}
