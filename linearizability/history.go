package linearizability

import (
	"fmt"
	"math"
)

// Kind is what an operation asks of its key.
type Kind uint8

// The operations.
const (
	Get    Kind = iota + 1 // read the value
	Set                    // write Value, under Cond
	Delete                 // make the key absent, under Cond
	CAS                    // write Value iff the value equals Expected; never on an absent key
	Incr                   // add Delta to a decimal 64-bit integer; an absent key counts as 0
	Append                 // put Value after the current value; an absent key counts as empty
	kinds                  // count, keep last
)

var kindNames = [kinds]string{Get: "get", Set: "set", Delete: "delete", CAS: "cas", Incr: "incr", Append: "append"}

func (k Kind) String() string {
	if k > 0 && k < kinds {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Cond restricts a Set or a Delete.
type Cond uint8

// The conditions.
const (
	Always   Cond = iota
	IfAbsent      // SET NX
	IfExists      // SET XX
)

// Outcome is what the client knows about its operation.
type Outcome uint8

// The outcomes. The zero value is Unknown, so an operation whose answer never
// came is right without being touched.
const (
	Unknown Outcome = iota // it may have happened, or may still happen, once, at any time from its call on
	OK                     // it was answered; Applied, Saw and the rest tell how
	Failed                 // it had no effect and never will, and the answer tells nothing about the key
)

func (o Outcome) String() string {
	switch o {
	case Unknown:
		return "unknown"
	case OK:
		return "ok"
	case Failed:
		return "fail"
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// Saw is how much of the value before the operation its answer reveals.
type Saw uint8

// The degrees.
const (
	SawNothing Saw = iota
	SawFound       // Result.Found: whether the key had a value
	SawValue       // Result.Found, and Result.Out if found. For Incr: Result.Num, the value after it
)

// Result is the answer to an operation. With an outcome other than OK only
// Outcome counts.
type Result struct {
	Out     string  // the value seen
	Num     int64   // Incr: the new value
	Outcome Outcome // the zero value is Unknown
	Saw     Saw
	Found   bool // the key had a value before the operation
	// Applied: the condition of a Set, Delete or CAS held; the value under an
	// Incr was an integer and the sum fitted. Ignored for Get and Append and
	// for an unconditional Set or Delete, which always apply.
	Applied bool
}

// Op is one operation of a client. Call and Return are on one clock, in
// nanoseconds; a before b means a.Return < b.Call, so equal times overlap.
type Op struct {
	Key      string
	Value    string // Set, CAS, Append
	Expected string // CAS
	Delta    int64  // Incr
	Call     int64
	Return   int64 // counts only with the outcome OK; 0 if Unknown
	Result
	Client int32
	// Pipe names the message that the operation was sent in, with others; 0: alone.
	// Those of one key and message that were answered take effect in the order of Place.
	Pipe, Place int32
	Kind        Kind
	Cond        Cond
}

// History is a list of operations in any order.
type History []Op

// end is the instant by which op must have taken effect.
func (op *Op) end() int64 {
	if op.Outcome == Unknown {
		return math.MaxInt64
	}
	return op.Return
}
