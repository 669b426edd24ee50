package resp

import (
	"strconv"
	"strings"
)

// command is one entry of the table of commands.
type command struct {
	name  string
	arity int // as Redis counts: the name included, negative for "at least"
	keys  [3]int
	flags []string
	// data plans operations: it appends to w.ops and w.pending and returns "",
	// or appends nothing and returns an error for the client.
	data func(c *conn, args [][]byte) string
	// run answers at once, after everything pending.
	run func(c *conn, args [][]byte)
	// waits says that run may wait for the node, or is long at work: it gets a
	// goroutine of its own.
	waits bool
}

// commands is the table, byName the same by name. The functions in it reach the
// table again (COMMAND), hence init.
var (
	commands []*command
	byName   = map[string]*command{}
)

func init() {
	commands = table(
		command{name: "get", arity: 2, keys: oneKey, flags: reads, data: planGet},
		command{name: "set", arity: -3, keys: oneKey, flags: writes, data: planSet},
		command{name: "setnx", arity: 3, keys: oneKey, flags: writes, data: planSetNX},
		command{name: "getdel", arity: 2, keys: oneKey, flags: writes, data: planGetDel},
		command{name: "del", arity: -2, keys: allKeys, flags: writes, data: planDel},
		command{name: "exists", arity: -2, keys: allKeys, flags: reads, data: planExists},
		command{name: "mget", arity: -2, keys: allKeys, flags: reads, data: planMGet},
		command{name: "mset", arity: -3, keys: [3]int{1, -1, 2}, flags: writes, data: planMSet},
		command{name: "incr", arity: 2, keys: oneKey, flags: writes, data: planIncr},
		command{name: "decr", arity: 2, keys: oneKey, flags: writes, data: planDecr},
		command{name: "incrby", arity: 3, keys: oneKey, flags: writes, data: planIncrBy},
		command{name: "decrby", arity: 3, keys: oneKey, flags: writes, data: planDecrBy},
		command{name: "cas", arity: 4, keys: oneKey, flags: writes, data: planCAS},
		command{name: "setex", arity: 4, keys: oneKey, flags: writes, data: planSetEX},
		command{name: "psetex", arity: 4, keys: oneKey, flags: writes, data: planSetEX},
		command{name: "cget", arity: -2, keys: oneKey, flags: reads, data: planCGet},
		command{name: "cset", arity: -4, keys: oneKey, flags: writes, data: planCSet},
		command{name: "cdel", arity: -3, keys: oneKey, flags: writes, data: planCDel},
		command{name: "cincrby", arity: -3, keys: oneKey, flags: writes, data: planCIncrBy},
		command{name: "dbsize", arity: 1, flags: reads, run: runDBSize, waits: true},
		command{name: "ping", arity: -1, flags: fast, run: runPing},
		command{name: "echo", arity: 2, flags: fast, run: runEcho},
		command{name: "select", arity: 2, flags: fast, run: runSelect},
		command{name: "quit", arity: -1, flags: fast, run: runQuit},
		command{name: "reset", arity: 1, flags: fast, run: runReset},
		command{name: "hello", arity: -1, flags: fast, run: runHello},
		command{name: "auth", arity: -2, flags: fast, run: runAuth},
		command{name: "client", arity: -2, flags: admin, run: runClient, waits: true},
		command{name: "command", arity: -1, flags: admin, run: runCommand},
		command{name: "config", arity: -2, flags: admin, run: runConfig},
		command{name: "info", arity: -1, flags: admin, run: runInfo, waits: true},
	)
	for _, cmd := range commands {
		byName[cmd.name] = cmd
	}
}

var (
	oneKey  = [3]int{1, 1, 1}
	allKeys = [3]int{1, -1, 1}
	reads   = []string{"readonly", "fast"}
	writes  = []string{"write"}
	fast    = []string{"fast"}
	admin   = []string{"loading", "stale"}
)

func table(list ...command) []*command {
	out := make([]*command, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

// lookup finds a command by its name in any case, without allocating.
func lookup(name []byte) *command {
	var low [16]byte
	if len(name) > len(low) {
		return nil
	}
	for i, b := range name {
		if b >= 'A' && b <= 'Z' {
			b += 'a' - 'A'
		}
		low[i] = b
	}
	return byName[string(low[:len(name)])]
}

// command plans or runs one command. It is false for one that must wait: until
// what is planned has its results, or, if nothing is, for runHeld.
func (c *conn) command(args [][]byte) bool {
	cmd := lookup(args[0])
	if cmd == nil {
		return c.fail(unknownCommand(args))
	}
	if len(args) < cmd.arity || cmd.arity < 0 && len(args) < -cmd.arity || cmd.arity > 0 && len(args) != cmd.arity {
		return c.fail(wrongArity(cmd.name))
	}
	if c.last.Load() != cmd {
		c.last.Store(cmd)
	}
	if cmd.data == nil {
		if len(c.w.pending) > 0 || cmd.waits {
			return false
		}
		cmd.run(c, args)
		return true
	}
	if len(c.w.ops) >= c.batchOps {
		return false
	}
	if msg := cmd.data(c, args); msg != "" {
		return c.fail(msg)
	}
	return true
}

// fail answers an error, if its place among the replies has come.
func (c *conn) fail(msg string) bool {
	if len(c.w.pending) > 0 {
		return false
	}
	c.error(msg)
	return true
}

func wrongArity(name string) string {
	return "ERR wrong number of arguments for '" + name + "' command"
}

// unknownCommand is worded as in Redis, which shows 128 bytes of name and arguments.
func unknownCommand(args [][]byte) string {
	var b strings.Builder
	b.WriteString("ERR unknown command '")
	b.WriteString(shown(args[0], 128))
	b.WriteString("', with args beginning with: ")
	left := 128
	for _, a := range args[1:] {
		if left <= 0 {
			break
		}
		word := shown(a, left)
		left -= len(word)
		b.WriteString("'" + word + "' ")
	}
	return b.String()
}

// shown is client input fit for a one-line reply.
func shown(b []byte, most int) string {
	b = b[:min(len(b), most)]
	q := strconv.QuoteToASCII(string(b))
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}
