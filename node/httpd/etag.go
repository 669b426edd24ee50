package httpd

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/quoratedb/quorate/actors/kv"
)

// revText is a version as clients see it: e1.r3.n2.i7-42 is the 42nd write of a
// partition under the ballot of epoch 1, round 3, node 2, incarnation 7. To
// clients it is opaque.
func revText(v kv.Version) string {
	b := v.Ballot
	return fmt.Sprintf("e%d.r%d.n%d.i%d-%d", b.Epoch, b.Round, b.Node, b.Inc, v.Seq)
}

func etag(v kv.Version) string { return `"` + revText(v) + `"` }

// parseRev is the inverse of revText. It takes that one spelling only.
func parseRev(s string) (kv.Version, bool) {
	var v kv.Version
	rest := s
	number := func(prefix string, bits int) uint64 {
		var digits string
		cut, found := strings.CutPrefix(rest, prefix)
		i := strings.IndexFunc(cut, func(r rune) bool { return r < '0' || r > '9' })
		if i < 0 {
			i = len(cut)
		}
		digits, rest = cut[:i], cut[i:]
		n, err := strconv.ParseUint(digits, 10, bits)
		if !found || err != nil {
			rest = "bad"
		}
		return n
	}
	v.Ballot.Epoch = kv.Epoch(number("e", 32))
	v.Ballot.Round = uint32(number(".r", 32))
	v.Ballot.Node = kv.NodeID(number(".n", 16))
	v.Ballot.Inc = kv.Incarnation(number(".i", 32))
	v.Seq = number("-", 64)
	return v, rest == "" && revText(v) == s && !v.IsZero()
}

// parseETag reads one strong, quoted entity tag.
func parseETag(s string) (kv.Version, error) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return kv.Version{}, fmt.Errorf(`%q is not * or one quoted revision such as "e1.r3.n2.i7-42"`, s)
	}
	v, ok := parseRev(s[1 : len(s)-1])
	if !ok {
		return kv.Version{}, fmt.Errorf(`%s is not a revision that this store gives out; they look like "e1.r3.n2.i7-42"`, s)
	}
	return v, nil
}

// preconditions is what If-Match and If-None-Match ask (RFC 9110, section 13.1).
type preconditions struct {
	match, noneMatch       kv.Version // zero: not asked
	matchAny, noneMatchAny bool       // *
}

func parsePreconditions(h http.Header) (p preconditions, err error) {
	if p.match, p.matchAny, err = onePrecondition(h, "If-Match"); err != nil {
		return p, err
	}
	if p.noneMatch, p.noneMatchAny, err = onePrecondition(h, "If-None-Match"); err != nil {
		return p, err
	}
	return p, nil
}

func onePrecondition(h http.Header, name string) (v kv.Version, any bool, err error) {
	values := h.Values(name)
	switch {
	case len(values) == 0:
		return v, false, nil
	case len(values) > 1:
		return v, false, fmt.Errorf("%s is there %d times, once is allowed", name, len(values))
	case strings.TrimSpace(values[0]) == "*":
		return v, true, nil
	}
	v, err = parseETag(strings.TrimSpace(values[0]))
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return v, false, err
}

// apply puts the preconditions of a write onto op.
func (p preconditions) apply(op *kv.Op) error {
	asked := 0
	for _, set := range []bool{!p.match.IsZero(), p.matchAny, !p.noneMatch.IsZero(), p.noneMatchAny} {
		if set {
			asked++
		}
	}
	switch {
	case asked > 1:
		return fmt.Errorf("If-Match and If-None-Match together are not supported, send one")
	case !p.noneMatch.IsZero():
		return fmt.Errorf("If-None-Match with a revision is not supported for writes, allowed is * (create only)")
	case p.noneMatchAny:
		op.Cond = kv.IfAbsent
	case p.matchAny:
		op.Cond = kv.IfExists
	case !p.match.IsZero():
		op.Cond, op.Rev = kv.IfRev, p.match
	}
	return nil
}
