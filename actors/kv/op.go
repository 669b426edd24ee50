package kv

import "fmt"

// OpKind is what a client asks of one key.
type OpKind uint8

// The operations of a strong bucket.
const (
	OpGet    OpKind = iota + 1
	OpSet           // unconditional, or under Cond
	OpDelete        // tombstone, or under Cond
	OpIncr          // add Delta to a decimal 64-bit integer; an absent key counts as 0
	OpCAS           // set to Value iff the current value equals Expected; 0 on an absent key
	opKinds         // count, keep last
)

func (k OpKind) String() string {
	switch k {
	case OpGet:
		return "get"
	case OpSet:
		return "set"
	case OpDelete:
		return "delete"
	case OpIncr:
		return "incr"
	case OpCAS:
		return "cas"
	}
	return fmt.Sprintf("op(%d)", uint8(k))
}

// Valid reports whether k names an operation.
func (k OpKind) Valid() bool { return k >= OpGet && k < opKinds }

// Cond restricts an OpSet or an OpDelete.
type Cond uint8

// The conditions.
const (
	Always   Cond = iota
	IfAbsent      // SET NX, HTTP If-None-Match: *
	IfExists      // SET XX, HTTP If-Match: *
	IfRev         // HTTP If-Match: "rev"
	conds         // count, keep last
)

// Valid reports whether c names a condition.
func (c Cond) Valid() bool { return c < conds }

// Op is one operation on one key. Which fields count depends on Kind.
type Op struct {
	Key      []byte
	Value    []byte  // OpSet, OpCAS
	Expected []byte  // OpCAS
	Delta    int64   // OpIncr
	Rev      Version // with IfRev
	Kind     OpKind
	Cond     Cond
	Media    Media
	// WantOld asks for the value before the operation in Result.Data (SET GET, GETDEL).
	WantOld bool
	// Tuning is what an operation asks for in a bucket that is not strong; nil:
	// the bucket's settings. On a strong bucket it is refused.
	Tuning *Tuning
	// HeadOnly asks a get for the register's facts without its data (EXISTS).
	HeadOnly bool
}

// Tuning is what one operation may ask for in a bucket that is not strong.
type Tuning struct {
	R, W    Ask    // zero: as the bucket says
	Context string // the token that an earlier result carried; "": none was seen
	TTLMs   int64  // life of the value written, milliseconds; 0: as the bucket says, below 0: for ever
	// WantContext asks a get or a write for the causal context in Result.Causal.
	WantContext bool
}

// StrongTakesNoTuning is why a strong bucket refuses every Tuning.
const StrongTakesNoTuning = "a strong bucket takes no r, w, causal context or ttl: a majority decides on each of its operations, one after the other and by no clock. Allowed is the operation without them; buckets of mode eventual take them"

// IsWrite reports whether the operation may change the key.
func (o *Op) IsWrite() bool { return o.Kind != OpGet }

// Status is the outcome of an operation.
type Status uint8

// The outcomes. Everything from Unavailable on means that the operation had no
// effect and never will; Unknown means that it may have, or may still.
const (
	OK          Status = iota
	NotFound           // get, delete: no value
	CondFailed         // NX, XX, If-Match, CAS: the condition did not hold
	Unknown            // the outcome is not known and may still change
	Unavailable        // no owner or no majority before the deadline; nothing was done
	NotInteger         // incr on a value that is not a decimal 64-bit integer
	Overflow           // incr would leave the 64-bit range
	TooLarge           // key or value above a limit
	Busy               // a bounded queue is full; nothing was done
	BadRequest         // not a valid operation; Result.Data may say why, and what is allowed
	NotOwner           // between shards only: executed nowhere, ask the owner of Rev.Ballot
	statuses           // count, keep last
)

func (s Status) String() string {
	switch s {
	case OK:
		return "ok"
	case NotFound:
		return "not found"
	case CondFailed:
		return "condition failed"
	case Unknown:
		return "unknown outcome"
	case Unavailable:
		return "unavailable"
	case NotInteger:
		return "value is not an integer or out of range"
	case Overflow:
		return "increment or decrement would overflow"
	case TooLarge:
		return "key or value too large"
	case Busy:
		return "too busy"
	case BadRequest:
		return "bad request"
	case NotOwner:
		return "not the owner"
	}
	return fmt.Sprintf("status(%d)", uint8(s))
}

// Valid reports whether s names an outcome.
func (s Status) Valid() bool { return s < statuses }

// Result answers one Op.
type Result struct {
	Data   []byte  // get: the value; WantOld: the value before
	Rev    Version // of the value now in place (get, successful writes), zero if none
	TimeMs int64   // of that value
	Int    int64   // incr: the new value
	// Causal is set when a key of an eventual bucket holds several values, or the
	// context was asked for; Data is the value with the highest stamp.
	Causal *Causal
	Status Status
	Media  Media
	Found  bool // a value existed before the operation (get: exists)
}

// Causal is what a read of an eventual bucket saw, or a write left.
type Causal struct {
	Values  []Sibling // all concurrent ones, the highest stamp first; none: not found
	Context string    // token to give back with the write that follows from this read
}

// Sibling is one of them.
type Sibling struct {
	Data   []byte
	TimeMs int64
	Media  Media
}

// Refused is the result of an operation that is not valid, with the reason.
func Refused(reason string) Result { return Result{Status: BadRequest, Data: []byte(reason)} }
