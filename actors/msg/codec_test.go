package msg

import (
	"encoding/hex"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// samples holds one empty message of each type.
func samples() []actors.Message {
	return []actors.Message{
		&Ops{}, &Results{}, &Forward{}, &Forwarded{}, &Count{}, &Counted{}, &PeerStatus{}, &LinkDown{}, &LinkBusy{}, &Drain{},
		&Prepare{}, &Promises{}, &Touch{}, &Touched{}, &Accept{}, &Accepted{}, &Confirm{}, &Confirmed{},
		&ReadVersions{}, &Versions{}, &HandOver{}, &Collect{}, &Digest{}, &Digested{}, &ListKeys{}, &ListedKeys{},
		&Ping{}, &PingReq{}, &Ack{},
		&Put{}, &Stored{}, &Fetch{}, &Fetched{}, &Hint{}, &Hinted{}, &MarkDurable{},
		&Compare{}, &Compared{}, &TreeAsk{}, &TreeTold{}, &ListBuckets{}, &BucketsListed{}, &Want{}, &Given{}, &AskDead{}, &DeadTold{}, &Forget{}, &Leave{},
		&MapChange{}, &MapChanged{}, &MapAsk{}, &MapTold{}, &MapSeen{}, &LaneMap{}, &LaneMapped{},
	}
}

// recordSamples holds one empty record of each kind.
func recordSamples() []actors.Record {
	return []actors.Record{&PromiseRecord{}, &AcceptRecord{}, &DropRecord{}, &FloorRecord{}, &BootRecord{}, &PeerRecord{},
		&ClockRecord{}, &ObjectRecord{}, &ForgetRecord{}, &HintRecord{}, &HintDoneRecord{}, &LifeRecord{}, &MapRecord{}}
}

// filler fills a value of any type in this package by reflection, so that a
// field which the codec forgets does not survive a round trip. plain draws
// numbers as they are in practice, otherwise they spread over all lengths.
type filler struct {
	*rand.Rand
	plain bool
}

func (f filler) number(bits int) uint64 {
	if f.plain {
		return f.Uint64N(4)
	}
	return f.Uint64() >> f.IntN(64) & (1<<bits - 1)
}

// into fills what m points to.
func (f filler) into(m any) { f.fill(reflect.ValueOf(m).Elem()) }

func (f filler) fill(v reflect.Value) {
	switch p := v.Addr().Interface().(type) {
	case *kv.Register:
		f.register(p, kv.Kind(f.IntN(3)))
		return
	case *AcceptItem:
		f.fillKind(v)
		f.register(&p.Register, kv.Value+kv.Kind(f.IntN(2)))
		return
	case *AcceptRecord:
		f.fillKind(v)
		f.register(&p.Register, kv.Value+kv.Kind(f.IntN(2)))
		return
	case *Digested:
		f.fillKind(v)
		if len(p.Buckets) > 0 {
			p.Buckets = append(make([]Sum, Buckets-1), p.Buckets[0])
		}
		return
	case *kv.Ballot:
		if f.IntN(4) == 0 {
			*p = kv.Ballot{}
			return
		}
	case *kv.OpKind:
		*p = kv.OpGet + kv.OpKind(f.IntN(5))
		return
	case *kv.Cond:
		*p = kv.Cond(f.IntN(4))
		return
	case *kv.Media:
		*p = kv.Media(f.IntN(4))
		return
	case *kv.Status:
		*p = kv.Status(f.IntN(int(kv.NotOwner) + 1))
		return
	case *MemberState:
		*p = Alive + MemberState(f.IntN(3))
		return
	case *Reason:
		*p = ByPromise + Reason(f.IntN(2))
		return
	case *[]byte:
		*p = f.bytes()
		return
	default:
		if f.eventual(v, p) {
			return
		}
	}
	f.fillKind(v)
}

func (f filler) fillKind(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i))
		}
	case reflect.Slice:
		n := f.IntN(4)
		if n == 0 {
			v.SetZero()
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			f.fill(v.Index(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Bool:
		v.SetBool(f.IntN(2) == 0)
	case reflect.Int64:
		v.SetInt(int64(f.number(64)))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(f.number(v.Type().Bits()))
	case reflect.String:
		v.SetString(string(f.bytes()))
	default:
		panic(fmt.Sprintf("a field of kind %v in a message", v.Kind()))
	}
}

func (f filler) register(g *kv.Register, kind kv.Kind) {
	f.fillKind(reflect.ValueOf(g).Elem())
	g.Kind = kind
	if kind == kv.Absent {
		g.Version = kv.Version{}
		return
	}
	for g.Version.IsZero() {
		f.fill(reflect.ValueOf(&g.Version).Elem())
	}
	if f.IntN(2) == 0 {
		g.Rev = g.Version
	}
}

func (f filler) bytes() []byte {
	n := f.IntN(40)
	if n == 0 {
		return nil
	}
	if !f.plain && n == 39 {
		n = 200 // a length of two bytes
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(f.Uint32())
	}
	return b
}

func TestEveryFieldOfEveryMessageSurvives(t *testing.T) {
	for seed := range uint64(2000) {
		f := filler{rand.New(rand.NewPCG(seed, 1)), seed%2 == 0}
		for _, m := range samples() {
			f.into(m)
			b, err := Append([]byte("before"), m)
			require.NoError(t, err)
			got, err := Decode(b[len("before"):])
			require.NoError(t, err, "seed %d %#v", seed, m)
			require.Equal(t, m, got, "seed %d", seed)
		}
	}
}

func TestEveryFieldOfEveryRecordSurvives(t *testing.T) {
	for seed := range uint64(2000) {
		f := filler{rand.New(rand.NewPCG(seed, 2)), seed%2 == 0}
		for _, d := range recordSamples() {
			f.into(d)
			b := d.AppendTo([]byte("before"))[len("before"):]
			got, err := DecodeRecord(b)
			require.NoError(t, err, "seed %d %#v", seed, d)
			require.Equal(t, d, got, "seed %d", seed)
			p := reflect.ValueOf(d).Elem().FieldByName("Partition")
			routed, err := RecordPartition(b)
			if !p.IsValid() {
				require.ErrorIs(t, err, ErrMalformed)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, p.Uint(), uint64(routed))
		}
	}
}

// Every type with a MessageName is in samples, and with it in the codec.
func TestNoMessageIsWithoutAnEncoding(t *testing.T) {
	notTest := func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }
	pkgs, err := parser.ParseDir(token.NewFileSet(), ".", notTest, 0)
	require.NoError(t, err)
	var declared []string
	ast.Inspect(pkgs["msg"], func(n ast.Node) bool {
		if d, ok := n.(*ast.FuncDecl); ok && d.Name.Name == "MessageName" {
			declared = append(declared, d.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name)
		}
		return true
	})
	var encoded []string
	for _, m := range samples() {
		encoded = append(encoded, reflect.TypeOf(m).Elem().Name())
	}
	slices.Sort(declared)
	slices.Sort(encoded)
	require.Equal(t, declared, encoded)
}

// The bytes on the wire and in the log are a format: a change of this file is
// a change of the protocol, or makes old logs unreadable.
func TestTheFormatIsWhatItWas(t *testing.T) {
	const path = "testdata/format.txt"
	// Each has its own stream, so that a change of one leaves the others.
	named := func(name string) filler {
		h := fnv.New64a()
		_, _ = h.Write([]byte(name))
		return filler{rand.New(rand.NewPCG(h.Sum64(), 7)), true}
	}
	var got strings.Builder
	for _, m := range samples() {
		named(m.MessageName()).into(m)
		b, err := Append(nil, m)
		require.NoError(t, err)
		fmt.Fprintf(&got, "%s %s\n", m.MessageName(), hex.EncodeToString(b))
	}
	for _, d := range recordSamples() {
		named(fmt.Sprintf("%T", d)).into(d)
		fmt.Fprintf(&got, "%T %s\n", d, hex.EncodeToString(d.AppendTo(nil)))
	}
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o777))
		require.NoError(t, os.WriteFile(path, []byte(got.String()), 0o666))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String(), "go test -run %s -update, if that is meant", t.Name())
}
