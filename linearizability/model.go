package linearizability

import (
	"fmt"
	"strings"
)

// Model says which operations a history may hold and what a key starts as.
type Model uint8

// The models.
const (
	Register    Model = iota + 1 // get, set
	CASRegister                  // get, set, cas
	Counter                      // get, incr; starts at 0
	KV                           // everything
	models                       // count, keep last
)

var modelNames = [models]string{Register: "register", CASRegister: "cas-register", Counter: "counter", KV: "kv"}

// ModelNames lists the models as they are written on the command line.
func ModelNames() []string { return modelNames[Register:] }

func (m Model) String() string {
	if m > 0 && m < models {
		return modelNames[m]
	}
	return fmt.Sprintf("model(%d)", uint8(m))
}

// ParseModel turns a name into a Model. The error lists the names allowed.
func ParseModel(name string) (Model, error) {
	for m := Register; m < models; m++ {
		if modelNames[m] == name {
			return m, nil
		}
	}
	return 0, fmt.Errorf("unknown model %q: use %s", name, strings.Join(ModelNames(), ", "))
}

// allows reports whether a history of the model may hold op.
func (m Model) allows(op *Op) bool {
	switch m {
	case Register:
		return op.Kind == Get || op.Kind == Set && op.Cond == Always
	case CASRegister:
		return op.Kind == Get || op.Kind == CAS || op.Kind == Set && op.Cond == Always
	case Counter:
		return op.Kind == Get || op.Kind == Incr
	}
	return op.Kind > 0 && op.Kind < kinds
}

// Validate reports the first operation that the model does not have. The error
// names its index.
func (m Model) Validate(h History) error {
	if m == 0 || m >= models {
		return fmt.Errorf("unknown model %v", m)
	}
	for i := range h {
		if op := &h[i]; !m.allows(op) {
			return &OpError{Index: i, Msg: fmt.Sprintf("model %v has no operation %s; use model kv", m, op.describeKind())}
		}
		if op := &h[i]; op.Outcome == OK && op.Return < op.Call {
			return &OpError{Index: i, Msg: fmt.Sprintf("it returns at %d, before its call at %d", op.Return, op.Call)}
		}
	}
	return nil
}

// OpError says what is wrong with one operation of a history.
type OpError struct {
	Index int // into the history
	Msg   string
}

func (e *OpError) Error() string { return fmt.Sprintf("operation %d: %s", e.Index, e.Msg) }
