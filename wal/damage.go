package wal

import "encoding/binary"

// Telling a torn write from corruption.
//
// What a crash may leave of bytes that were written but not synced: of each 512-byte sector the new bytes,
// a prefix of them and then zeros (a segment's space is zero before frames go there), or only zeros. What
// was synced before stays. So damage at offset x of the last segment is a torn write only if
//
//  1. nothing valid, before or after x, says that the segment was synced beyond x, and
//  2. some sector of the frame at x ends in zeros where its last byte should be.
//
// Everything else is corruption. Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014,
// and Alagappan et al., "Protocol-Aware Recovery for Consensus-Based Storage", FAST 2018, are the reasons
// for being this careful: cutting a log at a flipped bit takes back what was acknowledged.

// rest is what lies behind the last valid frame of the last segment.
type rest struct {
	blank   bool  // nothing but zeros
	claimed int64 // the highest synced offset which a frame in there states
	claimAt int64 // the offset of that frame
}

// scanRest looks at everything from offset x of the segment on.
func scanRest(w *window, segment uint64, x int64) (rest, error) {
	r := rest{blank: true}
	for off := x; off < w.size; off += windowBytes / 2 {
		b, err := w.view(off, windowBytes/2)
		if err != nil {
			return r, err
		}
		for i := 0; i < len(b); i += frameAlign {
			piece := b[i:min(i+frameAlign, len(b))]
			if isZero(piece) {
				continue
			}
			r.blank = false
			if h, ok := readFrameHeader(piece, segment, off+int64(i)); ok && h.synced > r.claimed {
				r.claimed, r.claimAt = h.synced, off+int64(i)
			}
		}
	}
	return r, nil
}

// explainTear reports whether the bad frame at x may be what a torn write left, and if not, why not.
func explainTear(w *window, segment uint64, x int64) (bool, string, error) {
	head, err := w.view(x, frameHeaderSize)
	if err != nil {
		return false, "", err
	}
	h, ok := readFrameHeader(head, segment, x)
	if !ok {
		torn, err := sectorEndsBlank(w, x+frameHeaderSize-1)
		return torn, "the frame's header is not as written", err
	}
	end := x + int64(frameSize(h.length))
	for last := x | (sectorSize - 1); ; last += sectorSize {
		torn, err := sectorEndsBlank(w, min(last, end-1))
		if torn || err != nil || last >= end-1 {
			return torn, "the record's checksum is wrong though all of its bytes are there", err
		}
	}
}

// sectorEndsBlank reports whether the bytes from offset to the end of its sector are zero or beyond the
// end of the file.
func sectorEndsBlank(w *window, offset int64) (bool, error) {
	b, err := w.view(offset, int(sectorSize-offset%sectorSize))
	return isZero(b), err
}

func isZero(b []byte) bool {
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b) != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
