package linearizability

import "strconv"

// value is the state of a key: the number of an interned byte string. Numbers
// compare as fast as the searches need.
type value int32

// absent is the state of a key without a value. It differs from the empty string.
const absent value = 0

// values interns byte strings. Decimal integers in canonical form ("-7", never
// "+7" or "007") are remembered as such: they are what Incr accepts.
type values struct {
	byText map[string]value
	byInt  map[int64]value
	text   []string
	ints   []int64
	isInt  []bool
	joined map[[2]value]value // Append: (state, suffix) → state
}

// reset forgets all values and keeps the memory.
func (v *values) reset() {
	if v.byText == nil {
		v.byText, v.byInt = map[string]value{}, map[int64]value{}
		v.joined = map[[2]value]value{}
	}
	clear(v.byText)
	clear(v.byInt)
	clear(v.joined)
	clear(v.text)
	v.text = append(v.text[:0], "") // number 0 is absent
	v.ints = append(v.ints[:0], 0)
	v.isInt = append(v.isInt[:0], false)
}

func (v *values) of(s string) value {
	if id, ok := v.byText[s]; ok {
		return id
	}
	id := value(len(v.text))
	n, isInt := canonicalInt(s)
	v.byText[s] = id
	v.text, v.ints, v.isInt = append(v.text, s), append(v.ints, n), append(v.isInt, isInt)
	if isInt {
		v.byInt[n] = id
	}
	return id
}

func (v *values) ofInt(n int64) value {
	if id, ok := v.byInt[n]; ok {
		return id
	}
	return v.of(strconv.FormatInt(n, 10))
}

// join is the state after appending suffix to s.
func (v *values) join(s, suffix value) value {
	if s == absent {
		return suffix
	}
	pair := [2]value{s, suffix}
	id, ok := v.joined[pair]
	if !ok {
		id = v.of(v.text[s] + v.text[suffix])
		v.joined[pair] = id
	}
	return id
}

// canonicalInt parses a decimal 64-bit integer in the one form that
// strconv.FormatInt gives.
func canonicalInt(s string) (int64, bool) {
	if len(s) == 0 || len(s) > 20 || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return 0, false
	}
	digits := s
	if s[0] == '-' {
		digits = s[1:]
	}
	if len(digits) == 0 || digits[0] == '0' && len(s) > 1 {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
