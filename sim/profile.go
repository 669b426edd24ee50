package sim

// profile is the ranges that a scenario's seeds draw from; knobs.go says what
// each means and how a file calls it. Times are nanoseconds, shares parts per
// million, factors thousandths.
type profile struct {
	about string

	// Topology.
	clusters   []weighted // "5x3": five nodes, three replicas
	partitions []int
	lanes      span64
	zones      span64

	// Workload.
	clients, keys    span64
	counters         span64 // share of the keys
	ops              span64
	opsPerKey        span64
	mix              []weighted // of operations on registers
	readFirst        span64     // share of the keys
	swarmMix         bool       // each seed has a mix of its own
	keysDrawn        []weighted
	zipf             span64 // factor: the exponent
	hotShare         span64
	pipelined        span64 // share of operations that join the message of the one before
	pipelineMost     span64
	bursts           span64
	thinkNs          span64
	routing          []weighted
	routed           span64 // share of operations that keep to it
	clientTimeoutFor span64 // factor of the request timeout

	buckets    bucketProfile
	clusterMap mapProfile

	// Network.
	latency      []weighted
	leastNs      span64
	meanNs       span64
	tail         span64 // the most, in means above the least
	slowBranch   span64 // share, of a mixture
	pareto       span64 // factor: the exponent
	betweenZones span64 // factor of the latency within a zone
	ordered      span64 // share of the seeds
	reset        span64
	loss, dup    span64
	codec        span64 // share of the seeds

	// Disk.
	sync          []weighted
	intervalNs    span64
	writeNs       span64
	syncNs        span64
	segment       span64
	preallocate   []int
	compression   []weighted
	checkpointing span64 // share of the seeds
	checkpointNs  span64
	chunk         span64

	// The protocol's own settings.
	requestTimeoutNs span64
	resendEarly      span64 // share of the seeds whose resends overtake the answers
	resendEarlyFor   span64 // factor of a round
	resendFor        span64 // factor of a round, of the other seeds
	backoffNs        span64
	levelNs          span64
	maxPending       span64
	keepTouching     span64 // share of the seeds
	heartbeatNs      span64
	suspectFor       span64 // periods of the detector

	// The machines.
	serviceNs  span64
	batchLimit span64
	gatherNs   span64
	skewMs     span64
	driftMilli span64

	// Faults.
	faults      span64
	kinds       []weighted
	swarmKinds  bool   // each seed leaves out about half of them
	triggered   span64 // share that waits for a protocol step
	triggers    []weighted
	atOwner     span64 // share that strikes the default owner of some key
	faultNs     span64
	beyondSync  span64 // share of the seeds with a lazy sync policy that lose power all the same
	strength    strengths
	scripts     span64
	scriptKinds []weighted

	safetyNs   span64
	livenessNs span64
	core, away span64 // shares
	awayHow    []weighted
	oracles    oracles
}

// strengths is how hard faults strike, by kind.
type strengths struct {
	loss, dup             span64 // share
	slowNs, slowDiskNs    span64
	slowNode              span64 // factor
	flapNs                span64
	syncErrors            span64
	rotBits, coldBits     span64
	misdirected           span64
	jumpMs                span64
	rate                  span64 // factor
	swizzleNs             span64
	rollingNs, rollingGap span64
	majority              span64 // share of the blackouts
}

// oracles says which checks may convict.
type oracles struct {
	linearizability, sessions, lostWrites, invariants, liveness, convergence bool
	strict                                                                   bool   // forgive nothing
	anomalies                                                                string // which convict
}

// weighted is a choice and how often it is made, relative to the others.
type weighted struct {
	name   string
	weight int
}

// span64 is a range, both ends included.
type span64 struct{ lo, hi int64 }

// off names the checks that may not convict.
func (o *oracles) off() []string {
	var names []string
	for _, c := range []struct {
		on   bool
		name string
	}{
		{o.linearizability, Linearizability}, {o.sessions, Session}, {o.lostWrites, LostWrite}, {o.invariants, Invariant},
		{o.liveness, Liveness}, {o.convergence, Convergence},
	} {
		if !c.on {
			names = append(names, c.name)
		}
	}
	return names
}
