package resp

import (
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/tidwall/redcon"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/node/door"
)

func (c *conn) ok()             { c.w.out = redcon.AppendOK(c.w.out) }
func (c *conn) bulk(s string)   { c.w.out = redcon.AppendBulkString(c.w.out, s) }
func (c *conn) integer(n int64) { c.w.out = redcon.AppendInt(c.w.out, n) }
func (c *conn) array(n int)     { c.w.out = redcon.AppendArray(c.w.out, n) }
func (c *conn) simple(s string) { c.w.out = redcon.AppendString(c.w.out, s) }
func (c *conn) strings(s ...string) {
	c.array(len(s))
	for _, e := range s {
		c.bulk(e)
	}
}

func runPing(c *conn, args [][]byte) {
	switch len(args) {
	case 1:
		c.simple("PONG")
	case 2:
		c.w.out = redcon.AppendBulk(c.w.out, args[1])
	default:
		c.error(wrongArity("ping"))
	}
}

func runEcho(c *conn, args [][]byte) { c.w.out = redcon.AppendBulk(c.w.out, args[1]) }

func runQuit(c *conn, _ [][]byte) {
	c.ok()
	c.closing = true
}

func runReset(c *conn, _ [][]byte) {
	c.name.Store(nil)
	c.enter(c.s.cfg.Host.Bucket(kv.DefaultBucket))
	c.simple("RESET")
}

const noPassword = "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"

func runAuth(c *conn, args [][]byte) {
	if len(args) > 3 {
		c.error(errSyntax)
		return
	}
	c.error(noPassword)
}

// runHello answers HELLO [protover [AUTH user password] [SETNAME name]].
// Nothing is set unless everything is accepted.
func runHello(c *conn, args [][]byte) {
	name := ""
	named := false
	for i := 2; i < len(args); {
		switch {
		case isWord(args[i], "AUTH") && i+2 < len(args):
			c.error(noPassword)
			return
		case isWord(args[i], "SETNAME") && i+1 < len(args):
			if name, named = string(args[i+1]), true; !validName(name) {
				c.error(badName)
				return
			}
			i += 2
		default:
			c.error("ERR Syntax error in HELLO option '" + shown(args[i], 64) + "'")
			return
		}
	}
	if len(args) > 1 {
		v, ok := parseInt(args[1])
		if !ok {
			c.error("ERR Protocol version is not an integer or out of range")
			return
		}
		if v != 2 {
			c.error("NOPROTO unsupported protocol version")
			return
		}
	}
	if named {
		c.name.Store(&name)
	}
	c.array(14)
	c.bulk("server")
	c.bulk("redis")
	c.bulk("version")
	c.bulk(redisVersion)
	c.bulk("proto")
	c.integer(2)
	c.bulk("id")
	c.integer(int64(c.id))
	c.bulk("mode")
	c.bulk("standalone")
	c.bulk("role")
	c.bulk("master")
	c.bulk("modules")
	c.array(0)
}

const badName = "ERR Client names cannot contain spaces, newlines or special characters."

