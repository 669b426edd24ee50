package sim

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/quoratedb/quorate/linearizability"
	"github.com/quoratedb/quorate/linearizability/causalhist"
)

// WriteHistory writes what clients asked and were told, in the order of their
// calls, so that linearizability.ReadJSONL gives the operations back: all that
// was judged, buckets that come and go included. What that format has no words
// for are comments: changes of the map, and answers of several values.
func WriteHistory(out io.Writer, r *Result) error {
	b := bufio.NewWriter(out)
	fmt.Fprintf(b, "# seed %d, scenario %q; docs/history-format.md\n", r.Plan.Seed, r.Plan.Scenario)
	next := 0
	changes := func(until int64) {
		for ; next < len(r.Changes) && r.Changes[next].CallNs <= until; next++ {
			c := &r.Changes[next]
			fmt.Fprintf(b, "# [%d, %s] client %d at node %d: %s\n", c.CallNs, orOpen(c.ReturnNs), c.Client, c.Op.Node, oneLine(c.String()))
		}
	}
	for i := range r.History {
		changes(r.History[i].Call)
		if err := linearizability.WriteJSONL(b, r.History[i:i+1]); err != nil {
			return err
		}
		if several := r.Siblings[i]; len(several) > 0 {
			fmt.Fprintf(b, "# that answer had %d values: %s\n", len(several), strings.Join(quoted(several), ", "))
		}
	}
	changes(forever)
	return b.Flush()
}

func orOpen(ns int64) string {
	if ns == 0 {
		return "?"
	}
	return strconv.FormatInt(ns, 10)
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", " ") }

func quoted(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strconv.Quote(s)
	}
	return out
}

// WriteEventual writes what was judged of the keys of eventual buckets, so that
// causalhist.ReadJSONL gives it back.
func WriteEventual(out io.Writer, r *Result) error {
	keys := make([]causalhist.Key, len(r.Eventual))
	for i := range r.Eventual {
		k := &r.Eventual[i]
		keys[i] = causalhist.Key{Name: k.Key.Name, Rules: k.Rules, Ops: k.Ops}
	}
	return causalhist.WriteJSONL(out, keys)
}

// Linear is the part of the history that has to be linearizable.
func (r *Result) Linear() linearizability.History {
	keys := append(r.strictKeys(), r.mapKeys...)
	var h linearizability.History
	for i := range r.History {
		if slices.ContainsFunc(keys, func(k Key) bool { return k.Name == r.History[i].Key }) {
			h = append(h, r.History[i])
		}
	}
	return h
}
