package clocks

import (
	"time"
	clock "time"
)

const patience = 3 * time.Second

func now() time.Time { return time.Now() } // want `time.Now: the host gives the time`

func renamed() clock.Time { return clock.Now() } // want `time.Now: `

func asValue() any { return time.AfterFunc } // want `time.AfterFunc: `

func zone(ns int64) string { return time.Unix(0, ns).String() } // want `time.Unix: the zone differs`

func here() *time.Location { return time.Local } // want `time.Local: the zone differs`

func later(t time.Time) bool { return t.Add(patience).After(t) }
