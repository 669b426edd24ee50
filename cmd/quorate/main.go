// Command quorate is the one binary of the project: a node, a development
// cluster, the simulator, the checkers and the operator's tools.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/alecthomas/kong"
)

// The exit codes of every command.
const (
	exitOK        = 0
	exitFailed    = 1 // a violation, a history that is not linearizable, a runtime failure
	exitUsage     = 2 // bad flags, unreadable input
	exitUndecided = 3 // undecided or vacuous
	// exitInterrupted is what a shell makes of a process that SIGINT ends.
	exitInterrupted = 130
)

// exitError carries an exit code; an empty message prints nothing.
type exitError struct {
	code int
	msg  string
}

func (e *exitError) Error() string { return e.msg }

// cli is the command line. Each command lives in the file of its name.
type cli struct {
	Node    nodeCmd    `cmd:"" help:"Run one node."`
	Dev     devCmd     `cmd:"" help:"Run a cluster of processes on this machine."`
	Torture tortureCmd `cmd:"" help:"Load and harm a cluster of processes and judge it."`
	Ctl     ctlCmd     `cmd:"" help:"Ask a running node."`
	Bench   benchCmd   `cmd:"" help:"Measure failover and memory."`
	Sim     simCmd     `cmd:"" help:"Run seeds of the simulator."`
	Lab     labCmd     `cmd:"" help:"Measure what consistency settings cost and promise."`
	Check   checkCmd   `cmd:"" help:"Judge a recorded history."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	c := cli{Node: newNodeCmd()}
	parser, err := kong.New(&c, kong.Name("quorate"),
		kong.Description("A key-value store whose consistency settings are checked claims."),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		panic(err) // the command line's own definition is wrong
	}
	ctx, err := parser.Parse(args)
	if err != nil {
		parser.Errorf("%s", err)
		return exitUsage
	}
	err = ctx.Run(&c)
	var exit *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		if exit.msg != "" {
			fmt.Fprintln(os.Stderr, "quorate:", exit.msg)
		}
		return exit.code
	default:
		fmt.Fprintln(os.Stderr, "quorate:", err)
		return exitFailed
	}
}
