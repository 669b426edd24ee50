package purity

import "time"

func inTests() time.Time { return time.Now() }
