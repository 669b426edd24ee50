package config

import (
	"context"
	"log/slog"
)

// What a node needs descriptors for beside its clients: segments and checkpoints of
// the log, listeners, handshakes of peers (Limits.Handshakes of the node), people at the admin address, a
// client that is just being turned away, and the runtime. Each peer has a
// connection either way, and one more while it replaces an old one.
const (
	reservedDescriptors = 256
	descriptorsPerPeer  = 3
)

// defaultConnections is what the doors allow when limits.connections is left out.
const defaultConnections = 20_000

// fewConnections of a door are worth a warning, whatever was asked for.
const fewConnections = 1_000

// FitConnections lowers limits.connections so that all doors together leave the
// node the descriptors that it needs itself: a log that can't open its next
// segment stops the node. limit is the process's, 0 if there is none.
func (f *File) FitConnections(limit uint64, log *slog.Logger) {
	doors := uint64(0)
	for _, address := range []string{f.Listen.RESP, f.Listen.HTTP} {
		if address != off {
			doors++
		}
	}
	if limit == 0 || doors == 0 {
		return
	}
	level, wanted := slog.LevelWarn, f.Limits.Connections
	if wanted == 0 { // nobody asked for so many
		level, wanted = slog.LevelDebug, defaultConnections
	}
	reserved := uint64(reservedDescriptors + descriptorsPerPeer*(len(f.Members)-1))
	needed := doors*uint64(wanted) + reserved
	if needed <= limit {
		return
	}
	reserved = min(reserved, limit/2)
	f.Limits.Connections = int(max(1, (limit-reserved)/doors))
	if f.Limits.Connections < fewConnections {
		level = slog.LevelWarn
	}
	log.Log(context.Background(), level, "the limit of open files allows fewer connections than limits.connections: raise it (ulimit -n, LimitNOFILE= of systemd, "+
		"--ulimit nofile= of a container), or lower limits.connections",
		"files", limit, "reserved", reserved, "configured", wanted, "used", f.Limits.Connections, "needed_files", needed)
}
