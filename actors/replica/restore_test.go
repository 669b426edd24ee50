package replica

import (
	"bytes"
	"testing"

	"github.com/quoratedb/quorate/actors"
	"pgregory.net/rapid"
)

func restored(t *rapid.T, buffers ...[]byte) *Replica {
	r := newReplica(2)
	for _, b := range buffers {
		scratch := bytes.Clone(b) // a payload is valid only during the call
		for rest := scratch; len(rest) > 0; {
			var payload []byte
			payload, rest = actors.NextRecord(rest)
			if err := r.Restore(payload); err != nil {
				t.Fatal(err)
			}
			clear(payload)
		}
	}
	return r
}

// TestReplay: the records of any number of batches rebuild the state that
// stood at the end of the last of them.
func TestReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDriver()
		cut := rapid.IntRange(0, 60).Draw(t, "cut")
		for i := range 60 {
			if i == cut {
				break
			}
			if diff := d.step(t); diff != "" {
				t.Fatal(diff)
			}
		}
		if diff := d.w.same(restored(t, d.c.Records)); diff != "" {
			t.Fatal(diff)
		}
		if diff := d.w.same(restored(t, d.c.Records, d.c.Records)); diff != "" {
			t.Fatalf("replayed twice: %s", diff)
		}
	})
}

// TestFuzzyCheckpoint: requests go on between the pieces of a checkpoint; the
// checkpoint and the records since its begin rebuild the live state, after any
// number of restarts and further checkpoints.
func TestFuzzyCheckpoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDriver()
		steps := func(most int) {
			for range rapid.IntRange(0, most).Draw(t, "steps") {
				if diff := d.step(t); diff != "" {
					t.Fatal(diff)
				}
			}
		}
		steps(40)
		for range rapid.IntRange(1, 2).Draw(t, "checkpoints") {
			begin := len(d.c.Records)
			var ckpt actors.Context
			var cursor *actors.Cursor
			for pieces := 0; ; pieces++ {
				cursor = d.r.Checkpoint(&ckpt, cursor, rapid.IntRange(1, 4).Draw(t, "limit"))
				if cursor == nil {
					break
				}
				if pieces > 1000 {
					t.Fatal("the checkpoint does not end")
				}
				steps(4)
			}
			if len(ckpt.Envelopes) > 0 || len(ckpt.Timers) > 0 {
				t.Fatal("a checkpoint has effects")
			}
			if diff := d.w.same(restored(t, ckpt.Records, d.c.Records[begin:])); diff != "" {
				t.Fatalf("at the end of the checkpoint: %s", diff)
			}
			steps(10)
			since := bytes.Clone(d.c.Records[begin:])
			r := restored(t, ckpt.Records, since)
			if diff := d.w.same(r); diff != "" {
				t.Fatal(diff)
			}
			d.r, d.c.Records = r, append(bytes.Clone(ckpt.Records), since...) // go on after a restart
		}
	})
}
