package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asQuorate, in the environment, turns the test binary into the command.
const asQuorate = "TEST_AS_QUORATE"

func TestMain(m *testing.M) {
	if os.Getenv(asQuorate) != "" {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// quorate runs the command in a process of its own.
func quorate(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asQuorate+"=1")
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		require.IsType(t, &exec.ExitError{}, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

const (
	setOne  = `{"client":1,"call":1,"return":2,"op":"set","key":"k","value":"one"}` + "\n"
	readOne = `{"client":2,"call":3,"return":4,"op":"get","key":"k","out":"one"}` + "\n"
	stale   = `{"client":2,"call":5,"return":6,"op":"get","key":"k","out":null}` + "\n"
	other   = `{"client":3,"call":1,"return":9,"op":"get","key":"other","out":null}` + "\n"
)

func TestCheckVerdicts(t *testing.T) {
	out, _, code := quorate(t, setOne+readOne+other, "check", "-")
	assert.Equal(t, exitOK, code)
	assert.Equal(t, "linearizable\n", out)

	out, _, code = quorate(t, setOne+readOne+stale+other, "check", "--model", "register", "-")
	assert.Equal(t, exitFailed, code)
	assert.Equal(t, `not linearizable
key "k": no order of these operations explains every answer
  [1, 2] client 1: set "k" "one" -> ok
  [5, 6] client 2: get "k" -> absent
`, out)
}

// A gate that is given nothing must not open.
func TestCheckEmpty(t *testing.T) {
	for _, c := range []struct {
		history string
		args    []string
	}{
		{"", nil}, {"\n", nil}, {"# nothing\n\n", nil}, {"", []string{"--checks", "sessions,convergence"}}, {"", []string{"--format", "edn"}},
	} {
		out, errs, code := quorate(t, c.history, append(append([]string{"check"}, c.args...), "-")...)
		assert.Equal(t, exitUndecided, code, "%+v %s", c, errs)
		assert.Equal(t, "undecided: the history holds no operation\n", out, "%+v", c)
	}
}

func TestCheckUndecided(t *testing.T) {
	// Which of many increments whose answers were lost add up to an odd sum
	// of even ones? None: but a search must go through the subsets.
	var h strings.Builder
	for i := range 60 {
		h.WriteString(`{"client":1,"call":1,"op":"incr","key":"hard","delta":` + strings.Repeat("8", 1+i%15) + `0` + strings.Repeat("2", i/15) + "}\n")
	}
	h.WriteString(`{"client":2,"call":2,"return":3,"op":"get","key":"hard","out":5555555555555555}` + "\n")
	out, _, code := quorate(t, h.String(), "check", "--timeout", "50ms", "-")
	assert.Equal(t, exitUndecided, code)
	assert.True(t, strings.HasPrefix(out, "undecided\n"), out)
	assert.Contains(t, out, `"hard"`)
}

func TestCheckBadInput(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history")
	write := func(s string) { require.NoError(t, os.WriteFile(file, []byte(s), 0o600)) }
	for _, c := range []struct {
		content string
		args    []string
		want    string
	}{
		{setOne + "{\n", nil, file + ":2: "},
		{setOne + `{"client":1,"call":1,"op":"delete","key":"k"}`, []string{"--model", "register"}, file + ":2: model register has no operation delete"},
		{"INFO  jepsen.util - 0\t:invoke\t:read\tnil\nINFO  jepsen.util - 0\t:ok\t:write\t1\n", []string{"--format", "jepsen"}, file + ":2: "},
		{setOne, []string{"--format", "jepsen"}, file + ":1: no operation"},
		{"\n{:process 0, :type :invoke, :f :frob}\n", []string{"--format", "edn"}, file + ":2: "},
		{setOne, []string{"--model", "queue"}, "register, cas-register, counter, kv"},
		{setOne, []string{"--format", "xml"}, "edn, jepsen, jsonl"},
		{setOne, []string{"--timeout=-1s"}, "negative"},
	} {
		write(c.content)
		out, errs, code := quorate(t, "", append([]string{"check", file}, c.args...)...)
		assert.Equal(t, exitUsage, code, c)
		assert.Empty(t, out, c)
		assert.Contains(t, errs, c.want)
	}
	_, errs, code := quorate(t, "", "check", filepath.Join(t.TempDir(), "nothing"))
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, errs, "no such file")
	_, errs, code = quorate(t, "[", "check", "-")
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, errs, "standard input:1: ")
}

func TestCheckHTML(t *testing.T) {
	for _, history := range []string{setOne + readOne + other, setOne + readOne + stale + other} {
		page := filepath.Join(t.TempDir(), "picture.html")
		quorate(t, history, "check", "--html", page, "-")
		got, err := os.ReadFile(page)
		require.NoError(t, err)
		assert.Contains(t, string(got), "<html")
		assert.Contains(t, string(got), `set \"k\" \"one\"`)
		if strings.Contains(history, stale) {
			assert.Contains(t, string(got), "no order of the marked operations")
		}
	}
	_, errs, code := quorate(t, setOne, "check", "--html", filepath.Join(t.TempDir(), "no", "where"), "-")
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, errs, "--html")
}
