package picture_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/quoratedb/quorate/picture"
	"github.com/quoratedb/quorate/sim"
	"github.com/stretchr/testify/require"
)

// votes is a tally.
type votes struct {
	K, N, Y, X, Q, G, S int
	T, M                int64
	V, H                []int
}

// data is the part of a page that the tests look at; data.go has all of it.
type data struct {
	Meta struct {
		Nodes, Clients, MapClients, Replicas int
		End                                  int64
		Keys, Kinds, LeftOut                 []string
		Groups                               []int
	}
	Ops struct {
		CallD, Took                       []int64
		Client, Node, Key, Class, Outcome []int
		Text                              []string
		Facts, Rounds                     []int
	}
	Msgs struct {
		SentD, Took                       []int64
		From, To, Kind, Fate, Note, Tally []int
	}
	Tallies []votes
	Syncs   []struct{ BeginD, Took []int64 }
	Faults  []struct{ N []int }
	Owners  []struct {
		N, P int
		F, T int64
	}
	Offences []struct {
		Op int
		P  bool
	}
	Texts     []string
	Notes     []string
	Facts     []string
	Porcupine string
}

var embedded = regexp.MustCompile(`(?s)<pre id="data" hidden>(.*?)</pre>`)

func unpack(t testing.TB, html []byte) *data {
	t.Helper()
	m := embedded.FindSubmatch(html)
	require.NotNil(t, m)
	zipped, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(m[1])))
	require.NoError(t, err)
	text, err := io.ReadAll(zipped)
	require.NoError(t, err)
	d := new(data)
	require.NoError(t, json.Unmarshal(text, d))
	return d
}

func TestTheDataIsWhole(t *testing.T) {
	for seed := uint64(1); seed <= 8; seed++ {
		r := recorded(t, seed)
		d := unpack(t, page(t, r))
		n := len(r.History)
		for _, column := range [][]int{d.Ops.Client, d.Ops.Node, d.Ops.Key, d.Ops.Class, d.Ops.Outcome} {
			require.Len(t, column, n)
		}
		require.Len(t, d.Ops.CallD, n)
		require.Len(t, d.Ops.Text, n)
		n = len(d.Msgs.SentD)
		require.Positive(t, n)
		for _, column := range [][]int{d.Msgs.From, d.Msgs.To, d.Msgs.Kind, d.Msgs.Fate, d.Msgs.Note} {
			require.Len(t, column, n)
		}
		fates := map[int]int{}
		for i := range n {
			fates[d.Msgs.Fate[i]]++
			require.GreaterOrEqual(t, d.Msgs.SentD[i], int64(0))
			require.GreaterOrEqual(t, d.Msgs.Took[i], int64(0))
			require.Less(t, d.Msgs.Kind[i], len(d.Meta.Kinds))
			require.Less(t, d.Msgs.Note[i], len(d.Notes))
			for _, place := range []int{d.Msgs.From[i], d.Msgs.To[i]} {
				require.True(t, place >= -d.Meta.Clients && place <= d.Meta.Nodes && place != 0, "place %d", place)
			}
		}
		require.Greater(t, fates[0], n/2, "most messages arrive")
		lost := 0
		for _, m := range r.Recording.Messages {
			if m.Fate == sim.MessageLost {
				lost++
			}
		}
		require.Equal(t, lost, fates[1], "every lost message is marked")
		require.Len(t, d.Meta.Groups, len(d.Meta.Kinds))
		require.Len(t, d.Syncs, d.Meta.Nodes)
		require.NotEmpty(t, d.Owners)
		for _, o := range d.Owners {
			require.LessOrEqual(t, o.F, o.T)
		}
		require.Empty(t, d.Offences)
		require.NotEmpty(t, d.Porcupine)
	}
}

