package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

var sizeUnits = []struct {
	name  string
	bytes float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
}

// ParseSize reads "64MiB", "1.5GB", "512B" or "4096", in bytes.
func ParseSize(s string) (int64, error) {
	digits := strings.TrimRight(s, "KMGTkiB ")
	unit := strings.TrimSpace(s[len(digits):])
	n, err := strconv.ParseFloat(digits, 64)
	for _, u := range sizeUnits {
		if u.name != unit || err != nil {
			continue
		}
		b := n * u.bytes
		if b < 0 || b > math.MaxInt64/2 || b != math.Trunc(b) {
			break
		}
		return int64(b), nil
	}
	return 0, fmt.Errorf("%q is not a size such as 4096, 512KiB, 64MiB or 1GB", s)
}

// ParseDuration reads Go's durations: "500ms", "2s", "1m30s".
func ParseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration such as 500ms, 2s or 1m30s", s)
	}
	return d, nil
}

// size and duration read values that validate has seen.
func size(s string) int64 {
	if s == "" {
		return 0
	}
	n, err := ParseSize(s)
	if err != nil {
		panic("config: not validated: " + err.Error())
	}
	return n
}

func duration(s string) time.Duration {
	if s == "" {
		return 0
	}
	d, err := ParseDuration(s)
	if err != nil {
		panic("config: not validated: " + err.Error())
	}
	return d
}
