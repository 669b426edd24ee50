package netfault

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bound is how long anything may take that has to happen; quiet is how long a
// test listens to be sure that nothing comes.
const (
	bound = 10 * time.Second
	quiet = 50 * time.Millisecond
)

// rig is a target, a link to it, and one connection through the link.
type rig struct {
	t        *testing.T
	link     *Link
	accepted chan net.Conn
	near     net.Conn
	far      net.Conn
}

func newRig(t *testing.T) *rig {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &rig{t: t, accepted: make(chan net.Conn, 16)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.accepted <- c
		}
	}()
	r.link, err = Listen(l.Addr().String(), 1)
	require.NoError(t, err)
	t.Cleanup(func() {
		r.link.Close()
		_ = l.Close()
		<-ended
		close(r.accepted)
		for c := range r.accepted {
			_ = c.Close()
		}
	})
	r.near = r.dial()
	r.far = r.arrival()
	return r
}

func (r *rig) dial() net.Conn {
	r.t.Helper()
	c, err := net.DialTimeout("tcp", r.link.Addr(), bound)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (r *rig) arrival() net.Conn {
	r.t.Helper()
	select {
	case c := <-r.accepted:
		r.t.Cleanup(func() { _ = c.Close() })
		return c
	case <-time.After(bound):
		r.t.Fatal("no connection came through the link")
		return nil
	}
}

func (r *rig) send(c net.Conn, text string) {
	r.t.Helper()
	_, err := io.WriteString(c, text)
	require.NoError(r.t, err)
}

func (r *rig) expect(c net.Conn, text string) {
	r.t.Helper()
	require.NoError(r.t, c.SetReadDeadline(time.Now().Add(bound)))
	got := make([]byte, len(text))
	_, err := io.ReadFull(c, got)
	require.NoError(r.t, err)
	assert.Equal(r.t, text, string(got))
}

func (r *rig) expectNothing(c net.Conn) {
	r.t.Helper()
	require.NoError(r.t, c.SetReadDeadline(time.Now().Add(quiet)))
	n, err := c.Read(make([]byte, 1))
	assert.Zero(r.t, n)
	assert.ErrorIs(r.t, err, os.ErrDeadlineExceeded)
}

func (r *rig) expectEnd(c net.Conn) {
	r.t.Helper()
	require.NoError(r.t, c.SetReadDeadline(time.Now().Add(bound)))
	n, err := c.Read(make([]byte, 1))
	assert.Zero(r.t, n)
	require.Error(r.t, err)
	assert.False(r.t, errors.Is(err, os.ErrDeadlineExceeded), "the connection is still there")
}

// expectRefused dials: the reset may come before or after the dial returns.
func (r *rig) expectRefused() {
	r.t.Helper()
	if c, err := net.DialTimeout("tcp", r.link.Addr(), bound); err == nil {
		defer c.Close()
		r.expectEnd(c)
	}
}

func TestGoodLinkPassesEverything(t *testing.T) {
	r := newRig(t)
	r.send(r.near, "there")
	r.expect(r.far, "there")
	r.send(r.far, "back")
	r.expect(r.near, "back")
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // more than the pump holds
	go func() { _, _ = r.near.Write(big) }()
	r.expect(r.far, string(big))
	assert.Zero(t, r.link.Harmed())
	_ = r.near.Close()
	r.expectEnd(r.far)
}

func TestHeldComesLateAndWhole(t *testing.T) {
	r := newRig(t)
	r.link.Set(State{Out: Conditions{Held: true}})
	r.send(r.near, "late")
	r.expectNothing(r.far)
	r.send(r.far, "the other way is open")
	r.expect(r.near, "the other way is open")
	assert.Positive(t, r.link.Harmed())
	r.link.Set(State{})
	r.expect(r.far, "late")
}

func TestNoConnectionThroughACut(t *testing.T) {
	for name, s := range map[string]State{
		"there": {Out: Conditions{Held: true}}, "back": {Back: Conditions{Swallowed: true}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.link.Set(s)
			late := r.dial()
			r.send(late, "hello")
			select {
			case <-r.accepted:
				t.Fatal("the target was reached")
			case <-time.After(quiet):
			}
			r.link.Set(State{})
			r.expect(r.arrival(), "hello")
		})
	}
}

func TestTheEndOfAConnectionIsHeldToo(t *testing.T) {
	r := newRig(t)
	r.link.Set(State{Out: Conditions{Held: true}})
	r.send(r.near, "last words")
	_ = r.near.Close()
	r.expectNothing(r.far)
	r.link.Set(State{})
	r.expect(r.far, "last words")
	r.expectEnd(r.far)
}

func TestSwallowedIsLostAndTheConnectionWithIt(t *testing.T) {
	r := newRig(t)
	r.link.Set(State{Out: Conditions{Swallowed: true}})
	r.send(r.near, "lost")
	r.expectNothing(r.far)
	r.link.Set(State{})
	r.send(r.near, "what can't follow")
	r.expectEnd(r.far)
	r.expectEnd(r.near)
}

func TestRefusedResetsOldAndNew(t *testing.T) {
	r := newRig(t)
	r.link.Set(State{Refused: true})
	r.expectEnd(r.near)
	r.expectEnd(r.far)
	r.expectRefused()
	r.link.Set(State{})
	again := r.dial()
	r.send(again, "again")
	r.expect(r.arrival(), "again")
}

func TestDelayIsAdded(t *testing.T) {
	r := newRig(t)
	const delay = 60 * time.Millisecond
	r.link.Set(State{Out: Conditions{Delay: delay, Jitter: 10 * time.Millisecond}, Back: Conditions{Delay: delay}})
	begin := time.Now()
	r.send(r.near, "ping")
	r.expect(r.far, "ping")
	assert.GreaterOrEqual(t, time.Since(begin), delay)
	r.send(r.far, "pong")
	r.expect(r.near, "pong")
	assert.GreaterOrEqual(t, time.Since(begin), 2*delay)

	// What is on the way when the delay ends comes at once.
	r.link.Set(State{Out: Conditions{Delay: time.Hour}})
	r.send(r.near, "slow")
	r.expectNothing(r.far)
	r.link.Set(State{})
	r.expect(r.far, "slow")
}

func TestOrderSurvivesJitterAndStalls(t *testing.T) {
	r := newRig(t)
	r.link.Set(State{Out: Conditions{Jitter: 5 * time.Millisecond, StallPPM: 300_000, Stall: 10 * time.Millisecond}})
	var all bytes.Buffer
	for i := range 50 {
		piece := string(bytes.Repeat([]byte{byte('a' + i%26)}, 100))
		all.WriteString(piece)
		r.send(r.near, piece)
	}
	r.expect(r.far, all.String())
}

func TestLossResetsInTheEnd(t *testing.T) {
	r := newRig(t)
	r.link.Set(State{Out: Conditions{ResetPPM: 1_000_000}})
	r.send(r.near, "x")
	r.expectEnd(r.near)
	r.expectEnd(r.far)
}

func TestTargetThatIsDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	link, err := Listen(l.Addr().String(), 1)
	require.NoError(t, err)
	defer link.Close()
	r := &rig{t: t, link: link}
	r.expectRefused()
}

func TestCloseEndsWhatIsHeld(t *testing.T) {
	r := newRig(t)
	r.link.Set(State{Out: Conditions{Held: true}, Back: Conditions{Held: true}})
	waiting := r.dial()
	r.send(r.near, "held")
	r.link.Close()
	r.expectEnd(waiting)
	r.expectEnd(r.near)
}
