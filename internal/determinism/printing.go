package determinism

import (
	"go/constant"
	"go/types"
	"strings"
)

// verb is how fmt is told to print a value.
type verb struct {
	letter rune
	goes   bool // %#v, as Go's own syntax
}

// asks reports whether fmt calls a method of the value to print it.
func (v verb) asks() bool { return strings.ContainsRune("vsxXqw", v.letter) && !v.goes }

// showsAddress reports whether fmt may print an address of a value of a type.
func (v verb) showsAddress(t types.Type) bool {
	switch v.letter {
	case 'T': // the type
		return false
	case 'p':
		return true
	}
	return v.shows(t, 0, v.asks())
}

// shows is showsAddress at a depth, of what another value holds. There, fmt
// prints pointers as addresses; and it asks only what it reaches through
// exported fields.
func (v verb) shows(t types.Type, depth int, asks bool) bool {
	const enough = 20 // of a type that holds itself
	if depth > enough || asks && printsItself(t) {
		return false
	}
	within := func(t types.Type) bool { return v.shows(t, depth+1, asks) }
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Kind() == types.UnsafePointer
	case *types.Pointer:
		return depth > 0 || !composite(u.Elem()) || within(u.Elem())
	case *types.Slice:
		return within(u.Elem())
	case *types.Array:
		return within(u.Elem())
	case *types.Map:
		return within(u.Key()) || within(u.Elem())
	case *types.Struct:
		for f := range u.Fields() {
			if v.shows(f.Type(), depth+1, asks && f.Exported()) {
				return true
			}
		}
		return false
	case *types.Interface:
		terms := termsOf(u)
		for _, t := range terms {
			if v.shows(t, depth, asks) {
				return true
			}
		}
		return len(terms) == 0 // it could hold anything
	}
	return true // a function or a channel
}

// composite reports whether fmt prints what a pointer to a type points to, if
// that pointer is held by nothing.
func composite(t types.Type) bool {
	switch t.Underlying().(type) {
	case *types.Struct, *types.Array, *types.Slice, *types.Map:
		return true
	}
	return false
}

// printsItself reports whether a type has a method that fmt calls for its text.
func printsItself(t types.Type) bool {
	for _, name := range [...]string{"String", "Error", "Format"} {
		m, _, _ := types.LookupFieldOrMethod(t, false, nil, name)
		if _, ok := m.(*types.Func); ok {
			return true
		}
	}
	return false
}

// termsOf are the types that an interface lists, if it is the constraint of a
// type parameter that does.
func termsOf(u *types.Interface) []types.Type {
	var found []types.Type
	for i := range u.NumEmbeddeds() {
		switch t := u.EmbeddedType(i).Underlying().(type) {
		case *types.Union:
			for j := range t.Len() {
				found = append(found, t.Term(j).Type())
			}
		case *types.Interface:
			found = append(found, termsOf(t)...)
		default:
			found = append(found, u.EmbeddedType(i))
		}
	}
	return found
}

// whatOf says what fmt prints of a type that shows an address.
func whatOf(t types.Type) string {
	text := types.TypeString(t, func(pkg *types.Package) string { return pkg.Name() })
	switch u := t.Underlying().(type) {
	case *types.Signature, *types.Chan, *types.Basic:
		return "prints the address of a " + text
	case *types.Pointer:
		if !composite(u.Elem()) {
			return "prints the address of a " + text
		}
	case *types.Interface:
		return "prints what a " + text + " holds, which may be an address"
	}
	return "prints an address with a " + text
}

// verbsOf are those of a format, by argument; nil if it is no constant text.
// As in package fmt a directive is %[flags][width][.precision][index]verb, and *
// for a width takes an argument as well.
func verbsOf(format constant.Value, args int) []verb {
	if format == nil || format.Kind() != constant.String {
		return nil
	}
	found := make([]verb, args)
	next, inside, index, v := 0, false, -1, verb{}
	take := func(v verb) {
		if next < args && v.showsMore(found[next]) {
			found[next] = v
		}
		next++
	}
	for _, r := range constant.StringVal(format) {
		switch {
		case !inside:
			inside, v = r == '%', verb{}
		case r == '#':
			v.goes = true
		case r == '*':
			take(verb{letter: 'd'})
		case r == '[':
			index = 0
		case r == ']':
			next, index = max(index-1, 0), -1
		case '0' <= r && r <= '9':
			if index >= 0 {
				index = min(index*10+int(r-'0'), args)
			}
		case strings.ContainsRune("+- .", r):
		default:
			if v.letter, v.goes = r, v.goes && r == 'v'; r != '%' {
				take(v)
			}
			inside = false
		}
	}
	for i := range found {
		if found[i].letter == 0 { // an argument too many is printed as well
			found[i].letter = 'v'
		}
	}
	return found
}

// showsMore reports whether of two verbs for one argument v may show addresses
// that the other does not.
func (v verb) showsMore(than verb) bool {
	rank := func(v verb) int {
		switch {
		case v.letter == 0:
			return 0
		case v.letter == 'T':
			return 1
		case v.asks():
			return 2
		case v.letter != 'p':
			return 3
		}
		return 4
	}
	return rank(v) > rank(than)
}
