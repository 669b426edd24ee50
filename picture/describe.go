package picture

import (
	"fmt"
	"strings"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// mostItems bounds how many items of a batch a note names.
const mostItems = 4

// describe says what a message carries, or "".
func describe(m actors.Message) string {
	switch m := m.(type) {
	case *msg.Ops:
		return items(len(m.Ops), func(i int) string { return opText(&m.Ops[i].Op) })
	case *msg.Results:
		return items(len(m.Results), func(i int) string { return resultText(&m.Results[i]) })
	case *msg.Forward:
		return items(len(m.Ops), func(i int) string { return opText(&m.Ops[i].Op) })
	case *msg.Forwarded:
		if m.Refused {
			return "refused: for another incarnation"
		}
		return items(len(m.Results), func(i int) string { return resultText(&m.Results[i]) })
	case *msg.Prepare:
		return items(len(m.Items), func(i int) string { return fmt.Sprintf("partition %d %v", m.Items[i].Partition, m.Items[i].Ballot) })
	case *msg.Promises:
		return items(len(m.Items), func(i int) string {
			if m.Items[i].OK {
				return "promised " + m.Items[i].Promised.String()
			}
			return "no, promised " + m.Items[i].Promised.String()
		})
	case *msg.Touch:
		return items(len(m.Items), func(i int) string { return fmt.Sprintf("%s under %v", m.Items[i].Key, m.Items[i].Ballot) })
	case *msg.Touched:
		return items(len(m.Items), func(i int) string {
			if m.Items[i].Refused {
				return "no, promised " + m.Items[i].Promised.String()
			}
			return registerText(&m.Items[i].Register)
		})
	case *msg.Accept:
		return items(len(m.Items), func(i int) string { return holding(string(m.Items[i].Key), &m.Items[i].Register) })
	case *msg.Accepted:
		return items(len(m.Refused), func(i int) string { return refusalText(&m.Refused[i]) })
	}
	return describeRest(m)
}

// describeRest is describe for reads, confirms and the background.
func describeRest(m actors.Message) string {
	switch m := m.(type) {
	case *msg.Confirm:
		return items(len(m.Checks), func(i int) string { return fmt.Sprintf("partition %d?", m.Checks[i].Partition) })
	case *msg.Confirmed:
		return items(len(m.Refused), func(i int) string { return refusalText(&m.Refused[i]) })
	case *msg.ReadVersions:
		return items(len(m.Keys), func(i int) string { return string(m.Keys[i].Key) })
	case *msg.Versions:
		return items(len(m.Versions), func(i int) string { return versionText(m.Versions[i]) })
	case *msg.HandOver:
		return items(len(m.Items), func(i int) string { return fmt.Sprintf("partition %d %v", m.Items[i].Partition, m.Items[i].Ballot) })
	case *msg.Collect:
		return items(len(m.Items), func(i int) string { return string(m.Items[i].Key) })
	case *msg.Digest:
		return fmt.Sprintf("partition %d", m.Partition)
	case *msg.ListKeys:
		return fmt.Sprintf("partition %d", m.Partition)
	case *msg.ListedKeys:
		return items(len(m.Keys), func(i int) string { return string(m.Keys[i].Key) })
	}
	return ""
}

func items(n int, text func(int) string) string {
	var parts []string
	for i := range min(n, mostItems) {
		parts = append(parts, text(i))
	}
	if n > mostItems {
		parts = append(parts, fmt.Sprintf("and %d more", n-mostItems))
	}
	return strings.Join(parts, ", ")
}

func opText(op *kv.Op) string {
	switch op.Kind {
	case kv.OpSet:
		return fmt.Sprintf("set %s %s", op.Key, brief(op.Value))
	case kv.OpCAS:
		return fmt.Sprintf("cas %s %s %s", op.Key, brief(op.Expected), brief(op.Value))
	case kv.OpIncr:
		return fmt.Sprintf("incr %s %d", op.Key, op.Delta)
	}
	return fmt.Sprintf("%v %s", op.Kind, op.Key)
}

func resultText(r *kv.Result) string {
	text := r.Status.String()
	if len(r.Data) > 0 {
		text += " " + brief(r.Data)
	} else if r.Int != 0 {
		text += fmt.Sprintf(" %d", r.Int)
	}
	return text
}

// holding is a key with what a replica is to hold for it.
func holding(key string, r *kv.Register) string { return key + " = " + registerText(r) }

func registerText(r *kv.Register) string {
	switch r.Kind {
	case kv.Absent:
		return "absent"
	case kv.Tombstone:
		return "deleted @ " + r.Version.String()
	}
	return brief(r.Data) + " @ " + r.Version.String()
}

func versionText(v kv.Version) string {
	if v.IsZero() {
		return "absent"
	}
	return v.String()
}

func refusalText(r *msg.Refusal) string {
	why := map[msg.Reason]string{
		msg.ByPromise: "promised " + r.Promised.String(), msg.ByFloor: "below the floor",
	}[r.Reason]
	return fmt.Sprintf("no to item %d: %s", r.Index, why)
}

// brief cuts a value to what a reader wants to see.
func brief(v []byte) string {
	const most = 24
	if len(v) > most {
		return fmt.Sprintf("%q…", v[:most])
	}
	return string(v)
}
