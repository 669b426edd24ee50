package causal

import (
	"cmp"
	"fmt"

	"github.com/quoratedb/quorate/actors/kv"
)

// MaxMs is the largest time that a Stamp or an expiry can hold: the year 10889.
const MaxMs = 1<<48 - 1

// Stamp is the time of a write on a hybrid logical clock. The zero Stamp is
// below every other.
//
//  1. Stamps order by Ms, Logical, Node.
//  2. If one write could have been influenced by another, its stamp is higher.
type Stamp struct {
	Ms      int64 // Unix milliseconds, 0 to MaxMs
	Logical uint32
	Node    kv.NodeID
}

// Compare returns -1, 0 or +1.
func (s Stamp) Compare(o Stamp) int {
	if s.Ms != o.Ms {
		return cmp.Compare(s.Ms, o.Ms)
	}
	if s.Logical != o.Logical {
		return cmp.Compare(s.Logical, o.Logical)
	}
	return cmp.Compare(s.Node, o.Node)
}

// Less reports whether s is below o.
func (s Stamp) Less(o Stamp) bool { return s.Compare(o) < 0 }

// IsZero reports whether nothing was stamped.
func (s Stamp) IsZero() bool { return s == Stamp{} }

func (s Stamp) String() string { return fmt.Sprintf("%d.%d@n%d", s.Ms, s.Logical, s.Node) }
