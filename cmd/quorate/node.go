package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"reflect"
	"time"

	"github.com/alecthomas/kong"

	"github.com/quoratedb/quorate/node"
	"github.com/quoratedb/quorate/node/config"
	"github.com/quoratedb/quorate/node/door"
)

// defaultConfig is read when no file is named, if it exists.
const defaultConfig = "/etc/quorate/quorate.yaml"

// nodeCmd runs one node until it is told to stop.
type nodeCmd struct {
	Config     string `help:"The configuration file. Without one: /etc/quorate/quorate.yaml if it exists, else a cluster of one with its data in ./data." placeholder:"FILE"`
	WhileStdin bool   `hidden:"" help:"Stop when standard input is closed."`

	ClockOffset  time.Duration `hidden:"" help:"Let the wall clock be wrong by this much."`
	SteeredClock bool          `hidden:"" help:"With --while-stdin: lines there change the offset of the wall clock."`

	Settings kong.Plugins `embed:"" group:"Settings, over the file and the QUORATE_ variables:"`
}

// newNodeCmd gives the command a flag for every key of the configuration.
func newNodeCmd() nodeCmd { return nodeCmd{Settings: kong.Plugins{newSettings()}} }

// newSettings makes a pointer to a struct with one *string per key, which is
// how kong takes flags that are not written down in source.
func newSettings() any {
	var fields []reflect.StructField
	for i, k := range config.Keys() {
		fields = append(fields, reflect.StructField{
			Name: fmt.Sprintf("Setting%d", i), Type: reflect.TypeFor[*string](),
			Tag: reflect.StructTag(fmt.Sprintf(`name:%q help:%q placeholder:"VALUE"`, k.Name, k.Doc+" ("+k.Default+")")),
		})
	}
	return reflect.New(reflect.StructOf(fields)).Interface()
}

// overrides are the settings given as flags, by key.
func (n *nodeCmd) overrides() map[string]string {
	given := map[string]string{}
	for _, s := range n.Settings {
		v := reflect.ValueOf(s).Elem()
		for i, k := range config.Keys() {
			if p, ok := v.Field(i).Interface().(*string); ok && p != nil {
				given[k.Name] = *p
			}
		}
	}
	return given
}

// Run runs the node. A configuration with mistakes is bad usage.
func (n *nodeCmd) Run() error {
	path := n.Config
	if path == "" {
		if _, err := os.Stat(defaultConfig); err == nil {
			path = defaultConfig
		}
	}
	file, err := config.Load(path, os.Environ(), n.overrides())
	if err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	log := file.Logger(os.Stderr)
	slog.SetDefault(log)
	file.FitConnections(openFileLimit(), log)
	cfg := file.Config(buildID(), log)
	var clock steeredClock
	if err := clock.set(n.ClockOffset); err != nil {
		return &exitError{exitUsage, "--clock-offset: " + err.Error()}
	}
	if n.ClockOffset != 0 || n.SteeredClock {
		cfg.ClockOffset = clock.offset
	}
	said := discard
	if n.SteeredClock {
		said = clock.follow
	}
	limitsAreErrors()
	cfg.Doors = append(cfg.Doors, announce(log.With("node", file.Node.ID), &file.Listen))
	return runNode(untilTold(n.WhileStdin, said), cfg)
}

// announce is the last door to open: now all of them serve.
func announce(log *slog.Logger, l *config.Listen) node.Door {
	return func(door.Host) (io.Closer, error) {
		log.Info("serving", "http", l.HTTP, "resp", l.RESP, "peer", l.Peer, "admin", l.Admin)
		return io.NopCloser(nil), nil
	}
}

// runNode runs a node until ctx ends. Its process id is in the data directory
// from before it serves until it has closed.
func runNode(ctx context.Context, cfg node.Config) error {
	remove := func() {}
	first := func(door.Host) (closer io.Closer, err error) {
		remove, err = writePID(cfg.DataDir)
		return io.NopCloser(nil), err
	}
	cfg.Doors = append([]node.Door{first}, cfg.Doors...)
	settleProcessors()
	go tuneGC(ctx.Done())
	err := node.Run(ctx, cfg)
	remove()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
