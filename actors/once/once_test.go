package once

import (
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"pgregory.net/rapid"
)

// slowTail is what Tail does, as one would write it down first.
type slowTail struct {
	seen map[uint64]bool
	top  uint64
	inc  kv.Incarnation
}

func (t *slowTail) first(inc kv.Incarnation, seq uint64) bool {
	if inc < t.inc {
		return false
	}
	if inc > t.inc {
		*t = slowTail{seen: map[uint64]bool{}, inc: inc}
	}
	if t.seen[seq] || t.top >= window && seq <= t.top-window {
		return false
	}
	t.seen[seq], t.top = true, max(t.top, seq)
	return true
}

func TestTailAgainstSlowTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var fast Tail
		slow := slowTail{seen: map[uint64]bool{}}
		inc, top := kv.Incarnation(1), uint64(0)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			var seq uint64
			switch rapid.IntRange(0, 6).Draw(t, "how") {
			case 0: // the next one
				seq = top + 1
			case 1: // one that overtook others
				seq = top + rapid.Uint64Range(1, 130).Draw(t, "ahead")
			case 2: // a late or repeated one
				seq = top - min(top, rapid.Uint64Range(0, 70).Draw(t, "behind"))
			case 3: // at the edge of the window
				seq = top - min(top, rapid.Uint64Range(window-2, window+2).Draw(t, "edge"))
			case 4: // a jump of about the window
				seq = top + rapid.Uint64Range(window-2, window+2).Draw(t, "jump")
			case 5:
				seq = rapid.Uint64Range(1, 3*window).Draw(t, "any")
			case 6:
				inc = kv.Incarnation(rapid.IntRange(1, 4).Draw(t, "inc"))
				seq = rapid.Uint64Range(1, 10).Draw(t, "seq")
			}
			if got, want := fast.First(inc, seq), slow.first(inc, seq); got != want {
				t.Fatalf("First(%d, %d) = %v, want %v (top %d)", inc, seq, got, want, slow.top)
			}
			top = slow.top
		}
	})
}
