package matrix

// Fault is a column of the table: a class of faults.
type Fault struct {
	Name  string
	About string
	Set   []string // settings of the scenario
	// Telling: settings that are marked brief are run under it too.
	Telling bool
}

// Faults lists the columns.
func Faults() []Fault {
	return []Fault{
		{"none", "latencies and concurrency alone", nil, true},
		{"lossy", "messages are lost (1% always, up to half for a while), doubled, and late by up to 50 ms", []string{
			"network.loss=1%", "faults.number=2..4", "faults.kinds={loss: 2, slow: 2, dup: 1}", "faults.slow=2ms..50ms",
		}, false},
		{"partitions", "nodes are cut off, wholly or in one direction, links fail or flap", []string{
			"faults.number=2..4", "faults.kinds={cut: 3, split: 3, mute: 1, deaf: 1, flap: 1}",
		}, true},
		{"crashes", "processes are killed and machines lose power, alone and all at once; disks keep what they acknowledged (`sync: always`)", []string{
			"faults.number=2..4", "faults.kinds={kill: 1, power: 1}", "scripts.number=0..1", "scripts.kinds=blackout",
		}, true},
		{"power", "the same, and with the power goes up to 50 ms of what was acknowledged (`sync: interval`)", []string{
			"disk.sync=interval", "faults.beyond-sync=100%", "faults.number=2..4", "faults.kinds={kill: 1, power: 1}", "scripts.number=0..1", "scripts.kinds=blackout",
		}, true},
		{"clocks", "wall clocks differ by up to 400 ms and jump", []string{
			"host.skew=100ms", "buckets.clocks=200ms", "faults.number=2..4", "faults.kinds={clock-jump: 1}", "faults.clock-jump=-150ms..150ms",
		}, false},
		{"away", "a node is down, cut off or stopped for most of the run and then returns", []string{
			"faults.number=1", "faults.kinds={kill: 1, cut: 1, pause: 1}", "faults.length=250ms", "phases.safety=400ms", "workload.operations=60..120",
		}, false},
		{"all", "all of these but the lazy sync policy, and slow machines", []string{
			"network.loss=1%", "host.skew=100ms", "buckets.clocks=200ms", "faults.number=3..6", "faults.clock-jump=-150ms..150ms", "faults.slow=2ms..50ms",
			"faults.kinds={kill: 3, power: 3, pause: 3, cut: 3, split: 3, mute: 1, deaf: 1, flap: 1, loss: 1, dup: 1, slow: 2, slow-node: 1, slow-disk: 1, clock-jump: 3}",
		}, true},
	}
}
