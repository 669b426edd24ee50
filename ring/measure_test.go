package ring

import (
	"fmt"
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
)

func TestMeasure(t *testing.T) {
	for k := 3; k <= 20; k++ {
		a, b := mk(k), mk(k+1)
		rep, own := map[kv.NodeID]int{}, map[kv.NodeID]int{}
		mr, mo := 0, 0
		between := 0
		for p := range a.Partitions() {
			pa, pb := a.Preference(kv.Partition(p)), b.Preference(kv.Partition(p))
			for _, n := range pb {
				rep[n]++
				if a.IndexOf(kv.Partition(p), n) < 0 {
					mr++
					if int(n) != k+1 {
						between++
					}
				}
			}
			own[pb[0]]++
			if pa[0] != pb[0] {
				mo++
			}
		}
		mxr, mxo := 0, 0
		for n := range rep {
			mxr = max(mxr, rep[n])
			mxo = max(mxo, own[n])
		}
		P, N := float64(a.Partitions()), 3.0
		fmt.Printf("k=%d->%d replicas max/mean %.3f owners %.3f  moved %.2f x ideal (between old %d)  owner moves %.2f x ideal\n", k, k+1,
			float64(mxr)/(P*N/float64(k+1)), float64(mxo)/(P/float64(k+1)), float64(mr)/(P*N/float64(k+1)), between, float64(mo)/(P/float64(k+1)))
	}
}

func mk(k int) *Ring {
	var c Config
	c.N = 3
	for i := range k {
		c.Nodes = append(c.Nodes, Node{ID: kv.NodeID(i + 1), Weight: 1})
	}
	r, err := New(c)
	if err != nil {
		panic(err)
	}
	return r
}
