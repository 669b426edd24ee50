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

func zoned(t time.Time) time.Time { return t.Local() } // want `time.Time.Local: the zone differs`

func zonedLater() func(time.Time) time.Time { return time.Time.Local } // want `time.Time.Local: `

func parsed(s string) (time.Time, error) { return time.Parse(time.RFC3339, s) } // want `time.Parse: the zone differs`

func parsedIn(s string) (time.Time, error) { return time.ParseInLocation(time.RFC3339, s, time.UTC) }

func later(t time.Time) bool { return t.Add(patience).After(t) }
