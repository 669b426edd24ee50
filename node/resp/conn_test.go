package resp

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tidwall/redcon"

	"github.com/quoratedb/quorate/node/door/doortest"
)

// sockets returns both ends of a connection that the event loop can serve.
func sockets(t *testing.T) (client, server net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	client, err = net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	server, err = l.Accept()
	require.NoError(t, err)
	_ = client.(*net.TCPConn).SetLinger(0) // no port stays behind
	return client, server
}

// pipe returns both ends of a connection that is no socket.
func pipe(*testing.T) (client, server net.Conn) { return net.Pipe() }

// answers sends in, in pieces, and returns everything that comes back until the server hangs up.
func answers(t *testing.T, in []byte, piece int, connect func(*testing.T) (client, server net.Conn)) []byte {
	h := doortest.New()
	h.Bounds.BatchOps = 3
	s := New(Config{Host: h, CommandBytes: 1 << 16, ReadTimeout: time.Second, WriteTimeout: time.Second})
	ours, theirs := connect(t)
	s.admit(theirs)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for b := append(in, cmd("QUIT")...); len(b) > 0; b = b[min(piece, len(b)):] {
			if _, err := ours.Write(b[:min(piece, len(b))]); err != nil {
				return
			}
		}
	}()
	_ = ours.SetReadDeadline(time.Now().Add(5 * time.Second))
	out, err := io.ReadAll(ours)
	if err != nil { // the input ended inside a command, which took QUIT for its own
		require.ErrorContains(t, err, "timeout")
	}
	ours.Close()
	<-sent
	require.NoError(t, s.Close())
	require.Zero(t, h.Sessions.Load())
	require.Zero(t, s.big.Load())
	return out
}

// FuzzConn: whatever a client sends, the server answers in RESP, and then the
// connection and all that it held are gone. A goroutine of its own and the event
// loop give the same number of answers.
func FuzzConn(f *testing.F) {
	for _, s := range []string{cmd("SET", "a", "b") + cmd("GET", "a"), cmd("MSET", "a", "1", "b", "2", "c", "3", "d", "4") + cmd("MGET", "a", "b", "c", "d"),
		"PING\r\nINFO\r\n", cmd("HELLO", "2", "SETNAME", "x") + cmd("CLIENT", "LIST"), cmd("COMMAND") + cmd("CONFIG", "GET", "*"), "*1\r\n$99999\r\n", "\"\r\n"} {
		f.Add([]byte(s), 7)
	}
	f.Fuzz(func(t *testing.T, in []byte, piece int) {
		if len(in) > 1<<12 {
			return
		}
		// A last command that is not complete would wait for the read timeout.
		_, left, err := parseAll(in, len(in)+1)
		if err == nil {
			in = in[:len(in)-left]
		}
		var counts [2]int
		for i, connect := range []func(*testing.T) (net.Conn, net.Conn){pipe, sockets} {
			out := answers(t, bytes.Clone(in), 1+abs(piece)%512, connect)
			for ; len(out) > 0; counts[i]++ {
				n, _ := redcon.ReadNextRESP(out)
				require.Positive(t, n, "%.100q", out)
				out = out[n:]
			}
		}
		require.Equal(t, counts[0], counts[1])
	})
}
