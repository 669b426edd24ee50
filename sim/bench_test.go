package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkRun measures the simulator: events and virtual time per second of
// processor time, and allocations per event, checks included. An op is a seed.
func BenchmarkRun(b *testing.B) {
	for _, c := range []struct {
		name, scenario string
		set            []string
		opts           Options
	}{
		{"default", "default", nil, Options{}},
		{"default-end", "default", nil, Options{Invariants: AtEnd}},
		{"default-5x3", "default", []string{"topology.clusters=5x3"}, Options{}},
		{"idle-5x3", "idle", []string{"topology.clusters=5x3", "workload.operations=2", "phases.safety=20s"}, Options{}},
		{"idle-5x3-end", "idle", []string{"topology.clusters=5x3", "workload.operations=2", "phases.safety=20s"}, Options{Invariants: AtEnd}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := scenario(b, c.scenario)
			for _, set := range c.set {
				require.NoError(b, s.Set(set))
			}
			events, virtual, seed := uint64(0), int64(0), uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				seed++
				r := mustRun(b, Draw(seed, s), c.opts)
				events += r.Events
				virtual += r.VirtualNs
			}
			b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(virtual)/1e9/b.Elapsed().Seconds(), "virtual-s/s")
			b.ReportMetric(float64(events)/float64(b.N), "events/op")
		})
	}
}
