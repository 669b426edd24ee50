package sim

import (
	"slices"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// cover counts the rare states that show in a message as it leaves.
func (o *oracle) cover(n *node, env *actors.Envelope) {
	c := &o.w.cover
	switch m := env.Message.(type) {
	case *msg.Prepare:
		c.hit(Prepared)
	case *msg.Promises:
		o.coverPromises(env, m)
	case *msg.Touch:
		c.hit(Touched)
	case *msg.Touched:
		o.coverTouched(env, m)
	case *msg.Accepted:
		for i := range m.Refused {
			c.hit(map[msg.Reason]Mark{msg.ByPromise: AcceptRefused, msg.ByFloor: FloorRefused}[m.Refused[i].Reason])
		}
	case *msg.Confirm:
		if len(m.Checks) > 0 {
			c.hit(ConfirmChecked)
		}
	case *msg.Confirmed:
		if len(m.Refused) > 0 {
			c.hit(ConfirmRefused)
		}
	case *msg.ReadVersions:
		c.hit(MajorityRead)
	case *msg.Collect:
		c.hit(Collected)
	case *msg.HandOver:
		c.hit(HandedOver)
	case *msg.Digest:
		c.hit(Digested)
	case *msg.ListKeys:
		c.hit(Listed)
	case *msg.Forward:
		c.hit(Forwarded)
	case *msg.Forwarded:
		o.coverForwarded(m)
	}
}

func (o *oracle) coverPromises(env *actors.Envelope, m *msg.Promises) {
	req := o.requests[o.replyTo(env, m.ID)].prepare
	for i := range m.Items {
		if !m.Items[i].OK {
			o.w.cover.hit(PromiseRefused)
			continue
		}
		if req == nil || i >= len(req.Items) {
			continue
		}
		p := req.Items[i].Partition
		list := o.owners[p]
		if k := len(list); k > 0 && list[k-1] == env.To.Node {
			continue
		}
		list = append(list, env.To.Node)
		o.owners[p] = list
		if k := len(list); k > 1 {
			o.w.cover.hit(Takeover)
			if k > 3 && list[k-1] == list[k-3] && list[k-2] == list[k-4] {
				o.w.cover.hit(Duel)
			}
		}
	}
}

func (o *oracle) coverTouched(env *actors.Envelope, m *msg.Touched) {
	for i := range m.Items {
		if m.Items[i].Refused {
			o.w.cover.hit(TouchRefused)
			continue
		}
		k := o.replyTo(env, m.ID<<8|uint64(i&255))
		v := m.Items[i].Register.Version
		if old, ok := o.replies[k]; ok && old != v {
			o.w.cover.hit(TouchDisagreed)
		}
		o.replies[k] = v
	}
}

func (o *oracle) coverForwarded(m *msg.Forwarded) {
	if m.Refused {
		o.w.cover.hit(ForwardRefused)
	}
	for i := range m.Results {
		if m.Results[i].Status == kv.NotOwner {
			o.w.cover.hit(ForwardNotOwner)
			return
		}
	}
}

// handled looks at a message as it is handled.
func (o *oracle) handled(n *node, env *actors.Envelope) {
	if m, ok := env.Message.(*msg.Forward); ok {
		k := forwardKey{requestKey{id: m.ID, inc: m.SrcInc, node: env.From.Node, lane: uint8(env.From.Index)}, n.id}
		o.forwards[k]++
		if o.forwards[k] == 2 {
			o.w.cover.hit(ForwardTwice)
		}
	}
}

// replaced reports whether a node had a partition promised to it that was then
// promised to another one.
func (o *oracle) replaced(id kv.NodeID) bool {
	for p := range o.w.cfg.Partitions {
		list := o.owners[kv.Partition(p)]
		if k := len(list); k > 1 && list[k-1] != id && slices.Contains(list, id) {
			return true
		}
	}
	return false
}
