// Command overlay writes the build overlay that turns failpoint markers on, or
// lists the markers. See package overlay.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/quoratedb/quorate/internal/overlay"
)

func main() {
	out := flag.String("out", "", "write rewritten files and overlay.json into this `directory`, print the path of overlay.json")
	list := flag.Bool("list", false, "print all markers as JSON")
	root := flag.String("root", ".", "a `directory` of the module")
	flag.Parse()
	if err := run(*root, *out, *list); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(from, out string, list bool) error {
	root, err := overlay.ModuleRoot(from)
	if err != nil {
		return err
	}
	switch {
	case list:
		markers, err := overlay.List(root)
		if err != nil {
			return err
		}
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(markers)
	case out != "":
		res, err := overlay.Generate(root, out)
		if err != nil {
			return err
		}
		fmt.Println(res.Path)
		return nil
	}
	return errors.New("overlay: say -out DIRECTORY or -list")
}
