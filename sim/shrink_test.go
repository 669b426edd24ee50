package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors/kv"
)

func TestDdminFindsTheCulprits(t *testing.T) {
	for _, c := range []struct {
		n    int
		bad  []int
		want int
	}{{100, []int{17, 63}, 2}, {1, []int{0}, 1}, {50, nil, 0}, {33, []int{0, 16, 32}, 3}} {
		items := make([]int, c.n)
		for i := range items {
			items[i] = i
		}
		tests := 0
		ddmin(c.n, func(keep []int) bool {
			tests++
			left := pick(items, keep)
			for _, b := range c.bad {
				found := false
				for _, l := range left {
					found = found || l == b
				}
				if !found {
					return false
				}
			}
			items = left
			return true
		})
		require.Len(t, items, c.want)
		require.Less(t, tests, 200)
	}
}

// TestShrinkKeepsTheFailure shrinks a run that fails because the power does, under a
// policy that does not promise to survive that.
func TestShrinkKeepsTheFailure(t *testing.T) {
	plan := Draw(11, scenario(t, "default"))
	plan.Config.Disk.Sync, plan.Config.Strict = "never", true // and yet the power fails: writes get lost
	plan.Faults = append(plan.Faults, blackoutOf(plan, 60e6), blackoutOf(plan, 150e6))
	failed := mustRun(t, plan, Options{})
	require.Equal(t, VerdictViolation, failed.Verdict)

	small := Shrink(failed, Options{}, func() bool { return true })
	require.Less(t, len(small.Ops), 12)
	require.LessOrEqual(t, len(small.Faults), 2)
	again := mustRun(t, small, Options{})
	require.Equal(t, VerdictViolation, again.Verdict)
	require.Equal(t, failed.Violations[0].Check, again.Violations[0].Check)

	back, err := ReadPlan(FormatPlan(small))
	require.NoError(t, err)
	require.Equal(t, again.TraceHash, mustRun(t, back, Options{}).TraceHash, "the file replays alone")
	require.Equal(t, len(plan.Ops), len(failed.Plan.Ops), "the failed plan is left as it was")

	stopped := Shrink(failed, Options{}, func() bool { return false })
	require.Same(t, failed.Plan, stopped, "no time, nothing tried")
}

func blackoutOf(p *Plan, at int64) Fault {
	f := Fault{AtNs: at, ForNs: 5e6, Kind: FaultPower}
	for i := range p.Config.Nodes {
		f.Nodes = append(f.Nodes, kv.NodeID(i+1))
	}
	return f
}

// TestShrinkTriesOtherDice has a failure that hangs on the dice: with those of its
// own seed the smaller plan is fine, with those of a later one it fails.
func TestShrinkTriesOtherDice(t *testing.T) {
	plan := Draw(11, scenario(t, "default"))
	plan.Config.Disk.Sync, plan.Config.Strict = "never", true
	plan.Faults = append(plan.Faults, blackoutOf(plan, 60e6), blackoutOf(plan, 150e6))
	check := mustRun(t, plan, Options{}).Violations[0].Check

	fine := *plan
	fine.Config.Strict = false // what this run loses is forgiven whatever the dice
	s := shrinker{best: plan, check: check, goOn: func() bool { return true }, rerolls: 2}
	require.False(t, s.try(&fine))
	require.Same(t, plan, s.best)

	tries := 0
	s.goOn = func() bool { tries++; return true }
	require.False(t, s.try(&fine))
	require.Equal(t, 3, tries, "its own dice and two others")
	require.True(t, s.try(plan))
	require.Equal(t, plan.Seed, s.best.Seed, "its own dice come first")
}

// TestShrinkSparesWhatTellsNothing: once an invariant is broken, what comes long
// after that is not run, and a run that is cut short shows what the whole run shows.
func TestShrinkSparesWhatTellsNothing(t *testing.T) {
	s := shrinker{check: Invariant}
	s.hurry(&Result{Violations: []Violation{{Check: Liveness, AtNs: 1}, {Check: Invariant, AtNs: 400e6}}})
	require.Equal(t, Options{NoCheck: true, untilNs: 600e6}, s.opts)
	s = shrinker{check: LostWrite}
	s.hurry(&Result{Violations: []Violation{{Check: LostWrite, AtNs: 400e6}}})
	require.Zero(t, s.opts, "a history is judged as a whole")

	plan := Draw(11, scenario(t, "default"))
	whole := mustRun(t, plan, Options{Record: true})
	part := mustRun(t, plan, Options{Record: true, untilNs: 100e6})
	require.LessOrEqual(t, part.VirtualNs, int64(100e6))
	require.Less(t, len(part.Trace), len(whole.Trace))
	events := part.Trace[:len(part.Trace)-1] // the last entry is the end
	require.Equal(t, whole.Trace[:len(events)], events)
}

func TestShrinkKeepsStormsFromGrowing(t *testing.T) {
	s := shrinker{check: Liveness}
	s.hurry(&Result{Events: 1000})
	require.True(t, s.wilder(&Result{Events: 1001}))
	require.False(t, s.wilder(&Result{Events: 1000}))
	s.check = Convergence
	require.False(t, s.wilder(&Result{Events: 1001}))
}

func TestShrinkLeavesOutBucketsWhole(t *testing.T) {
	require.Equal(t, []string{"m0", "m1"}, buckets([]MapOp{{Bucket: "m0"}, {Bucket: "m1"}, {Bucket: "m0"}}))
	require.Empty(t, buckets(nil))
}
