package reasons

import "time"

// determinism: only for the log of the host
func host() time.Time { return time.Now() }

func used() time.Time {
	return time.Now() // determinism: only for the log of the host
}

// order: not here // want `this comment on order explains nothing`
func sum(s []int) (n int) {
	for _, v := range s {
		n += v
	}
	return n
}

func wrong() time.Time {
	// order: of the wrong kind // want `this comment on order explains nothing`
	return time.Now() // want `time.Now: `
}

// immutable: it is no variable // want `this comment on immutable explains nothing`
const one = 1
