package table

import "bytes"

// Entry is a key with what its owner holds of it. Its address never changes.
//
// A short key is in the entry, so that a look-up finds both at once. With
// a payload of 81 to 88 bytes an entry fills an allocation of 144.
type Entry[P any] struct {
	// keyLen is inline's; above ShortKey the key is long. It comes first: so
	// reading it loads the first cache line.
	keyLen uint8
	inline [ShortKey]byte // the key, if it fits
	long   []byte         // the key, if it does not
	Held   P
}

// ShortKey is the longest key, in bytes, that is kept within its entry.
const ShortKey = 31

// NewEntry returns an entry with a copy of the key, in no table yet.
func NewEntry[P any](key []byte) *Entry[P] {
	e := &Entry[P]{}
	if len(key) <= ShortKey {
		e.keyLen = uint8(copy(e.inline[:], key))
	} else {
		e.keyLen, e.long = ShortKey+1, bytes.Clone(key)
	}
	return e
}

// Key returns the entry's key, which never changes.
func (e *Entry[P]) Key() []byte {
	if e.keyLen > ShortKey {
		return e.long
	}
	return e.inline[:e.keyLen:e.keyLen]
}
