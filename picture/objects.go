package picture

import (
	"fmt"
	"strings"

	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/sim"
)

// objectText is a key with what a replica is to hold for it.
func objectText(key string, o *causal.Object) string { return key + " = " + contentText(o) }

// contentText says what an object holds: the values that a reader may see, or the sum of a counter.
func contentText(o *causal.Object) string {
	var values []string
	for i := range o.Set.Siblings {
		v := &o.Set.Siblings[i].Value
		values = append(values, valueText(v.Kind, v.Data))
	}
	switch o.Register.Kind {
	case kv.Value:
		values = append(values, brief(o.Register.Data)+" @ "+stampText(o.Register.Stamp))
	case kv.Tombstone:
		values = append(values, "deleted @ "+stampText(o.Register.Stamp))
	}
	if len(o.Count) > 0 {
		sum, _ := o.Count.Value()
		values = append(values, fmt.Sprint(sum))
	}
	if len(values) == 0 {
		return "absent"
	}
	return strings.Join(values, " | ")
}

func valueText(kind kv.Kind, data []byte) string {
	if kind == kv.Tombstone {
		return "deleted"
	}
	return brief(data)
}

// stampText is a stamp, with a time as the milliseconds since the run began. The
// tags of abd buckets are no times.
func stampText(s causal.Stamp) string {
	if s.Ms > sim.EpochMs/2 {
		s.Ms -= sim.EpochMs
	}
	return s.String()
}
