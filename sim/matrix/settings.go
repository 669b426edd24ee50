package matrix

import "fmt"

// Setting is a row of the table: how a bucket is set.
type Setting struct {
	Name  string // lww-n3-r2w2
	Group string // of rows that are shown together
	N     int
	R, W  string // empty: the mode has none
	Mode  string // strong, abd or eventual
	// Policy, Repair and Sloppy are of eventual buckets.
	Policy, Repair string
	Sloppy         bool
	// Brief: only the classes of faults that tell most are run.
	Brief bool
	nodes int
}

// Label is how the setting is shown.
func (s *Setting) Label() string {
	if s.Mode != "eventual" {
		return fmt.Sprintf("%s, N=%d", s.Mode, s.N)
	}
	text := fmt.Sprintf("N=%d R=%s W=%s", s.N, s.R, s.W)
	if s.Sloppy {
		text += ", sloppy"
	}
	if s.Repair != "async" {
		text += ", repair " + s.Repair
	}
	return text
}

// Flags are the settings of the scenario that make the row.
func (s *Setting) Flags() []string {
	list := []string{fmt.Sprintf("topology.clusters=%dx%d", s.nodes, s.N)}
	if s.Mode != "eventual" {
		if s.Mode == "strong" {
			return append(list, "buckets.share=0%")
		}
		return append(list, "buckets.mode="+s.Mode)
	}
	list = append(list, "buckets.policy="+s.Policy, "buckets.r="+s.R, "buckets.w="+s.W, "buckets.repair="+s.Repair)
	if s.Sloppy {
		list = append(list, "buckets.sloppy=100%")
	}
	return list
}

// The groups of rows.
const (
	baselines = "Baselines"
	lww       = "Last writer wins"
	sloppy    = "Last writer wins, sloppy quorums"
	siblings  = "Siblings (dotted version vectors)"
	counters  = "PN-counters"
)

// Settings lists the rows. Clusters have more nodes than the bucket has
// replicas, so that coordinators need not be replicas, and sloppy quorums have
// somewhere to go.
func Settings() []Setting {
	eventual := func(group, policy string, n, r, w int) Setting {
		return Setting{
			Name: fmt.Sprintf("%s-n%d-r%dw%d", policy, n, r, w), Group: group, N: n, R: fmt.Sprint(r), W: fmt.Sprint(w),
			Mode: "eventual", Policy: policy, Repair: "async", nodes: 5,
		}
	}
	repair := func(s Setting, how string) Setting {
		s.Name, s.Repair = s.Name+"-"+how, how
		return s
	}
	loose := func(s Setting) Setting {
		s.Name, s.Sloppy = s.Name+"-sloppy", true
		return s
	}
	brief := func(s Setting) Setting {
		s.Brief = true
		return s
	}
	return []Setting{
		{Name: "strong-n3", Group: baselines, N: 3, Mode: "strong", nodes: 5},
		{Name: "abd-n3", Group: baselines, N: 3, Mode: "abd", nodes: 5},
		eventual(lww, "lww", 3, 1, 1), eventual(lww, "lww", 3, 1, 2), eventual(lww, "lww", 3, 2, 1),
		eventual(lww, "lww", 3, 2, 2), eventual(lww, "lww", 3, 1, 3), eventual(lww, "lww", 3, 3, 1),
		repair(eventual(lww, "lww", 3, 2, 2), "blocking"), repair(eventual(lww, "lww", 3, 2, 2), "off"),
		brief(repair(eventual(lww, "lww", 3, 1, 1), "off")),
		brief(eventual(lww, "lww", 2, 1, 2)), brief(eventual(lww, "lww", 4, 2, 2)), brief(eventual(lww, "lww", 4, 2, 3)),
		brief(eventual(lww, "lww", 5, 3, 3)),
		loose(eventual(sloppy, "lww", 3, 1, 1)), loose(eventual(sloppy, "lww", 3, 2, 2)),
		brief(loose(repair(eventual(sloppy, "lww", 3, 2, 2), "blocking"))),
		eventual(siblings, "siblings", 3, 1, 1), eventual(siblings, "siblings", 3, 2, 2), loose(eventual(siblings, "siblings", 3, 2, 2)),
		eventual(counters, "counters", 3, 1, 1), eventual(counters, "counters", 3, 2, 2), loose(eventual(counters, "counters", 3, 2, 2)),
	}
}
