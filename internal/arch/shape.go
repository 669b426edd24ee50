package arch

import (
	"bytes"
	"go/ast"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// CheckDocs wants a doc comment on every package: "Package name …", or
// "Command …" on a main package.
func CheckDocs(m *Module) (bad []Violation) {
	for _, p := range m.Packages {
		want := "Package " + p.Types.Name() + " "
		if p.Types.Name() == "main" {
			want = "Command "
		}
		documented := slices.ContainsFunc(p.Files, func(f *ast.File) bool {
			return f.Doc != nil && strings.HasPrefix(f.Doc.Text(), want)
		})
		if !documented {
			bad = append(bad, p.violation(p.Files[0].Package, "package without a comment that begins with %q", want))
		}
	}
	return bad
}

// CheckLength finds Go files longer than limit lines below root, on every
// platform. Tests and generated files may be as long as they like.
func CheckLength(root string, limit int) (bad []Violation, err error) {
	err = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || slices.Contains([]string{"testdata", "bin", "data", "out"}, name)) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".pb.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		lines := bytes.Count(text, []byte("\n"))
		if lines <= limit || bytes.HasPrefix(text, []byte("// Code generated ")) {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		bad = append(bad, Violation{File: filepath.ToSlash(rel), Line: lines, What: "file has grown past one idea; split it"})
		return err
	})
	return bad, err
}
