package sim

// simplify makes what is left plainer, one change at a time: first what a reader
// need not think about any more, then the dice and latencies, then the times.
func (s *shrinker) simplify() {
	for _, change := range []func(*Config){
		func(c *Config) { c.Core = Core{} },
		func(c *Config) { c.Core.Away, c.Core.How = nil, "" },
		func(c *Config) { c.Network.Codec = false },
		func(c *Config) { c.Network.Loss = 0 },
		func(c *Config) { c.Network.Dup = 0 },
		func(c *Config) { c.Network.Reset = 0 },
		func(c *Config) { c.Disk.CheckpointNs = 0 },
		func(c *Config) { c.Disk.Compression = "none" },
		func(c *Config) { c.DriftPPM = 0 },
		func(c *Config) { c.SkewMs = 0 },
		func(c *Config) { c.GatherNs = 0 },
		func(c *Config) { c.ThinkNs = 0 },
		func(c *Config) { c.Lanes = 1 },
		func(c *Config) { c.Partitions, c.Lanes = 1, 1 },
		func(c *Config) { c.Zones, c.Between = 0, 0 },
		func(c *Config) { c.KeepTouching = false },
		func(c *Config) { c.MaxPending = 4096 },
		func(c *Config) { c.BatchLimit = 64 },
		func(c *Config) { c.Network.FIFO = true },
		exactly,
		func(c *Config) { c.Network = constant(c.Network.MinNs + c.Network.Mean) },
		func(c *Config) { c.Network = constant(c.Network.MinNs) },
		func(c *Config) { c.ServiceNs = 1000 },
	} {
		s.change(change)
	}
	for _, unit := range []int64{10e6, 1e6, 1e5, 1e4} {
		if s.round(unit) {
			break
		}
	}
	for i := range s.best.Faults { // as short as it can be
		for s.best.Faults[i].ForNs > 1e6 {
			p := s.copied()
			p.Faults[i].ForNs /= 2
			if !s.try(p) {
				break
			}
		}
	}
	if s.best.Config.Exact {
		p := s.copied()
		p.Seed = 1
		s.try(p)
	}
}

// calm tries what makes the rest independent of the dice: then deleting an
// operation does not change what happens to the messages of the others.
func (s *shrinker) calm() {
	s.change(func(c *Config) { c.Network.Loss, c.Network.Dup = 0, 0 })
	s.change(exactly)
	s.change(func(c *Config) { c.Disk.CheckpointNs = 0 })
	s.change(func(c *Config) { c.GatherNs, c.SkewMs, c.DriftPPM = 0, 0, 0 })
}

// exactly takes the dice out of all times.
func exactly(c *Config) { c.Exact = true }

func constant(ns int64) Latency { return Latency{Kind: "const", MinNs: ns, MaxNs: ns, FIFO: true} }

func (s *shrinker) change(change func(*Config)) {
	p := s.copied()
	change(&p.Config)
	s.try(p)
}

// round makes the times of operations and faults multiples of a unit.
func (s *shrinker) round(unit int64) bool {
	p := s.copied()
	for i := range p.Ops {
		p.Ops[i].AtNs -= p.Ops[i].AtNs % unit
	}
	for i := range p.Faults {
		p.Faults[i].AtNs -= p.Faults[i].AtNs % unit
	}
	return s.try(p)
}
