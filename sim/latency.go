package sim

import (
	"fmt"
	"math"
)

// Latency describes how long a message takes. Times are nanoseconds.
type Latency struct {
	Kind  string `json:"kind"`            // const, uniform, exp, pareto or mixture
	MinNs int64  `json:"min_ns"`          // the least; const: always
	MaxNs int64  `json:"max_ns"`          // the most; tails are cut here
	Mean  int64  `json:"mean_ns"`         // exp, pareto: the mean above the least, about
	Slow  int64  `json:"slow_ppm"`        // mixture: how many in a million take the slow branch
	Alpha int64  `json:"alpha_milli"`     // pareto: the exponent in thousandths
	FIFO  bool   `json:"fifo"`            // a link keeps the order of its messages
	Reset int64  `json:"reset_ppm"`       // a crash is noticed by a peer at once with this probability
	Loss  int64  `json:"loss_ppm"`        // messages lost
	Dup   int64  `json:"dup_ppm"`         // messages delivered twice
	Codec bool   `json:"codec,omitempty"` // messages travel through the wire encoding
}

// latencyTable is a distribution as 256 quantiles: sampling costs one lookup
// and no floating point.
type latencyTable [256]int64

// table computes the quantiles. The error says what is wrong and what is allowed.
func (l Latency) table() (*latencyTable, error) {
	if l.MinNs < 0 || l.MaxNs < l.MinNs {
		return nil, fmt.Errorf("latency from %d to %d ns: use 0 <= min_ns <= max_ns", l.MinNs, l.MaxNs)
	}
	t := &latencyTable{}
	for i := range t {
		p := (float64(i) + 0.5) / float64(len(t))
		ns, err := l.quantile(p)
		if err != nil {
			return nil, err
		}
		t[i] = min(max(int64(ns), l.MinNs), l.MaxNs)
	}
	return t, nil
}

func (l Latency) quantile(p float64) (float64, error) {
	low, high, mean := float64(l.MinNs), float64(l.MaxNs), float64(l.Mean)
	switch l.Kind {
	case "const":
		return low, nil
	case "uniform":
		return low + p*(high-low), nil
	case "exp":
		return low - mean*math.Log(1-p), nil
	case "pareto": // Lomax: least value 0, mean scale/(alpha-1)
		alpha := max(float64(l.Alpha)/1000, 1.05)
		scale := mean * (alpha - 1)
		return low + scale*(math.Pow(1-p, -1/alpha)-1), nil
	case "mixture": // mostly close to the least, sometimes anywhere
		slow := float64(l.Slow) / 1e6
		if p < 1-slow {
			return low + mean*p, nil
		}
		return low + (p-(1-slow))/max(slow, 1e-9)*(high-low), nil
	}
	return 0, fmt.Errorf("latency %q: use const, uniform, exp, pareto or mixture", l.Kind)
}
