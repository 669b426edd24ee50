package main

import (
	"bufio"
	"bytes"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	lin "github.com/quoratedb/quorate/linearizability"
)

func TestResult(t *testing.T) {
	get, incr := &lin.Op{Kind: lin.Get}, &lin.Op{Kind: lin.Incr}
	for text, want := range map[string]lin.Outcome{"UNKNOWN outcome": lin.Unknown, "UNAVAILABLE no majority": lin.Failed, "OVERLOADED": lin.Failed} {
		res, err := result(get, respReply{kind: '-', text: text})
		require.NoError(t, err)
		assert.Equal(t, want, res.Outcome, text)
	}
	_, err := result(get, respReply{kind: '-', text: "ERR out of luck"})
	assert.ErrorContains(t, err, "ERR out of luck")
	_, err = result(incr, respReply{kind: '$', text: "7"})
	assert.ErrorContains(t, err, "where : is due")
	res, err := result(&lin.Op{Kind: lin.Set, Cond: lin.IfAbsent}, respReply{kind: '$', null: true})
	require.NoError(t, err)
	assert.Equal(t, lin.Result{Outcome: lin.OK}, res)
}

func TestConsecutivePorts(t *testing.T) {
	eps, err := consecutivePorts(3, 8080, 7379, 9000)
	require.NoError(t, err)
	assert.Equal(t, endpoints{http: "127.0.0.1:8082", resp: "127.0.0.1:7381", peer: "127.0.0.1:9002"}, eps[2])
	_, err = consecutivePorts(3, 8080, 8082, 9000)
	assert.ErrorContains(t, err, "--resp-port 8082 overlaps with --http-port 8080")
	_, err = consecutivePorts(3, 8080, 7379, 65534)
	assert.ErrorContains(t, err, "--peer-port: 65534 is out of range")
}

func TestCheckPortsNamesTheTakenOne(t *testing.T) {
	l, err := net.Listen("tcp", loopback+":0")
	require.NoError(t, err)
	defer l.Close()
	free, err := freePorts(1)
	require.NoError(t, err)
	require.NoError(t, checkPorts(free))
	free[0].resp = l.Addr().String()
	err = checkPorts(free)
	assert.ErrorContains(t, err, "node 1 cannot listen on its resp port, "+l.Addr().String())
}

func TestPrintTable(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, printTable(&out, []byte(`{"node":1,"data_bytes":2048,"key":"a\u001bb","peers":[{"node":2,"alive":true},{"node":3,"zone":"b"}]}`)))
	text := out.String()
	assert.Contains(t, text, "2.0 KiB")
	assert.NotContains(t, text, "\x1b")
	assert.Regexp(t, `(?m)^node +alive +zone\n2 +true +-\n3 +- +b$`, text)
	assert.Error(t, printTable(&out, []byte("<html>")))
}

func TestRESPReplies(t *testing.T) {
	for in, want := range map[string]respReply{
		"+OK\r\n":          {kind: '+', text: "OK"},
		"-UNKNOWN x\r\n":   {kind: '-', text: "UNKNOWN x"},
		":-7\r\n":          {kind: ':', text: "-7", num: -7},
		"$-1\r\n":          {kind: '$', null: true},
		"$4\r\na\r\nb\r\n": {kind: '$', text: "a\r\nb", num: 4},
	} {
		got, err := readReply(in)
		require.NoError(t, err, in)
		assert.Equal(t, want, got)
	}
	for _, bad := range []string{"", "+OK", "x\r\n", "*1\r\n", ":x\r\n", "$5\r\nab", "$99999999999\r\n"} {
		_, err := readReply(bad)
		assert.Error(t, err, bad)
	}
}

func readReply(in string) (respReply, error) {
	return (&respConn{r: bufio.NewReader(strings.NewReader(in))}).read()
}

func TestGCPercent(t *testing.T) {
	assert.Equal(t, 1000, gcPercent(0))
	assert.Equal(t, 1000, gcPercent(4<<20))
	assert.Equal(t, 200, gcPercent(96<<20))
	assert.Equal(t, 100, gcPercent(10<<30))
}
