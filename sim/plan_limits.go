package sim

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// invalid is an error in a plan: the field, as it is written in a file, and what
// is wrong with it and allowed.
type invalid struct{ field, what string }

func (e *invalid) Error() string { return "sim: " + e.field + e.what }

func wrong(field, format string, args ...any) error {
	return &invalid{field, fmt.Sprintf(format, args...)}
}

// limit is what a number may be.
type limit struct {
	field              string
	value, least, most int64
}

func within(prefix string, limits []limit) error {
	for _, l := range limits {
		if l.value < l.least || l.value > l.most {
			return wrong(prefix+l.field, " is %d: use %d to %d", l.value, l.least, l.most)
		}
	}
	return nil
}

func (c *Config) limits() []limit {
	return []limit{
		{"map_read_ns", c.MapReadNs, 0, hour},
		{"zones", int64(c.Zones), 0, int64(c.Nodes)},
		{"between_milli", c.Between, 0, 1_000_000},
		{"think_ns", c.ThinkNs, 0, hour},
		{"liveness_ns", c.LivenessNs, 0, hour},
		{"request_timeout_ns", c.RequestTimeoutNs, millisecond, hour},
		{"resend_ns", c.ResendNs, millisecond / 1000, hour}, // shorter than a round, too
		{"backoff_ns", c.BackoffNs, millisecond, hour},
		{"level_ns", c.LevelNs, millisecond, hour},
		{"max_pending", int64(c.MaxPending), 1, 1_000_000},
		{"heartbeat_ns", c.HeartbeatNs, millisecond, hour},
		{"suspect_ns", c.SuspectNs, millisecond, hour},
		{"client_timeout_ns", c.ClientTimeoutNs, millisecond, hour},
		{"safety_ns", c.SafetyNs, 0, hour},
		{"service_ns", c.ServiceNs, 1, second},
		{"gather_ns", c.GatherNs, 0, second},
		{"batch_limit", int64(c.BatchLimit), 1, 10_000},
		{"max_clock_ms", c.MaxClockMs, 0, 1000 * hour / millisecond},
		{"hint_ttl_ms", c.HintTTLMs, 0, 1000 * hour / millisecond},
		{"hint_bytes", c.HintBytes, 0, 1 << 40},
		{"skew_ms", c.SkewMs, 0, 1000 * hour / millisecond},
		{"drift_ppm", c.DriftPPM, 0, 500},
		{"disk.interval_ns", c.Disk.IntervalNs, 0, hour},
		{"disk.write_ns", c.Disk.WriteNs, 0, hour},
		{"disk.sync_ns", c.Disk.SyncNs, 0, hour},
		{"disk.segment_bytes", c.Disk.SegmentBytes, 4096, 1 << 30},
		{"disk.preallocate_bytes", c.Disk.Preallocate, -1, 1 << 30},
		{"disk.checkpoint_ns", c.Disk.CheckpointNs, 0, hour},
		{"disk.chunk", int64(c.Disk.Chunk), 1, 10_000},
	}
}

func (f *Fault) limits() []limit {
	list := []limit{{"at", f.AtNs, 0, hour}, {"for", f.ForNs, 0, hour}}
	switch f.Kind {
	case FaultClock:
		list = append(list, limit{"value", f.Value, -1000 * hour / millisecond, 1000 * hour / millisecond})
	case FaultLoss, FaultDup:
		list = append(list, limit{"value", f.Value, 0, whole})
	default:
		list = append(list, limit{"value", f.Value, 0, hour})
	}
	if f.On != nil {
		list = append(list, limit{"on.nth", int64(f.On.Nth), 0, 1 << 40}, limit{"on.delay", f.On.DelayNs, 0, hour})
	}
	return list
}

// located puts line and column before an error about a field. A field that is
// left out is looked for where it would be.
func located(err error, tree *ast.File) error {
	var at *invalid
	if !errors.As(err, &at) {
		return err
	}
	for field := at.field; field != ""; field = field[:max(strings.LastIndexAny(field, ".["), 0)] {
		path, err := yaml.PathString("$." + field)
		if err != nil {
			continue
		}
		if n, err := path.FilterFile(tree); err == nil && n != nil && n.GetToken() != nil {
			if values, ok := mapping(n); ok && len(values) > 0 {
				n = values[0].Key // the token of a mapping is a colon
			}
			p := n.GetToken().Position
			return fmt.Errorf("%d:%d: %s%s", p.Line, p.Column, at.field, at.what)
		}
	}
	return fmt.Errorf("1:1: %s%s", at.field, at.what)
}
