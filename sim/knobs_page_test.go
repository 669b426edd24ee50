package sim

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite docs/knobs.md")

// TestTheKnobsPageIsCurrent: docs/knobs.md explains every setting, as it is. `go test
// ./sim -run KnobsPage -update` rewrites it.
func TestTheKnobsPageIsCurrent(t *testing.T) {
	const page = "../docs/knobs.md"
	want := knobsPage(scenario(t, "default").Settings())
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o644))
	}
	got, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
}

func knobsPage(settings []Setting) string {
	var b strings.Builder
	b.WriteString(`# Every setting of a scenario

A scenario file sets some of these ([simulation.md](simulation.md), "Scenarios"), ` + "`--set KEY=VALUE`" + ` one of them; what neither sets is as in
` + "`default`" + `. Each seed draws from a range ` + "`A..B`" + `, both ends included; where it says (log), every factor of two is as likely as any other.
Of names with weights it takes one, by weight; a share is the part of the seeds, or of the cases, for which something holds.
` + "`quorate sim --scenario NAME --set help`" + ` prints the same with the values of a scenario. This page is written by
` + "`go test ./sim -run KnobsPage -update`" + `.
`)
	section := ""
	for _, s := range settings {
		name, _, ok := strings.Cut(s.Key, ".")
		if !ok {
			name = "scenario"
		}
		if name != section {
			section = name
			fmt.Fprintf(&b, "\n## %s\n\n| setting | in `default` | what it is | allowed |\n|---|---|---|---|\n", section)
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", s.Key, cell(s.Value), cell(s.About), cell(s.Allowed))
	}
	return b.String()
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
