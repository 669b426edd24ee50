package matrix

// introduction takes the first and the last seed, the build and the name of the CSV.
const introduction = `Every cell is the same workload on the same simulated machines: 8 clients read and write two keys through any of five nodes, in
bursts; the median message takes about a millisecond, one in ten up to twenty. Only the setting and the faults differ. Seeds %d to %d each;
build ` + "`%s`" + `. The actors are those of the real nodes; see [simulation.md](simulation.md).

How to read it: ` + "`3.1%% (2.0–4.9)`" + ` is a proportion with its 95%% confidence interval (Wilson's score interval), ` + "`0`" + ` means that it was not seen
(with 500 seeds: below 0.8%% of the seeds; of reads and writes below 0.03%%), ` + "`·`" + ` that it does not apply, an empty cell was not run. Reads of a run are not
independent of each other: for tests of your own take the column ` + "`seeds_showing_it`" + ` of [%[4]s](%[4]s), which has all numbers. Reads are those called before
the faults end; a read that shows several values at once (siblings) counts as not linearizable, as no register does that.

`

const reproduction = `## Reproduce it

All of it (a run that is broken off goes on where it stopped), or one cell:

    quorate lab matrix
    quorate lab matrix --cells lww-n3-r2w2/partitions
    quorate lab matrix --list                            # every cell with the command that runs its seeds

A counterexample convicts itself: ` + "`quorate sim --scenario matrix`" + ` with the ` + "`--set`" + ` of the setting and of the faults, the anomaly and the seed
(the CSV has the whole line), plus ` + "`--html FILE`" + ` for the picture, ` + "`--shrink`" + ` for fewer operations, or ` + "`--out DIR`" + ` for everything:

    quorate sim --scenario matrix --set buckets.r=2 --set buckets.w=2 --set oracles.anomalies=not-linearizable --seeds 1..500

`

// notes explain what a reader may not expect.
const notes = `## Why it looks like this

- *Last writer wins is not linearizable with perfect clocks either.* Stamps have a resolution of 1 ms, so of two writes within a
  millisecond through different nodes the later one may lose (W=1 is fast enough for that). And a node that restarts goes on above its
  durable mark, up to 500 ms ahead of its clock: what others write meanwhile without having seen its stamps loses against it
  (columns crashes, power, all; hardly with N=5, where all five nodes are replicas and so hear of every stamp). A write that carries the context of a read is never ordered before what it saw, whatever the clocks say.
- *Few writes are lost in the end, as they are soon overwritten*: "lost" counts what nothing can have replaced. What a power failure takes shows
  as stale reads more often than as lost writes.
- *R=3, W=1 loses most updates when nodes are down*: its reads need all replicas, so clients go on with what they read long before.
- *Siblings are never a register*: one of the two keys is written blindly, which under this policy leaves both values. Their columns of
  stale reads, lost updates and lost writes are what they are for.
- *Increments return what their coordinator knows*, and are judged as if they returned nothing; reads of counters are judged in full.
- *The same seed is the same workload and the same faults in every row with as many nodes*, so rows can be compared seed by seed.

`
