//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDeterminismScript gives scripts/determinism.sh a simulator that has a
// fault, and expects to be told which.
func TestDeterminismScript(t *testing.T) {
	for _, c := range []struct{ name, fault, want string }{
		{"none", ``, `^determinism: 3 seeds of scenario default gave equal runs in two processes\n` +
			`determinism: 1 seeds of each of 1 other scenarios gave equal runs in two processes\n$`},
		{"it depends on cores", `[ "$GOMAXPROCS" = 1 ] || harm`,
			`(?s)two different runs, in scenario default:.*seed 1, the traces part at line \d+, in .*\n  alone  {.*\n  again  {`},
		{"seed 2 harms those after it", `case " $* " in *" --reverse "*) ;; *" 1..3 "*|*" 2..3 "*) harm;; esac`,
			`(?s)seed 1 alone gave 3 equal pairs.*seed 1 are equal, alone and among others.*seed 3, the traces part at line .*\n  alone  {.*\n  among  {.*` +
				`among: quorate sim --scenario default --seeds 2..3 -j 1 --trace-of 3 --trace FILE`},
		{"of a process that ends early", `case " $* " in *" --reverse "*) exit 7;; esac`,
			`determinism: 0 trace hashes for 3 seeds, code 7: quorate sim --scenario default --seeds 1..3 -j 4 --reverse`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			stub := filepath.Join(t.TempDir(), "quorate")
			require.NoError(t, os.WriteFile(stub, fmt.Appendf(nil, `#!/bin/sh
harm() { harmed=1; }
case " $* " in *" help "*) echo "default  the usual"; echo "quiet    without faults"; exit;; esac
%s
[ -z "$harmed" ] || set -- "$@" --set phases.safety=777ms
exec %q "$@"
`, c.fault, os.Args[0]), 0o700))
			cmd := exec.Command("../../scripts/determinism.sh", "1..3", "1..1")
			cmd.Env = append(os.Environ(), asQuorate+"=1", "QUORATE="+stub)
			out, err := cmd.CombinedOutput()
			assert.Equal(t, c.name != "none", err != nil)
			assert.Regexp(t, c.want, string(out))
		})
	}
}
