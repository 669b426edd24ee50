package linearizability

import (
	"fmt"
	"strconv"
	"strings"
)

// describeKind names what op asks, without its arguments.
func (op *Op) describeKind() string {
	switch op.Cond {
	case IfAbsent:
		return op.Kind.String() + " if absent"
	case IfExists:
		return op.Kind.String() + " if it exists"
	}
	return op.Kind.String()
}

// String says what was asked and answered: `cas "k" from "a" to "b" -> no match`.
func (op *Op) String() string { return op.request() + " -> " + op.answer() }

func (op *Op) request() string {
	key := show(op.Key)
	switch op.Kind {
	case Set, Append:
		return fmt.Sprintf("%s %s %s", op.describeKind(), key, show(op.Value))
	case CAS:
		return fmt.Sprintf("cas %s from %s to %s", key, show(op.Expected), show(op.Value))
	case Incr:
		return fmt.Sprintf("incr %s by %d", key, op.Delta)
	}
	return op.describeKind() + " " + key
}

func (op *Op) answer() string {
	if op.Outcome != OK {
		return op.Outcome.String()
	}
	var parts []string
	switch {
	case op.Kind == Incr && !op.Applied:
		parts = append(parts, "not an integer")
	case op.Kind == Incr && op.Saw == SawValue:
		parts = append(parts, strconv.FormatInt(op.Num, 10))
	case op.Kind == CAS && !op.Applied:
		parts = append(parts, "no match")
	case op.Cond != Always && !op.Applied:
		parts = append(parts, "refused")
	case op.Kind != Get:
		parts = append(parts, "ok")
	}
	if op.Kind != Incr {
		switch {
		case op.Saw != SawNothing && !op.Found:
			parts = append(parts, "absent")
		case op.Saw == SawValue:
			parts = append(parts, show(op.Out))
		case op.Saw == SawFound:
			parts = append(parts, "found")
		}
	}
	return strings.Join(parts, ", ")
}

// show quotes s and cuts what no reader wants to see.
func show(s string) string {
	const most = 64
	if len(s) > most {
		return fmt.Sprintf("%q… (%d bytes)", s[:most], len(s))
	}
	return strconv.Quote(s)
}
