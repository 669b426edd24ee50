// Package addresses gives to package fmt what it prints as an address.
package addresses

import "fmt"

type node struct{ id int }

type tree struct {
	name string
	next *tree
}

type named int

func (n *named) String() string { return "n" }

type shown struct{ Name *named }

type hidden struct{ name *named }

type recursive struct{ kids []recursive }

type message interface{ Kind() int }

type text interface{ String() string }

func pointers(x *int, n *node, m *named, f func(), list []int, c *complex64) {
	_ = fmt.Sprintf("%p", n)    // want `%p prints an address`
	_ = fmt.Sprintf("%"+"p", n) // want `fmt prints an address with a \*addresses.node`
	_ = fmt.Sprint(x)           // want `fmt prints the address of a \*int`
	_ = fmt.Sprint(f)           // want `fmt prints the address of a func\(\)`
	_ = fmt.Sprintf("%x", x)    // want `fmt prints the address of a \*int`
	_ = fmt.Appendf(nil, "", c) // want `fmt prints the address of a \*complex64`
	_ = fmt.Errorf("%v %x %v %v", n, n, m, list)
	_, _ = fmt.Sscan("1", x)
	_ = fmt.Sprintf("%T %T", x, f)
}

func held(t tree, n *node, m *named, r recursive) {
	_ = fmt.Sprint(t)                     // want `fmt prints an address with a addresses.tree`
	_ = fmt.Sprintf("%v", &t)             // want `fmt prints an address with a \*addresses.tree`
	_ = fmt.Sprintf("%x", &t)             // want `fmt prints an address with a \*addresses.tree`
	_ = fmt.Sprint(t.next)                // want `fmt prints an address with a \*addresses.tree`
	_ = fmt.Sprint([]*node{n})            // want `fmt prints an address with a \[\]\*addresses.node`
	_ = fmt.Sprint([1]*node{n})           // want `fmt prints an address`
	_ = fmt.Sprint(map[string]*node{})    // want `fmt prints an address`
	_ = fmt.Sprint(map[*node]bool{})      // want `fmt prints an address`
	_ = fmt.Sprint(struct{ n *node }{n})  // want `fmt prints an address`
	_ = fmt.Sprint(&struct{ f func() }{}) // want `fmt prints an address`
	_ = fmt.Sprint(hidden{m})             // want `fmt prints an address with a addresses.hidden`
	_ = fmt.Sprintf("%d", m)              // want `fmt prints the address of a \*addresses.named`
	_ = fmt.Sprintf("%#v", []*named{m})   // want `fmt prints an address`
	_ = fmt.Sprintf("%[2]d %[1]v", 1, m)  // want `fmt prints the address of a \*addresses.named`
	_ = fmt.Sprintf("%*d %6.2f", 1, 2, 3., m)
	_ = fmt.Sprint(shown{m}, r, n.id, []*named{m}, t.name)
	// determinism: a person reads it
	_ = fmt.Sprint(t)
}

func unknown(a any, m message, s text, err error, list []any, args ...any) {
	_ = fmt.Sprint(a)            // want `fmt prints what a any holds, which may be an address`
	_ = fmt.Sprintf("%v", m)     // want `fmt prints what a addresses.message`
	_ = fmt.Sprint([]any{1})     // want `fmt prints an address with a \[\]any`
	_ = fmt.Sprint(list...)      // want `what this list holds is not known here`
	_ = fmt.Sprint([]any{&a}...) // want `what this list holds is not known here`
	_ = fmt.Sprint(s, err, m.Kind())
	_ = fmt.Sprintf("%T", a)
	_ = fmt.Sprintf("%v", args...)
}

func changed(args ...any) string {
	args[0] = &args
	return fmt.Sprint(args...) // want `what this list holds is not known here`
}

type log struct{}

func (log) say(at int, format string, args ...any) string { return fmt.Sprintf(format, args...) }

func wrapped(l log, t *tree, m *named) {
	_ = l.say(1, "%v", t) // want `fmt prints an address with a \*addresses.tree`
	_ = l.say(1, "%d", m) // want `fmt prints the address of a \*addresses.named`
	_ = l.say(1, "%v", m)
	print := fmt.Sprint
	_ = print(t) // want `fmt prints an address with a \*addresses.tree`
}

func generic[T any, N ~int | ~string, P *int | int](t T, n N, p P) {
	_ = fmt.Sprint(t) // want `fmt prints what a T holds, which may be an address`
	_ = fmt.Sprint(n)
	_ = fmt.Sprint(p) // want `fmt prints`
}

func keep[T any](list []T, t T) []T { return append(list, []T{t}...) }
