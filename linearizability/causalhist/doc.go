// Package causalhist judges what clients of an eventually consistent store saw:
// whether concurrent values were kept, acknowledged writes survived, counters
// count, clocks respect causality, and sessions hold. It knows nothing of
// Quorate but its vocabulary.
//
// The reading order: history.go (what is judged), past.go (what a write had
// seen), judge.go (the checks, by policy), sessions.go (what a read must
// know), counts.go (the same checks as anomaly rates).
//
// What a store may do is defined by its policy. Under siblings a value goes only
// when a write whose writer had seen it takes its place (Almeida et al.,
// "Scalable and Accurate Causality Tracking for Eventually Consistent Stores",
// DAIS 2014, section 2). Under lww the highest stamp wins, and a write that
// follows causally from another has the higher stamp (Kulkarni et al., "Logical
// Physical Clocks", OPODIS 2014, theorem 1). Counters are the sums of the
// increments (Shapiro et al., INRIA RR-7506, 2011, section 3.1).
package causalhist
