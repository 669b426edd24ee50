package shard

import (
	"bytes"
	"math"
	"strconv"

	"github.com/quoratedb/quorate/actors/kv"
)

// apply carries out one operation on a register. It returns the operation's
// result, and whether the register was changed; Version, Rev and TimeMs of a
// changed register are the caller's to set. Data is replaced, never written to.
func apply(op *kv.Op, reg *kv.Register) (res kv.Result, wrote bool) {
	res = kv.Result{Found: reg.Found(), Rev: reg.Rev, TimeMs: reg.TimeMs, Media: reg.Media}
	if !res.Found {
		res.Rev, res.TimeMs, res.Media = kv.Version{}, 0, 0
	}
	if op.WantOld && res.Found {
		res.Data = reg.Data
	}
	if op.Kind == kv.OpGet {
		return readResult(op, reg), false
	}
	if !holds(op, reg) {
		res.Status = kv.CondFailed
		return res, false
	}
	switch op.Kind {
	case kv.OpSet:
		set(reg, op.Value, op.Media)
	case kv.OpDelete:
		if !res.Found {
			res.Status = kv.NotFound
			return res, false
		}
		reg.Kind, reg.Data, reg.Media = kv.Tombstone, nil, 0
	case kv.OpIncr:
		sum, status := increment(op, reg)
		if status != kv.OK {
			res.Status = status
			return res, false
		}
		res.Int = sum
		media := kv.Text
		if res.Media == kv.JSON {
			media = kv.JSON // a number stays one
		}
		set(reg, strconv.AppendInt(nil, sum, 10), media)
	case kv.OpCAS:
		if !res.Found || !bytes.Equal(kv.Payload(reg.Media, reg.Data), op.Expected) {
			res.Status = kv.CondFailed
			return res, false
		}
		set(reg, op.Value, op.Media)
	}
	return res, true
}

func set(reg *kv.Register, data []byte, media kv.Media) {
	reg.Kind, reg.Data, reg.Media = kv.Value, data, media
}

// holds reports whether the condition of an operation is met.
func holds(op *kv.Op, reg *kv.Register) bool {
	switch op.Cond {
	case kv.IfAbsent:
		return !reg.Found()
	case kv.IfExists:
		return reg.Found()
	case kv.IfRev:
		return reg.Found() && reg.Rev == op.Rev
	}
	return true
}

// increment adds to a decimal 64-bit integer, as Redis reads them: no spaces,
// no plus sign, no leading zeros. An absent key counts as 0.
func increment(op *kv.Op, reg *kv.Register) (int64, kv.Status) {
	var old int64
	if reg.Found() {
		data := kv.Payload(reg.Media, reg.Data)
		n, err := strconv.ParseInt(string(data), 10, 64)
		if err != nil || !bytes.Equal(strconv.AppendInt(nil, n, 10), data) {
			return 0, kv.NotInteger
		}
		old = n
	}
	if op.Delta > 0 && old > math.MaxInt64-op.Delta || op.Delta < 0 && old < math.MinInt64-op.Delta {
		return 0, kv.Overflow
	}
	return old + op.Delta, kv.OK
}

// readResult answers a get.
func readResult(op *kv.Op, reg *kv.Register) kv.Result {
	if !reg.Found() {
		return kv.Result{Status: kv.NotFound}
	}
	res := kv.Result{Found: true, Rev: reg.Rev, TimeMs: reg.TimeMs, Media: reg.Media}
	if !op.HeadOnly {
		res.Data = reg.Data
	}
	return res
}
