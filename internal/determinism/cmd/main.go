// Command cmd runs the determinism rules over packages, by default those that
// they are for:
//
//	go run ./internal/determinism/cmd [PACKAGE...]
package main

import (
	"os"

	"github.com/quoratedb/quorate/internal/determinism"
	"golang.org/x/tools/go/analysis/singlechecker"
)

func main() {
	if len(os.Args) == 1 {
		os.Args = append(append(os.Args, "-test=false"), determinism.Pure...) // tests are not examined: don't load them
	}
	singlechecker.Main(determinism.Analyzer)
}
