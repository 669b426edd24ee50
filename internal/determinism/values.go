package determinism

import "go/types"

// immutable: the universe is the type checker's own
var errorType = types.Universe.Lookup("error").Type()

// value reports whether a copy of a type's values shares nothing with the
// original that could change. Errors count: globals.go looks at how they are made.
func value(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Kind() != types.UnsafePointer
	case *types.Array:
		return value(u.Elem())
	case *types.Struct:
		for f := range u.Fields() {
			if !value(f.Type()) {
				return false
			}
		}
		return true
	case *types.Tuple: // v, ok := m[k]
		return value(u.At(0).Type())
	}
	return types.Identical(t, errorType)
}

// table reports whether a type is one of values, or of maps and slices of them,
// nested at will, so that it can be seen whether a use only reads it. Whether it
// holds errors as well is the second result.
func table(t types.Type) (ok, errors bool) {
	tabular := true
	within(t, map[types.Type]bool{}, func(t types.Type) {
		if types.Identical(t, errorType) {
			errors = true
			return
		}
		switch t.Underlying().(type) {
		case *types.Slice, *types.Map, *types.Array, *types.Struct:
		default:
			tabular = tabular && value(t)
		}
	})
	return tabular, errors
}

// within visits a type and what its elements, keys and fields are of.
func within(t types.Type, seen map[types.Type]bool, visit func(types.Type)) {
	if seen[t] {
		return
	}
	seen[t] = true
	visit(t)
	switch u := t.Underlying().(type) {
	case *types.Slice:
		within(u.Elem(), seen, visit)
	case *types.Array:
		within(u.Elem(), seen, visit)
	case *types.Map:
		within(u.Key(), seen, visit)
		within(u.Elem(), seen, visit)
	case *types.Struct:
		for f := range u.Fields() {
			within(f.Type(), seen, visit)
		}
	}
}
