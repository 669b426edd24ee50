package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/node"
	"github.com/quoratedb/quorate/node/door"
	"github.com/quoratedb/quorate/node/httpd"
	"github.com/quoratedb/quorate/node/resp"
)

type nodeCmd struct {
	Config     string `help:"The configuration file." placeholder:"FILE"`
	WhileStdin bool   `hidden:"" help:"Stop when standard input is closed."`
}

func (n *nodeCmd) Run() error {
	b, err := os.ReadFile(n.Config)
	if err != nil {
		return err
	}
	var t fileConfig
	if err := json.Unmarshal(b, &t); err != nil {
		return err
	}
	cfg := node.Config{Cluster: "x", Node: kv.NodeID(t.ID), Lanes: t.Lanes, DataDir: filepath.Dir(n.Config)}
	for i, p := range t.Peers {
		cfg.Members = append(cfg.Members, node.Member{ID: kv.NodeID(i + 1), Weight: 1, Endpoints: door.Endpoints{Peer: p}})
	}
	cfg.PeerListen = t.Peers[t.ID-1]
	cfg.Metrics = prometheus.NewRegistry()
	cfg.Log = slog.Default()
	cfg.Doors = append(cfg.Doors, resp.Door(t.RESP, resp.Config{}), httpd.Door(t.HTTP, httpd.Config{Metrics: cfg.Metrics}))
	cfg.Doors = append(cfg.Doors, pidDoor(cfg.DataDir))
	return node.Run(untilTold(n.WhileStdin), cfg)
}
