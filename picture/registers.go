package picture

import (
	"fmt"
	"strings"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/ring"
	"github.com/quoratedb/quorate/sim"
)

// registerKey is what messages know of a key.
type registerKey struct {
	partition kv.Partition
	name      string
}

// register is the number of a key of a message. Operations on buckets that come
// and go have a key for each life of the bucket, of which no message tells:
// rounds are filed under a key that all lives in a slot have in common, as what
// goes wrong there is that they meet.
func (b *builder) register(p kv.Partition, name string) int {
	if k, ok := b.registers[registerKey{p, name}]; ok {
		return k
	}
	if p == ring.SystemPartition {
		return b.key(mapName)
	}
	return b.key(name)
}

// registerCall notes the key of an operation.
func (b *builder) registerCall(i int, c *sim.Call) {
	if c.Op < 0 {
		b.key(mapName)
		return
	}
	key := b.r.History[c.Op].Key
	k := b.key(key)
	if c.Client < b.r.Plan.Config.Clients {
		return
	}
	_, name, _ := strings.Cut(key, "/")
	at := registerKey{c.Partition, name}
	if _, known := b.registers[at]; !known {
		b.registers[at] = b.key(fmt.Sprintf("%s of partition %d", name, c.Partition))
	}
	b.page.Meta.Same[k] = b.registers[at]
}

// registerOf is where the rounds of a call are filed.
func (b *builder) registerOf(call int) int { return b.page.Meta.Same[b.page.Ops.Key[call]] }
