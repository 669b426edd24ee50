package matrix

import (
	"fmt"
	"io"
	"strings"

	"github.com/quoratedb/quorate/sim"
)

// page is a text under way.
type page struct {
	strings.Builder
	t *Table
}

func (p *page) say(format string, args ...any) { fmt.Fprintf(p, format, args...) }

// WriteMarkdown writes the page that people read. The numbers in full are in the
// CSV, which csvName names.
func (t *Table) WriteMarkdown(w io.Writer, csvName string) error {
	p := &page{t: t}
	p.say("# What each setting shows under which faults\n\n")
	p.say("<!-- Written by `quorate lab matrix`: change sim/matrix, not this file. -->\n\n")
	p.say(introduction, t.First, t.First+uint64(t.Seeds)-1, t.Build, csvName)
	p.conclude()
	p.measure("Not linearizable", "Seeds whose history no order of the operations explains, per seed. A `0` means that every seed was linearizable.", sim.NotLinear)
	p.measure("Stale reads", "Reads that miss a write which had been acknowledged before they began, per read.", sim.StaleReads)
	p.measure("Non-monotonic reads", "Reads that know less than an earlier read of the same client, through whatever node, per read.", sim.BackwardReads)
	p.measure("Lost updates", "Of the acknowledged writes that were made of what their client had seen (they carried its context): those replaced by a write "+
		"that had not seen them, per such write. Strong and `abd` buckets have no contexts (strong ones have CAS instead), and counters need none: `·`.", sim.LostUpdates)
	p.measure("Lost acknowledged writes", "Acknowledged writes that are gone in the end although nothing that began after them can have replaced them, per acknowledged write.", sim.LostWrites)
	p.diverged()
	p.smallest()
	p.say(notes)
	p.reproduce()
	p.violated()
	_, err := io.WriteString(w, p.String())
	return err
}

// conclude prints the claims, each held against the table.
func (p *page) conclude() {
	p.say("## What it shows\n\nThe command holds the table against each of these sentences and fails if it contradicts one.\n\n")
	for _, c := range claims() {
		switch o, cells := c.against(p.t); o {
		case untested:
			p.say("- (not run) %s\n", c.text)
		case holds:
			p.say("- %s\n", c.text)
		case fails:
			p.say("- **Contradicted** %s %s\n", c.text, strings.Join(cells, ", "))
		}
	}
	p.say("\n")
}

// head begins a table with a column per class of faults.
func (p *page) head() {
	p.say("| setting |")
	for _, f := range Faults() {
		p.say(" %s |", f.Name)
	}
	p.say("\n|---|%s\n", strings.Repeat("---:|", len(Faults())))
}

// body fills a table: what show returns of each cell, "" where it was not run.
func (p *page) body(show func(*Result) string) {
	cells := map[string]*Result{}
	for i := range p.t.Cells {
		cells[p.t.Cells[i].Cell.ID()] = &p.t.Cells[i]
	}
	group := ""
	for _, s := range Settings() {
		line, any := "", false
		for _, f := range Faults() {
			text := ""
			if r := cells[(&Cell{s, f}).ID()]; r != nil {
				text, any = show(r), true
			}
			line += " " + text + " |"
		}
		if !any {
			continue
		}
		if s.Group != group {
			group = s.Group
			p.say("| **%s** |%s\n", group, strings.Repeat(" |", len(Faults())))
		}
		p.say("| %s |%s\n", s.Label(), line)
	}
	p.say("\n")
}

func (p *page) measure(title, about string, kind sim.Anomaly) {
	p.say("## %s\n\n%s\n\n", title, about)
	p.head()
	p.body(func(r *Result) string {
		for _, m := range r.Measures() {
			if m.Kind == kind {
				return proportion(m.K, m.N)
			}
		}
		return ""
	})
}

// proportion shows k of n in percent with its interval. With k 0 it shows only 0:
// the upper end is about 3.8/n, and the CSV has it.
func proportion(k, n int) string {
	switch {
	case n == 0:
		return "·"
	case k == 0:
		return "0"
	}
	lo, hi := Wilson(k, n)
	return fmt.Sprintf("%s%% (%s–%s)", percent(float64(k)/float64(n)), percent(lo), percent(hi))
}

// percent shows a share with two digits that say something.
func percent(share float64) string {
	switch v := 100 * share; {
	case v >= 9.95:
		return fmt.Sprintf("%.0f", v)
	case v >= 0.995:
		return fmt.Sprintf("%.1f", v)
	case v >= 0.0995:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.3f", v)
	}
}

func (p *page) diverged() {
	seeds, diverged := 0, 0
	for i := range p.t.Cells {
		seeds += p.t.Cells[i].Tally.Seeds
		diverged += p.t.Cells[i].Tally.Diverged
	}
	_, hi := Wilson(diverged, seeds)
	p.say("## Divergence after healing\n\nSeeds whose replicas still differed, or kept hints, when the time that anti-entropy has after the last fault was over: "+
		"%d of %d in all cells together (at most %s%%, with 95%% confidence). Whatever a setting gives up meanwhile, in the end the replicas agree.\n\n", diverged, seeds, percent(hi))
}

// smallest lists, per cell, the seed of the smallest history that is not linearizable.
func (p *page) smallest() {
	p.say("## The smallest counterexamples\n\nThe seed of the history with the fewest operations that is not linearizable, and how many operations its plan has; " +
		"those of the other anomalies are in the CSV, each with its replay line.\n\n")
	p.head()
	p.body(func(r *Result) string {
		c := r.Measures()[0].Smallest
		if c == nil {
			return "·"
		}
		return fmt.Sprintf("%d (%d)", c.Seed, c.Ops)
	})
}

func (p *page) reproduce() {
	p.say(reproduction)
	p.say("| faults | what happens | `--set` |\n|---|---|---|\n")
	for _, f := range Faults() {
		p.say("| %s | %s | %s |\n", f.Name, f.About, codes(f.Set))
	}
	p.say("\n| row | name | `--set` |\n|---|---|---|\n")
	for _, s := range Settings() {
		p.say("| %s | `%s` | %s |\n", strings.TrimSpace(s.Policy+" "+s.Label()), s.Name, codes(s.Flags()))
	}
	p.say("\n")
}

func codes(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return "`" + strings.Join(list, "` `") + "`"
}

func (p *page) violated() {
	p.say("## Violations\n\n")
	undecided, bugs := 0, p.t.violations()
	for i := range p.t.Cells {
		undecided += p.t.Cells[i].Tally.Undecided
	}
	if len(bugs) == 0 {
		p.say("None: the oracles that convict what a setting does promise were on all the time.\n")
	}
	for _, b := range bugs {
		p.say("- %s: %s: %s\n  `%s`\n", b.Cell, b.Check, b.Detail, b.Replay)
	}
	p.say("\nHistories left undecided by the search for an order: %d.\n", undecided)
}
