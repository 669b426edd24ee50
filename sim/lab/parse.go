package lab

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Allowed says in one line what ParseDistribution reads.
const Allowed = "const(MS), uniform(FROM,TO), pareto(LEAST,ALPHA), exp(RATE), mix(SHARE*DIST+SHARE*DIST+...), file:NAME"

// weightSlack is how far the shares of a mixture may be from 1 in sum: room for
// shares that were rounded when they were published.
const weightSlack = 1e-3

// ParseDistribution reads a distribution of milliseconds; see Allowed. open
// returns what a file holds: one number to a line, empty lines and those that
// begin with # are skipped. The error says what is wrong, where, and what is allowed.
func ParseDistribution(text string, open func(name string) ([]byte, error)) (Distribution, error) {
	p := &parser{text: text, open: open}
	d, err := p.distribution(true)
	if err == nil {
		if p.skip(); p.at < len(text) {
			err = p.fail("%q follows a complete distribution", text[p.at:])
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w; allowed are %s", err, Allowed)
	}
	return d, nil
}

// parser reads one distribution from left to right.
type parser struct {
	text string
	at   int
	open func(string) ([]byte, error)
}

func (p *parser) fail(format string, args ...any) error {
	return fmt.Errorf("lab: %q, at character %d: %s", p.text, p.at+1, fmt.Sprintf(format, args...))
}

func (p *parser) skip() {
	for p.at < len(p.text) && p.text[p.at] == ' ' {
		p.at++
	}
}

// token returns what is there up to the next of the given characters.
func (p *parser) token(stops string) string {
	p.skip()
	n := strings.IndexAny(p.text[p.at:], stops)
	if n < 0 {
		n = len(p.text) - p.at
	}
	t := p.text[p.at : p.at+n]
	p.at += n
	return strings.TrimSpace(t)
}

func (p *parser) expect(c byte) error {
	p.skip()
	if p.at == len(p.text) {
		return p.fail("it ends where %q is expected", string(c))
	}
	if p.text[p.at] != c {
		return p.fail("%q where %q is expected", string(p.text[p.at]), string(c))
	}
	p.at++
	return nil
}

// distribution reads one; only at the top may the name of a file hold any character.
func (p *parser) distribution(top bool) (Distribution, error) {
	p.skip()
	if strings.HasPrefix(p.text[p.at:], "file:") {
		p.at += len("file:")
		stops := "+)"
		if top {
			stops = ""
		}
		return p.file(p.token(stops))
	}
	start := p.at
	name := p.token("(")
	if p.at == len(p.text) {
		p.at = start
		return nil, p.fail("%q is no distribution", name)
	}
	p.at++
	var d Distribution
	var err error
	switch name {
	case "mix":
		d, err = p.mixture()
	case "const", "uniform", "pareto", "exp":
		d, err = p.plain(name)
	default:
		p.at = start
		return nil, p.fail("%q is no distribution", name)
	}
	if err == nil {
		err = p.expect(')')
	}
	return d, err
}

// plain reads the numbers of a distribution that has nothing but numbers.
func (p *parser) plain(name string) (Distribution, error) {
	var n [2]float64
	want := 2
	if name == "const" || name == "exp" {
		want = 1
	}
	for i := range want {
		if i > 0 {
			if err := p.expect(','); err != nil {
				return nil, err
			}
		}
		var err error
		if n[i], err = p.number(); err != nil {
			return nil, err
		}
	}
	switch {
	case max(n[0], n[1]) > maxMs && name != "exp":
		return nil, p.fail("%s: %v is too large, allowed are times up to %v ms", name, max(n[0], n[1]), maxMs)
	case name == "const" && n[0] >= 0:
		return Const(n[0]), nil
	case name == "const":
		return nil, p.fail("const(%v): a time is at least 0", n[0])
	case name == "uniform" && 0 <= n[0] && n[0] <= n[1]:
		return Uniform{n[0], n[1]}, nil
	case name == "uniform":
		return nil, p.fail("uniform(%v,%v): use 0 <= FROM <= TO", n[0], n[1])
	case name == "pareto" && n[0] > 0 && n[1] > 0:
		return Pareto{n[0], n[1]}, nil
	case name == "pareto":
		return nil, p.fail("pareto(%v,%v): LEAST and ALPHA must be above 0", n[0], n[1])
	case n[0] > 0:
		return Exponential{n[0]}, nil
	}
	return nil, p.fail("exp(%v): RATE (per millisecond) must be above 0", n[0])
}

func (p *parser) number() (float64, error) {
	start := p.at
	t := p.token(",)*")
	f, err := strconv.ParseFloat(t, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		p.at = start
		return 0, p.fail("%q is not a number", t)
	}
	return f, nil
}

func (p *parser) mixture() (Distribution, error) {
	m := &Mixture{}
	sum := 0.0
	for {
		share, err := p.number()
		if err == nil && (share <= 0 || share > 1) {
			err = p.fail("share %v: use a number above 0 and at most 1", share)
		}
		if err == nil {
			err = p.expect('*')
		}
		if err != nil {
			return nil, err
		}
		d, err := p.distribution(false)
		if err != nil {
			return nil, err
		}
		sum += share
		m.branches, m.upTo = append(m.branches, d), append(m.upTo, sum)
		if p.skip(); p.at == len(p.text) || p.text[p.at] != '+' {
			break
		}
		p.at++
	}
	if math.Abs(sum-1) > weightSlack {
		return nil, p.fail("the shares of the mixture are %v in sum, use shares that make 1", sum)
	}
	for i := range m.upTo {
		m.upTo[i] /= sum
	}
	return m, nil
}

func (p *parser) file(name string) (Distribution, error) {
	if name == "" {
		return nil, p.fail("file: without a name")
	}
	text, err := p.open(name)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	var s Samples
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		f, err := strconv.ParseFloat(line, 64)
		if err != nil || !(f >= 0) || math.IsInf(f, 1) {
			return nil, fmt.Errorf("lab: %s:%d: %q: use one number of milliseconds, 0 or above, to a line", name, n, line)
		}
		s = append(s, f)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("lab: %s: %w", name, err)
	}
	if len(s) == 0 {
		return nil, fmt.Errorf("lab: %s holds no number", name)
	}
	return s, nil
}
