package main

import (
	"encoding/json"
	"io"
	"os"

	"github.com/quoratedb/quorate/node/door"
)

type fileConfig struct {
	ID, Lanes  int
	RESP, HTTP string
	Peers      []string
}

type closer func()

func (c closer) Close() error { c(); return nil }

func pidDoor(dir string) func(door.Host) (io.Closer, error) {
	return func(door.Host) (io.Closer, error) {
		rm, err := writePID(dir)
		return closer(rm), err
	}
}

func (c *cluster) writeConfigs() error {
	var peers []string
	for _, m := range c.members {
		peers = append(peers, m.peer)
	}
	for _, m := range c.members {
		os.MkdirAll(m.dir, 0o755)
		b, _ := json.Marshal(fileConfig{m.id, 1, m.resp, m.http, peers})
		if err := os.WriteFile(m.config, b, 0o644); err != nil {
			return err
		}
	}
	return nil
}
