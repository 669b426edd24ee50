package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/quoratedb/quorate/node"
	"github.com/quoratedb/quorate/node/config"
)

// writeConfigs makes sure that every node has a configuration with the
// cluster's addresses. Files of an earlier run keep everything else that they
// say; those that are right already are not touched.
func (c *cluster) writeConfigs() error {
	files, err := c.readConfigs()
	if err != nil {
		return err
	}
	if files == nil {
		if files, err = c.freshConfigs(); err != nil {
			return err
		}
	}
	var changed []int
	for i := range c.members {
		if files[i].placed(c) {
			continue
		}
		// A node that runs keeps its ports, and its file must go on saying so.
		if !files[i].fresh {
			if err := node.CheckFree(files[i].Node.Data); err != nil {
				return err
			}
		}
		changed = append(changed, i)
	}
	for _, i := range changed {
		if err := files[i].write(c.members[i].config); err != nil {
			return err
		}
	}
	return nil
}

// nodeFile is the configuration of one member.
type nodeFile struct {
	*config.File
	fresh bool
}

// readConfigs reads what an earlier run left; nil if there is nothing.
func (c *cluster) readConfigs() ([]nodeFile, error) {
	var files []nodeFile
	var missing *member
	for _, m := range c.members {
		if _, err := os.Stat(m.config); errors.Is(err, fs.ErrNotExist) {
			missing = m
			continue
		}
		// The listeners are the members' own addresses, so the file stands alone here.
		f, err := config.Load(m.config, nil, nil)
		if err != nil {
			return nil, &exitError{exitUsage, err.Error()}
		}
		if n := len(f.Members); n != len(c.members) {
			return nil, &exitError{exitUsage, fmt.Sprintf(
				"%s was made with %d nodes, and that is fixed: use --nodes %d, or another directory with --data", c.dir, n, n)}
		}
		files = append(files, nodeFile{File: f})
	}
	if missing != nil && len(files) > 0 {
		return nil, &exitError{exitUsage, fmt.Sprintf(
			"%s is missing, but other nodes of the cluster are there: a node that lost its data must not come back under its old name; "+
				"restore the directory, or remove %s to begin anew", missing.config, c.dir)}
	}
	return files, nil
}

// freshConfigs describes a cluster that does not exist yet. Its name and its
// key keep it apart from every other one on this machine.
func (c *cluster) freshConfigs() ([]nodeFile, error) {
	var name, key [16]byte
	if _, err := rand.Read(name[:4]); err != nil {
		return nil, err
	}
	if _, err := rand.Read(key[:]); err != nil {
		return nil, err
	}
	var files []nodeFile
	for _, m := range c.members {
		f := &config.File{
			Cluster: config.Cluster{ID: "dev-" + hex.EncodeToString(name[:4]), SharedKey: hex.EncodeToString(key[:]),
				// The nodes share this machine's cores.
				Lanes: max(1, runtime.NumCPU()/2/len(c.members))},
			Node: config.Node{ID: m.id},
		}
		for _, other := range c.members {
			f.Members = append(f.Members, config.Member{ID: other.id})
		}
		files = append(files, nodeFile{File: f, fresh: true})
	}
	return files, nil
}

// placed puts the members' addresses in, as this node is to see them, and
// reports whether the file on disk has them already.
func (f *nodeFile) placed(c *cluster) bool {
	same, members := !f.fresh, c.members
	for i := range f.Members {
		at := members[f.Members[i].ID-1].endpoints
		m := &f.Members[i]
		if c.route != nil && m.ID != f.Node.ID {
			at.peer = c.route(f.Node.ID, m.ID)
		}
		if m.Peer != at.peer || m.HTTP != at.http || m.RESP != at.resp {
			same = false
			m.Peer, m.HTTP, m.RESP = at.peer, at.http, at.resp
		}
	}
	own := members[f.Node.ID-1].endpoints
	if f.Listen.HTTP != own.http || f.Listen.RESP != own.resp || f.Listen.Peer != own.peer && len(members) > 1 {
		same = false
	}
	return same
}

// write replaces the file. A node listens where its members entry says.
func (f *nodeFile) write(name string) error {
	f.Listen = config.Listen{Admin: f.Listen.Admin}
	if f.fresh || f.Node.Data == filepath.Dir(name) {
		f.Node.Data = "." // relative to the file
	}
	text, err := config.Marshal(f.File)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	const ownerOnly = 0o600 // it holds the shared key
	if err := os.WriteFile(name+".new", text, ownerOnly); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
