package shard

import "bytes"

// A partition has few keys in hand at a time, unless the load is on it alone:
// then a walk over them is faster than a map that gains and loses a key with
// every write.

// fewKeys is how many are walked.
const fewKeys = 8

// key finds a key that has operations waiting or a round under way, nil if it has not.
func (p *partition) key(raw []byte) *key {
	if p.byName != nil {
		return p.byName[string(raw)]
	}
	for _, k := range p.order {
		if bytes.Equal(k.raw, raw) {
			return k
		}
	}
	return nil
}

// enter takes in a key that is not there.
func (p *partition) enter(k *key) {
	k.orderAt = len(p.order)
	p.order = append(p.order, k)
	switch {
	case p.byName != nil:
		p.byName[string(k.raw)] = k
	case len(p.order) > fewKeys:
		p.byName = map[string]*key{}
		for _, k := range p.order {
			p.byName[string(k.raw)] = k
		}
	}
}

// leave takes a key out.
func (p *partition) leave(k *key) {
	last := len(p.order) - 1
	p.order[k.orderAt] = p.order[last]
	p.order[k.orderAt].orderAt = k.orderAt
	p.order[last] = nil
	p.order = p.order[:last]
	switch {
	case p.byName == nil:
	case last == 0:
		p.byName = nil
	default:
		delete(p.byName, string(k.raw))
	}
}
