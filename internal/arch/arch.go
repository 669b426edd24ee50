// Package arch checks rules about the shape of the source: which package may
// import which, that every package says what it is, and that files stay short.
// The rules of this repository are written down in arch_test.go at its root; here
// is the engine. (What must be deterministic is the business of package
// determinism.)
package arch

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// Violation is one breach of a rule.
type Violation struct {
	File string // relative to the module's root, slashes
	Line int
	What string // what is wrong, and what is allowed
}

func (v Violation) String() string { return fmt.Sprintf("%s:%d: %s", v.File, v.Line, v.What) }

// Package is a parsed and type-checked package without its tests.
type Package struct {
	Rel   string // import path without the module's prefix; "" is the root
	Root  string // the module's root, absolute
	Files []*ast.File
	Fset  *token.FileSet
	Types *types.Package
}

// Module is all packages of a module.
type Module struct {
	Path     string // module path
	Root     string
	Packages []*Package // by Rel
}

// Load reads the module at root, as the go tool sees it on this platform.
// Packages that don't compile are an error: rules can't be checked on them.
func Load(root string) (*Module, error) {
	const mode = packages.NeedName | packages.NeedModule | packages.NeedFiles | packages.NeedCompiledGoFiles |
		packages.NeedSyntax | packages.NeedImports | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedTypesSizes
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("arch: %w", err)
	}
	loaded, err := packages.Load(&packages.Config{Mode: mode, Dir: root}, "./...")
	if err != nil {
		return nil, fmt.Errorf("arch: %w", err)
	}
	m := &Module{Root: root}
	var broken []error
	for _, p := range loaded {
		for _, e := range p.Errors {
			broken = append(broken, e)
		}
		if len(p.Syntax) == 0 {
			continue // tests only
		}
		m.Path = p.Module.Path
		m.Packages = append(m.Packages, &Package{
			Rel: strings.TrimPrefix(strings.TrimPrefix(p.PkgPath, p.Module.Path), "/"), Root: root,
			Files: p.Syntax, Fset: p.Fset, Types: p.Types,
		})
	}
	if len(broken) > 0 {
		return nil, fmt.Errorf("arch: the module does not compile: %w", errors.Join(broken...))
	}
	slices.SortFunc(m.Packages, func(a, b *Package) int { return cmp.Compare(a.Rel, b.Rel) })
	return m, nil
}

// violation makes a Violation at a position.
func (p *Package) violation(at token.Pos, format string, args ...any) Violation {
	pos := p.Fset.Position(at)
	return Violation{File: p.relative(pos.Filename), Line: pos.Line, What: fmt.Sprintf(format, args...)}
}

func (p *Package) relative(file string) string {
	if rel, err := filepath.Rel(p.Root, file); err == nil && !strings.HasPrefix(rel, "..") {
		return filepath.ToSlash(rel)
	}
	return file
}

// under reports whether rel is dir or below it.
func under(rel, dir string) bool { return rel == dir || strings.HasPrefix(rel, dir+"/") }
