package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/quoratedb/quorate/wal"
)

// storeFile, beside the log and not in it, names the store that the data
// directory holds. Without it a node whose log was removed could not tell that it had
// promised anything, would begin as a new one, and two of them could outvote the
// node that remembers. It is written once, after the first boot record is durable.
const storeFile = "STORE"

// readStore tells which store the directory is of; named is false if it does
// not say, as before the first boot.
func readStore(dir string) (store uint64, named bool, err error) {
	name := filepath.Join(dir, storeFile)
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("node: can't read whose data directory this is: %w", err)
	}
	store, err = strconv.ParseUint(strings.TrimSpace(string(text)), 16, 64)
	if err != nil {
		return 0, false, fmt.Errorf("node: %s holds %q, 16 hexadecimal digits are expected: if the log beside it is whole, remove this file, "+
			"and the node writes it again", name, text[:min(len(text), 64)])
	}
	return store, true, nil
}

// writeStore says durably which store the directory is of. It does not go
// through Config.FS, which is the log's.
func writeStore(dir string, store uint64) error {
	dir = filepath.ToSlash(dir)
	disk, name := wal.OS(), path.Join(dir, storeFile)
	f, err := disk.Create(name + ".new") // a crash must not leave half a number
	if err == nil {
		_, err = f.WriteAt(fmt.Appendf(nil, "%016x\n", store), 0)
		if err == nil {
			err = f.Sync()
		}
		err = errors.Join(err, f.Close())
	}
	if err == nil {
		err = disk.Rename(name+".new", name)
	}
	if err == nil {
		err = disk.SyncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("node: can't write whose data directory this is: %w", err)
	}
	return nil
}

// lostLog is the error for a directory that names a store whose log is not there.
func lostLog(dir, logDir string, store uint64) error {
	return fmt.Errorf("node: the log of store %016x is missing: %s has no record of it. A node that has forgotten what it promised must not go on "+
		"under its id, for two such nodes could outvote the one that remembers: give the log back; or, only for a new cluster, remove %s",
		store, logDir, filepath.Join(dir, storeFile))
}

// isEmpty reports whether there is nothing in a directory of the log, or no directory.
func isEmpty(disk wal.FS, dir string) bool {
	names, err := disk.List(dir)
	return len(names) == 0 && (err == nil || errors.Is(err, fs.ErrNotExist))
}
