package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the Makefile's -ldflags; a plain `go build` says "dev".
var version = "dev"

type versionCmd struct{}

// Run prints the version, the Go release and the source revision if known.
func (versionCmd) Run() error {
	fmt.Printf("quorate %s %s %s/%s\n", buildID(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}

// buildID is the version together with the source revision where one is known.
func buildID() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return version + "+" + s.Value[:12]
		}
	}
	return version
}
