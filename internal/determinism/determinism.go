// Package determinism is the analysis pass for the code that must replay: what
// runs in both hosts, and the simulator. The same input has to give the same
// output in every process. So there is no concurrency in it, no clock, no chance
// but a seeded source, nothing of the machine, no address, no state outside of
// values, and no order that the runtime chooses.
//
// Three comments explain an exception, each with its reason, on the line or right
// above it:
//
//	// order: why the order of this map, or of equal elements, reaches nothing
//	// immutable: why this package-level variable can't change
//	// determinism: why this is harmless
//
// A comment that explains nothing is itself reported, so none outlives its cause.
// Tests are not examined. Nor are files that match the flag -except: the one seam
// to the machine, by default wal's files of the operating system.
package determinism

import (
	"go/ast"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Pure are the packages that the rules are for.
var Pure = []string{"./actors/...", "./ring/...", "./wal/...", "./sim/..."}

// Analyzer reports what could make two runs differ.
var Analyzer = newAnalyzer()

// defaultExcept matches wal/os_fs.go and its siblings.
const defaultExcept = `(^|/)wal/os_[^/]*\.go$`

func newAnalyzer() *analysis.Analyzer {
	a := &analysis.Analyzer{
		Name: "determinism",
		Doc:  "report what could make two runs of the same input differ: concurrency, clocks, chance, the machine, addresses, mutable globals, and order that the runtime chooses",
		URL:  "https://pkg.go.dev/github.com/quoratedb/quorate/internal/determinism",
	}
	a.Flags.String("except", defaultExcept, "regular expression of the files that are not examined")
	a.Run = func(pass *analysis.Pass) (any, error) { return run(a, pass) }
	return a
}

func run(a *analysis.Analyzer, pass *analysis.Pass) (any, error) {
	except, err := regexp.Compile(a.Flags.Lookup("except").Value.String())
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(pass.Pkg.Path(), ".test") {
		return nil, nil // the main package that the go tool makes up
	}
	var product, files []*ast.File // without tests; and without the exceptions
	for _, f := range pass.Files {
		name := filepath.ToSlash(pass.Fset.Position(f.Package).Filename)
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		product = append(product, f)
		if !except.MatchString(name) {
			files = append(files, f)
		}
	}
	misused := (&checker{Pass: pass}).misused(product)
	for _, f := range files {
		c := &checker{Pass: pass, file: f, reasons: map[int]*reason{}, imported: map[string]bool{}}
		c.readReasons()
		c.imports()
		c.purity()
		c.addresses()
		c.order()
		c.globals(misused)
		c.unusedReasons()
	}
	return nil, nil
}

// checker examines one file.
type checker struct {
	*analysis.Pass
	file     *ast.File
	reasons  map[int]*reason // by the line on which the comment ends
	imported map[string]bool // forbidden packages that the file imports: reported there
}

// The kinds of reasons.
const (
	forOrder     = "order"
	forImmutable = "immutable"
	forAll       = "determinism"
)

// reason is a comment that explains an exception.
type reason struct {
	kind string
	pos  token.Pos
	used bool
}

var reasonComment = regexp.MustCompile(`^//\s*(order|immutable|determinism): \S`)

func (c *checker) readReasons() {
	for _, group := range c.file.Comments {
		if group.Pos() < c.file.Package {
			continue // prose about the package
		}
		for _, comment := range group.List {
			if m := reasonComment.FindStringSubmatch(comment.Text); m != nil {
				c.reasons[c.line(group.End())] = &reason{kind: m[1], pos: comment.Pos()}
			}
		}
	}
}

func (c *checker) line(p token.Pos) int { return c.Fset.Position(p).Line }

// explained reports whether a reason of a kind, or a general one, stands at a
// position or right above.
func (c *checker) explained(at token.Pos, kind string) bool {
	line := c.line(at)
	for _, l := range [2]int{line, line - 1} {
		if r := c.reasons[l]; r != nil && (r.kind == kind || r.kind == forAll) {
			r.used = true
			return true
		}
	}
	return false
}

func (c *checker) unusedReasons() {
	for _, group := range c.file.Comments { // in order
		if r := c.reasons[c.line(group.End())]; r != nil && !r.used {
			c.Reportf(r.pos, "this comment on %s explains nothing: remove it", r.kind)
			r.used = true
		}
	}
}

// impure reports something that only a general reason can excuse.
func (c *checker) impure(at token.Pos, format string, args ...any) {
	if !c.explained(at, forAll) {
		c.Reportf(at, format, args...)
	}
}