func TestTalliesAddUp(t *testing.T) {
	r := large(t, 200)
	d := unpack(t, page(t, r))
	won := 0
	for _, v := range d.Tallies {
		require.Equal(t, d.Meta.Replicas/2+1, v.Q)
		require.LessOrEqual(t, len(v.V)/3+v.S, d.Meta.Replicas, "only replicas vote")
		require.Zero(t, len(v.V)%3)
		voters, yes := map[int]bool{}, 0
		for i := 0; i < len(v.V); i += 3 {
			require.False(t, voters[v.V[i]], "a node votes once")
			require.NotEqual(t, v.N, v.V[i], "the asker's own replica votes without a message")
			voters[v.V[i]] = true
			if v.V[i+1] == 1 {
				yes++
				require.Positive(t, v.V[i+2])
			}
		}
		require.NotEmpty(t, voters)
		if yes+v.S >= v.Q {
			won++
		}
	}
	require.Greater(t, won, len(d.Tallies)/2)
	for i := 0; i < len(d.Msgs.Tally); {
		msg, count := d.Msgs.Tally[i], d.Msgs.Tally[i+1]
		require.Less(t, msg, len(d.Msgs.SentD))
		for _, tally := range d.Msgs.Tally[i+2 : i+2+count] {
			require.Less(t, tally, len(d.Tallies))
		}
		i += 2 + count
	}
}

func TestOffendingOperationsAreMarked(t *testing.T) {
	d := unpack(t, page(t, doctored(t, 2)))
	marked := 0
	for _, o := range d.Offences {
		require.GreaterOrEqual(t, o.Op, 0)
		if !o.P {
			marked++
		}
	}
	require.GreaterOrEqual(t, marked, 2, "one operation alone contradicts nothing")
	require.Less(t, marked, len(d.Ops.Text)/2, "the stretch is a small part of the run")
}

// outside matches what a browser would fetch; namespaces are only names.
var outside = regexp.MustCompile(`(?i)(https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^\s"'<>)]*|@import|\burl\(`)

func TestThePageNeedsNothingFromOutside(t *testing.T) {
	html := page(t, doctored(t, 2))
	d := unpack(t, html)
	for _, text := range []string{embedded.ReplaceAllString(string(html), ""), d.Porcupine} {
		for _, found := range outside.FindAllString(text, -1) {
			require.Contains(t, found, "www.w3.org/2000/svg")
		}
	}
}

func TestALargeRunFits(t *testing.T) {
	r := large(t, 2000)
	require.GreaterOrEqual(t, len(r.History), 2000)
	html := page(t, r)
	d := unpack(t, html)
	t.Logf("%d operations, %d messages, %d steps recorded: %d bytes, left out: %v", len(r.History), len(d.Msgs.SentD), len(r.Recording.Messages), len(html), d.Meta.LeftOut)
	require.Less(t, len(html), 500_000)
	require.Greater(t, len(d.Msgs.SentD), 10_000)
}

func TestWhatDoesNotFitIsLeftOutAndNamed(t *testing.T) {
	r := recorded(t, 3)
	whole := page(t, r)
	html, err := picture.Render(r, picture.Options{}, len(whole)-100)
	require.NoError(t, err)
	require.Less(t, len(html), len(whole))
	require.NotEmpty(t, unpack(t, html).Meta.LeftOut)
	_, err = picture.Render(r, picture.Options{}, 10_000)
	require.ErrorContains(t, err, "does not fit")

	r = large(t, 1000)
	html, err = picture.Render(r, picture.Options{}, 150_000)
	require.NoError(t, err)
	d := unpack(t, html)
	require.Contains(t, strings.Join(d.Meta.LeftOut, "; "), "the messages except those from 0 to ")
	require.Greater(t, len(d.Msgs.SentD), 500)
	html, err = picture.Render(r, picture.Options{}, 85_000)
	require.NoError(t, err)
	require.Greater(t, len(unpack(t, html).Msgs.SentD), 100, "a few messages tell more than none")
	for i := 0; i < len(d.Msgs.Tally); i += 2 + d.Msgs.Tally[i+1] {
		require.Less(t, d.Msgs.Tally[i], len(d.Msgs.SentD))
		for _, tally := range d.Msgs.Tally[i+2 : i+2+d.Msgs.Tally[i+1]] {
			require.Less(t, tally, len(d.Tallies))
		}
	}
}

func TestARunWithoutARecordingIsRefused(t *testing.T) {
	r, err := sim.Run(draw(t, 1), sim.Options{})
	require.NoError(t, err)
	require.ErrorContains(t, picture.Write(io.Discard, r, picture.Options{}), "was not recorded")
}
