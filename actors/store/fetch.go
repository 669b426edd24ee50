package store

import (
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// maxFetchedBytes ends an answer early, so that it stays a message of bounded
// size: that, and one object. The rest is refused with ByFull, to be asked again.
const maxFetchedBytes = 1 << 20

// fetch answers for a batch of keys. It reveals state, so the answer is durable.
func (s *Store) fetch(c *actors.Context, m *msg.Fetch) {
	reply := &msg.Fetched{ID: m.ID, Items: make([]msg.FetchedItem, len(m.Items))}
	bytes := uint64(0)
	s.Warm(len(m.Items), func(i int) (kv.Partition, []byte) { return m.Items[i].Partition, m.Items[i].Key })
	for i := range m.Items {
		it, answer := &m.Items[i], &reply.Items[i]
		if bytes > maxFetchedBytes {
			answer.Refused = msg.ByFull
			continue
		}
		if answer.Refused = s.home(it.Partition, m.Epoch); answer.Refused != 0 {
			continue
		}
		var digest causal.Hash
		e := s.warmEntryOf(i, it.Partition, it.Key)
		if e != nil {
			digest = e.Held.digest
		}
		switch {
		case digest == it.Have:
			answer.Same = true
			s.stats.Same++
		case e != nil:
			object := e.Held.object()
			answer.Object = &object
			bytes += size(e)
			s.stats.Fetched++
		}
	}
	c.SendDurable(c.Sender, reply)
}
