package overlay

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pingcap/failpoint/code"
)

const failpointPath = "github.com/pingcap/failpoint"

// markerFuncs are the calls that the rewriter must replace; Eval and Enable,
// which stay, are not among them.
var markerFuncs = []string{
	"Inject", "InjectContext", "InjectCall",
	"Return", "Break", "Continue", "Goto", "Label", "Fallthrough",
}

// markedFile is a source file with at least one marker.
type markedFile struct {
	path    string // absolute
	rel     string // to the module's root, slashes
	pkg     string // import path
	markers []Marker
}

// call is a call of a marker function.
type call struct {
	fn   string
	args []ast.Expr
	line int
}

// readMarked returns nil for a file without markers.
func readMarked(root, module, file string) (*markedFile, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(text, []byte(failpointPath)) {
		return nil, nil
	}
	calls, err := markerCalls(file, text)
	if err != nil || len(calls) == 0 {
		return nil, err
	}
	rel, err := filepath.Rel(root, file)
	if err != nil {
		return nil, err
	}
	f := &markedFile{path: file, rel: filepath.ToSlash(rel)}
	f.pkg = path.Join(module, path.Dir(f.rel))
	for _, c := range calls {
		if !strings.HasPrefix(c.fn, "Inject") {
			continue // Return and its like belong to the marker around them
		}
		name, err := c.name()
		if err != nil {
			return nil, fmt.Errorf("overlay: %s:%d: %w", f.rel, c.line, err)
		}
		f.markers = append(f.markers, Marker{
			Name: name, Package: f.pkg, Enable: f.pkg + "/" + name, File: f.rel, Line: c.line,
		})
	}
	return f, nil
}

func (c call) name() (string, error) {
	i := 0
	if c.fn == "InjectContext" {
		i = 1
	}
	if len(c.args) <= i {
		return "", fmt.Errorf("failpoint.%s without a name", c.fn)
	}
	lit, ok := c.args[i].(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", fmt.Errorf("failpoint.%s: the name must be a string literal, so that it can be listed", c.fn)
	}
	name, err := strconv.Unquote(lit.Value)
	if err != nil {
		return "", err
	}
	if !nameForm.MatchString(name) {
		return "", fmt.Errorf("failpoint %q: allowed are bug-NUMBER-SLUG and noop-NUMBER-SLUG in lower case", name)
	}
	return name, nil
}

// markerCalls finds the calls of marker functions in a file's text.
func markerCalls(file string, text []byte) ([]call, error) {
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("overlay: %w", err)
	}
	local := localName(parsed)
	if local == "" {
		return nil, nil
	}
	var calls []call
	ast.Inspect(parsed, func(n ast.Node) bool {
		c, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := c.Fun.(*ast.SelectorExpr)
		if !ok || !slices.Contains(markerFuncs, sel.Sel.Name) {
			return true
		}
		if id, ok := sel.X.(*ast.Ident); ok && id.Name == local {
			calls = append(calls, call{fn: sel.Sel.Name, args: c.Args, line: fset.Position(c.Pos()).Line})
		}
		return true
	})
	return calls, nil
}

// localName is what a file calls the failpoint package, "" if it does not.
func localName(f *ast.File) string {
	for _, imp := range f.Imports {
		if p, _ := strconv.Unquote(imp.Path.Value); p == failpointPath {
			if imp.Name != nil {
				return imp.Name.Name
			}
			return "failpoint"
		}
	}
	return ""
}

// binding is how the rewriter names a failpoint: through a function that it
// expects in a generated file of the package. The full name is known here, so
// it is written in place, which saves the file and, in the hot path, a
// reflection and a concatenation for each evaluation.
var binding = regexp.MustCompile(regexp.QuoteMeta(code.ExtendPkgName) + `\("([^"\\]+)"\)`)

// rewrite returns the file's text with every marker turned into an evaluation.
func (f *markedFile) rewrite() ([]byte, error) {
	var out bytes.Buffer
	r := code.NewRewriter(f.path)
	r.SetOutput(&out)
	if err := quietly(func() error { return r.RewriteFile(f.path) }); err != nil {
		return nil, fmt.Errorf("overlay: %s: %w", f.rel, err)
	}
	// A file of which nothing could be rewritten yields no output at all.
	text := out.Bytes()
	if !r.GetRewritten() {
		return nil, f.unrewritten(f.markers[0].Line)
	}
	text = binding.ReplaceAll(text, []byte(`"`+f.pkg+`/${1}"`))
	left, err := markerCalls(f.rel+" (rewritten)", text)
	if err != nil {
		return nil, err
	}
	if len(left) > 0 {
		return nil, f.unrewritten(f.lineOf(left[0]))
	}
	if bytes.Contains(text, []byte(code.ExtendPkgName+"(")) {
		return nil, fmt.Errorf("overlay: %s: a failpoint's name was not understood", f.rel)
	}
	return text, nil
}

// lineOf is the source line of a call left in the rewritten text, whose own
// line numbers differ.
func (f *markedFile) lineOf(c call) int {
	name, err := c.name()
	if i := slices.IndexFunc(f.markers, func(m Marker) bool { return m.Name == name }); err == nil && i >= 0 {
		return f.markers[i].Line
	}
	return f.markers[0].Line
}

func (f *markedFile) unrewritten(line int) error {
	return fmt.Errorf("overlay: %s:%d: a failpoint could not be rewritten; "+
		"it must be a statement of its own in the body of a function", f.rel, line)
}

// quietly runs do without what the rewriter prints on stdout about syntax that
// it does not look into; what it skips is found by looking at its result.
func quietly(do func() error) error {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	stdout := os.Stdout
	os.Stdout = null
	defer func() { os.Stdout = stdout }()
	return do()
}
