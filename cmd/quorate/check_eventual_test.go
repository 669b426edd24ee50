package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	eventualKey  = `{"key":"k","policy":"lww","n":3}` + "\n"
	eventualSet  = `{"key":"k","client":1,"call":1,"return":2,"op":"set","outcome":"ok","value":"a","quorum":3,"stamp":{"ms":5,"node":1}}` + "\n"
	eventualRead = `{"key":"k","client":1,"call":3,"return":4,"op":"get","outcome":"ok","saw":["a"],"whole":true,"quorum":1}` + "\n"
	eventualMiss = `{"key":"k","client":1,"call":5,"return":6,"op":"get","outcome":"ok","whole":true,"quorum":1}` + "\n"
)

func TestCheckEventual(t *testing.T) {
	out, _, code := quorate(t, eventualKey+eventualSet+eventualRead, "check", "--model", "eventual", "-")
	require.Equal(t, exitOK, code)
	require.Equal(t, "kept: 2 operations, 1 keys\n", out)

	out, _, code = quorate(t, eventualKey+eventualSet+eventualRead+eventualMiss, "check", "--model", "eventual", "--key", "k", "-")
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, `key "k": read-your-writes: `)
	require.Contains(t, out, `  [1, 2] client 1: set "a" -> ok`)

	_, _, code = quorate(t, eventualKey, "check", "--model", "eventual", "-")
	require.Equal(t, exitUndecided, code, "a gate that is given nothing must not open")
	_, errs, code := quorate(t, eventualKey+eventualSet, "check", "--model", "eventual", "--key", "z", "-")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, `--key: the history has no key "z"`)
	_, errs, code = quorate(t, eventualSet, "check", "--model", "eventual", "-")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "standard input: line 1: ")
	_, errs, code = quorate(t, "", "check", "--model", "eventual", "--checks", "all", "-")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "do not go with it")
}

func TestCheckJudgesTheKeysThatAreNamed(t *testing.T) {
	_, _, code := quorate(t, setOne+readOne+stale+other, "check", "--key", "other", "-")
	require.Equal(t, exitOK, code)
	_, _, code = quorate(t, setOne+readOne+stale+other, "check", "--key", "other", "--key", "k", "-")
	require.Equal(t, exitFailed, code)
	_, errs, code := quorate(t, setOne, "check", "--key", "z", "-")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, `--key: the history has no operation on "z"`)
}
