package kv

import "fmt"

// MaxReplicas is the largest replica set of a partition.
const MaxReplicas = 7

// Level is how many replicas an operation asks for, by name.
type Level uint8

// The levels.
const (
	ByCount     Level = iota // as many as Ask.Count says
	One                      // any one
	Quorum                   // more than half
	All                      // every one
	LocalQuorum              // more than half of those in the coordinator's zone
	EachQuorum               // more than half of those in each zone
	levels                   // count, keep last
)

// Valid reports whether l names a level.
func (l Level) Valid() bool { return l < levels }

func (l Level) String() string {
	if l.Valid() {
		return [...]string{"count", "one", "quorum", "all", "local_quorum", "each_quorum"}[l]
	}
	return fmt.Sprintf("level(%d)", uint8(l))
}

// Ask is an R or a W as a bucket or a request gives it. The zero Ask means: as
// the bucket says.
type Ask struct {
	Level Level
	Count uint8 // with ByCount: 1 to MaxReplicas
}

// IsZero reports whether nothing was asked for.
func (a Ask) IsZero() bool { return a == Ask{} }

// ParseAsk reads a number or the name of a level.
func ParseAsk(s string) (Ask, error) {
	for l := One; l < levels; l++ {
		if s == l.String() {
			return Ask{Level: l}, nil
		}
	}
	if len(s) == 1 && s[0] >= '1' && s[0] <= '0'+MaxReplicas {
		return Ask{Count: s[0] - '0'}, nil
	}
	return Ask{}, fmt.Errorf("%q is no number of replicas, allowed are 1 to %d, one, quorum, all, local_quorum and each_quorum", s, MaxReplicas)
}

func (a Ask) String() string {
	if a.Level == ByCount {
		return fmt.Sprint(a.Count)
	}
	return a.Level.String()
}
