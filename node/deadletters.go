package node

import "github.com/anthdm/hollywood/actor"

// deadLetters counts what the engine's event stream says could not be
// delivered, which is nothing as long as processes stay in the registry: they do,
// until the engine is dropped. (Take this one out while it is subscribed, and
// the engine reports the loss of its own report, for ever.)
type deadLetters struct {
	node *Node
	pid  *actor.PID
}

func (n *Node) spawnDeadLetters() {
	d := &deadLetters{node: n, pid: actor.NewPID(n.engine.Address(), "deadletters")}
	n.engine.SpawnProc(d)
	n.engine.Subscribe(d.pid)
}

// Start implements actor.Processer.
func (d *deadLetters) Start() {}

// PID implements actor.Processer.
func (d *deadLetters) PID() *actor.PID { return d.pid }

// Send implements actor.Processer.
func (d *deadLetters) Send(_ *actor.PID, m any, _ *actor.PID) {
	if _, ok := m.(actor.DeadLetterEvent); ok {
		d.node.deadCount.Add(1)
	}
}

// Invoke implements actor.Processer. Only hollywood's own inbox calls it.
func (d *deadLetters) Invoke([]actor.Envelope) {}

// Shutdown implements actor.Processer.
func (d *deadLetters) Shutdown() {}