func validName(s string) bool {
	for i := range len(s) {
		if s[i] < '!' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= 256
}

// runClient answers what clients send when they connect, and LIST.
func runClient(c *conn, args [][]byte) {
	sub := strings.ToUpper(shown(args[1], 32))
	want := map[string]int{"SETNAME": 3, "GETNAME": 2, "ID": 2, "INFO": 2, "SETINFO": 4, "NO-EVICT": 3, "NO-TOUCH": 3, "LIST": 0}
	n, known := want[sub]
	switch {
	case !known:
		c.error("ERR unknown subcommand '" + shown(args[1], 64) + "'. Known are SETNAME, GETNAME, ID, INFO, LIST, SETINFO, NO-EVICT and NO-TOUCH")
		return
	case n != 0 && len(args) != n:
		c.error(wrongArity("client|" + strings.ToLower(sub)))
		return
	}
	switch sub {
	case "SETNAME":
		name := string(args[2])
		if !validName(name) {
			c.error(badName)
			return
		}
		c.name.Store(&name)
		c.ok()
	case "GETNAME":
		if name := c.name.Load(); name != nil && *name != "" {
			c.bulk(*name)
		} else {
			c.w.out = redcon.AppendNull(c.w.out)
		}
	case "ID":
		c.integer(int64(c.id))
	case "INFO":
		c.bulk(c.describe() + "\n")
	case "LIST":
		if len(args) != 2 {
			c.error("ERR CLIENT LIST takes no filters here")
			return
		}
		var b strings.Builder
		for _, o := range c.s.clients() {
			b.WriteString(o.describe())
			b.WriteByte('\n')
		}
		c.bulk(b.String())
	case "SETINFO":
		c.setInfo(args[2], string(args[3]))
	default: // NO-EVICT, NO-TOUCH: nothing is ever evicted
		if !isWord(args[2], "ON") && !isWord(args[2], "OFF") {
			c.error(errSyntax)
			return
		}
		c.ok()
	}
}

func (c *conn) setInfo(what []byte, value string) {
	switch {
	case !isWord(what, "LIB-NAME") && !isWord(what, "LIB-VER"):
		c.error("ERR Unrecognized option '" + shown(what, 64) + "', allowed are LIB-NAME and LIB-VER")
	case !validName(value):
		c.error("ERR " + strings.ToLower(string(what)) + " cannot contain spaces, newlines or special characters.")
	default:
		if isWord(what, "LIB-NAME") {
			c.lib.Store(&value)
		}
		c.ok()
	}
}

// describe is the connection's line of CLIENT LIST. It has fields of Redis's alone:
// clients that read it refuse others.
func (c *conn) describe() string {
	name, lib, last, at := "", "", "NULL", c.selected.Load()
	if p := c.name.Load(); p != nil {
		name = *p
	}
	if p := c.lib.Load(); p != nil {
		lib = *p
	}
	if p := c.last.Load(); p != nil {
		last = p.name
	}
	return fmt.Sprintf("id=%d addr=%s laddr=%s name=%s age=%d db=%d cmd=%s lib-name=%s resp=2",
		c.id, c.remote, c.local, name, int(time.Since(c.opened).Seconds()), at.slot, last, lib)
}

// runCommand answers COMMAND, which clients use to learn where keys are.
func runCommand(c *conn, args [][]byte) {
	if len(args) == 1 {
		c.array(len(commands))
		for _, cmd := range commands {
			c.commandInfo(cmd)
		}
		return
	}
	switch {
	case isWord(args[1], "COUNT") && len(args) == 2:
		c.integer(int64(len(commands)))
	case isWord(args[1], "DOCS"):
		c.array(0)
	case isWord(args[1], "LIST") && len(args) == 2:
		c.array(len(commands))
		for _, cmd := range commands {
			c.bulk(cmd.name)
		}
	case isWord(args[1], "INFO"):
		c.array(len(args) - 2)
		for _, name := range args[2:] {
			if cmd := lookup(name); cmd != nil {
				c.commandInfo(cmd)
			} else {
				c.w.out = append(c.w.out, "*-1\r\n"...)
			}
		}
	default:
		c.error("ERR unknown subcommand or wrong number of arguments for '" + shown(args[1], 64) + "'. Known are COUNT, DOCS, INFO and LIST")
	}
}

func (c *conn) commandInfo(cmd *command) {
	c.array(6)
	c.bulk(cmd.name)
	c.integer(int64(cmd.arity))
	c.array(len(cmd.flags))
	for _, f := range cmd.flags {
		c.simple(f)
	}
	for _, k := range cmd.keys {
		c.integer(int64(k))
	}
}

// runConfig answers CONFIG GET with the settings that Redis tools ask for.
func runConfig(c *conn, args [][]byte) {
	if !isWord(args[1], "GET") {
		c.error("ERR CONFIG " + shown(args[1], 32) + " is not supported, allowed is CONFIG GET: settings live in the node's configuration file")
		return
	}
	if len(args) < 3 {
		c.error(wrongArity("config|get"))
		return
	}
	settings := [][2]string{
		{"appendfsync", "always"}, {"appendonly", "yes"}, {"databases", fmt.Sprint(c.databases())},
		{"maxclients", fmt.Sprint(c.s.cfg.MaxConns)}, {"maxmemory", "0"}, {"maxmemory-policy", "noeviction"},
		{"proto-max-bulk-len", fmt.Sprint(c.s.limits.ValueBytes)}, {"save", ""}, {"timeout", "0"},
	}
	var out []string
	for _, s := range settings {
		for _, pattern := range args[2:] {
			if ok, err := path.Match(strings.ToLower(string(pattern)), s[0]); ok && err == nil {
				out = append(out, s[0], s[1])
				break
			}
		}
	}
	c.strings(out...)
}

func runDBSize(c *conn, _ [][]byte) {
	b := c.s.cfg.Host.Bucket(c.bucket)
	if b == nil { // nil would stand for the default one
		c.error("ERR " + oneLine(door.NoBucket(c.s.cfg.Host, c.bucket)))
		return
	}
	keys, _, err := c.s.cfg.Host.CountKeys(b)
	if err != nil {
		c.error("UNAVAILABLE the keys cannot be counted now: " + err.Error())
		return
	}
	c.integer(int64(keys))
}
