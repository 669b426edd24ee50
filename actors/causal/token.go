package causal

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/zeebo/xxh3"
)

// A token is a Seen as clients carry it: base64url without padding (RFC 4648,
// section 5) of a version byte, the vector, the stamp, and a checksum of these
// over bucket and key. Clients give it back as they got it.
//
// The checksum catches a damaged token and one of another key, which would
// drop siblings that its bearer has never seen. It is no signature: who may
// write a key may also forge its tokens, and harm that key with them.
const (
	tokenVersion = 1
	tokenSum     = 8 // bytes of checksum
	// MaxTokenBytes bounds a token. A vector of 500 entries fits; one has as many
	// entries as store incarnations that coordinated writes of the key.
	MaxTokenBytes = 16 << 10
)

// TokenBucket tells a bucket's tokens from those of others, earlier ones with the
// same slot included.
func TokenBucket(b *kv.Bucket) uint32 { return uint32(b.Slot)<<16 ^ uint32(b.Created) }

// AppendToken appends the token of a context for a key. The error says that it
// would be longer than MaxTokenBytes.
func AppendToken(b []byte, seen Seen, bucket uint32, key []byte) ([]byte, error) {
	var room [256]byte
	raw := append(room[:0], tokenVersion)
	raw = seen.Vector.append(raw)
	raw = appendStamp(raw, seen.Register)
	raw = binary.LittleEndian.AppendUint64(raw, tokenChecksum(raw, bucket, key))
	if n := base64.RawURLEncoding.EncodedLen(len(raw)); n > MaxTokenBytes {
		return b, fmt.Errorf("causal: context of %d writers makes a token of %d bytes, allowed are %d", len(seen.Vector), n, MaxTokenBytes)
	}
	return base64.RawURLEncoding.AppendEncode(b, raw), nil
}

// ParseToken reads a token for the given key. The empty token is the empty
// context. The error wraps ErrMalformed and says what is wrong with it.
func ParseToken(token string, bucket uint32, key []byte) (Seen, error) {
	if token == "" {
		return Seen{}, nil
	}
	if len(token) > MaxTokenBytes {
		return Seen{}, fmt.Errorf("%w context token: %d bytes, allowed are %d", ErrMalformed, len(token), MaxTokenBytes)
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	// The decoder skips line breaks and spare bits; a token has neither.
	if err != nil || base64.RawURLEncoding.EncodeToString(raw) != token {
		return Seen{}, fmt.Errorf("%w context token: not base64url without padding", ErrMalformed)
	}
	if raw[0] != tokenVersion {
		return Seen{}, fmt.Errorf("%w context token: version %d, this node reads version %d", ErrMalformed, raw[0], tokenVersion)
	}
	n := len(raw) - tokenSum
	if n < 1 || binary.LittleEndian.Uint64(raw[n:]) != tokenChecksum(raw[:n], bucket, key) {
		return Seen{}, fmt.Errorf("%w context token: the checksum does not fit; it is damaged or belongs to another key", ErrMalformed)
	}
	r := newReader(raw[:n], 1)
	seen := Seen{Vector: r.vector(), Register: r.stamp()}
	for i := range seen.Vector {
		if seen.Vector[i].Seq > MaxSeq {
			r.Fail("a sequence above its limit")
		}
	}
	if err := r.end("context token"); err != nil {
		return Seen{}, err
	}
	return seen, nil
}

func tokenChecksum(raw []byte, bucket uint32, key []byte) uint64 {
	return xxh3.HashSeed(raw, xxh3.HashSeed(key, uint64(bucket)))
}
