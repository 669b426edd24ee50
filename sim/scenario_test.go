package sim

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestShippedScenariosAreRight(t *testing.T) {
	names := ScenarioNames()
	require.Equal(t, "default", names[0])
	for _, name := range names {
		s, err := FindScenario(name)
		require.NoError(t, err)
		require.NotEmpty(t, s.About)
	}
	// The default sets everything, so that what others leave out has a value.
	text, err := shipped.ReadFile("scenarios/default.yaml")
	require.NoError(t, err)
	for _, k := range scenario(t, "default").Settings() {
		section, name, _ := strings.Cut(k.Key, ".")
		require.Contains(t, string(text), section+":", k.Key)
		require.Regexp(t, `(?m)\b`+name+`:`, string(text), k.Key)
		require.NotEmpty(t, k.Value)
		require.NotEmpty(t, k.Allowed)
	}
	_, err = FindScenario("nonsense")
	require.ErrorContains(t, err, `unknown scenario "nonsense": use default, abd, buckets, claims, counters,`)
}

// TestSettingsReadBack: what Settings shows is what Set takes.
func TestSettingsReadBack(t *testing.T) {
	for _, source := range Scenarios() {
		other := scenario(t, "quiet")
		for _, k := range source.Settings() {
			require.NoError(t, other.Set(k.Key+"="+k.Value))
		}
		require.Equal(t, source.Settings(), other.Settings())
		for seed := range uint64(3) {
			a, b := Draw(seed, &source), Draw(seed, other)
			b.Scenario = a.Scenario
			require.Equal(t, string(FormatPlan(a)), string(FormatPlan(b)), "same seed and settings, same plan")
		}
	}
}

func TestScenarioFiles(t *testing.T) {
	s, err := ReadScenario("mine.yaml", []byte("about: mine\nworkload:\n  clients: 3\n  mix: set\n  distribution: {zipf: 1}\n  zipf-exponent: 2\n  keys: 6\ntopology: {clusters: 5x3}\n"))
	require.NoError(t, err)
	require.Equal(t, "mine", s.About)
	p := Draw(1, s)
	require.Equal(t, 3, p.Config.Clients)
	require.Equal(t, []int{5, 3}, []int{p.Config.Nodes, p.Config.N})
	require.Equal(t, "mine.yaml", p.Scenario)

	for _, c := range []struct{ text, want string }{
		{"", "mine.yaml:1:1: the file is empty"},
		{"workload: {keys: 1}", "mine.yaml:1:1: about is missing"},
		{"about: x\nworkload:\n  keyz: 3", "mine.yaml:3:3: unknown setting workload.keyz: workload has clients, keys"},
		{"about: x\nwork: 3", "mine.yaml:2:1: unknown setting work: use about, topology, workload"},
		{"about: x\nworkload: 3", "mine.yaml:2:11: use settings here"},
		{"about: x\nworkload:\n  keys: 1..999", `mine.yaml:3:9: workload.keys: "1..999": use 1 to 128, one value or a range A..B`},
		{"about: x\nworkload:\n  keys: 5..1", `mine.yaml:3:9: workload.keys: "5..1"`},
		{"about: x\nworkload:\n  counters: 30", `mine.yaml:3:13: workload.counters: "30": use 0% to 100%`},
		{"about: x\nphases:\n  safety: soon", `mine.yaml:3:11: phases.safety: "soon": use 1ms to 1h`},
		{"about: x\nworkload:\n  mix: {get: 1, put: 2}", `mine.yaml:3:17: workload.mix: "put": use get, head`},
		{"about: x\nworkload:\n  mix: {get: many}", `mine.yaml:3:14: workload.mix: get: "many": use a weight`},
		{"about: x\nfaults:\n  kinds: meteor", `mine.yaml:3:10: faults.kinds: "meteor": use kill, power`},
		{"about: x\nfaults:\n  triggers: [sync]", "mine.yaml:3:13: faults.triggers: use a name, or names with weights"},
		{"about: x\ntopology:\n  clusters: 3x9", `mine.yaml:3:13: topology.clusters: "3x9": use NODESxREPLICAS`},
		{"about: x\ntopology:\n  partitions: [2, 3]", `mine.yaml:3:19: topology.partitions: "3": use a power of two`},
		{"about: x\noracles:\n  sessions: maybe", `mine.yaml:3:13: oracles.sessions: "maybe": use on or off`},
		{"about: x\nabout: y", "mine.yaml:2:1: "},
		{"about: [x", "mine.yaml:1:"},
		{"about: x\n---\nabout: y", "2:1: a second document begins here, one is allowed"},
		{"about: x\nbuckets: {share: 0%}\nscripts: {number: 1, kinds: stand-ins}", "3:22: scripts.kinds: stand-ins never does anything here: use buckets.share"},
		{"about: x\nscripts: {number: 1, kinds: remake}", "2:22: scripts.kinds: remake never does anything here: use map.share above 0%"},
	} {
		_, err := ReadScenario("mine.yaml", []byte(c.text))
		require.ErrorContains(t, err, c.want, c.text)
	}
}

func TestSetChangesOneSetting(t *testing.T) {
	s := scenario(t, "default")
	require.NoError(t, s.Set("topology.clusters=7x5"))
	require.NoError(t, s.Set("oracles.liveness=off"))
	p := Draw(1, s)
	require.Equal(t, 7, p.Config.Nodes)
	require.Equal(t, []string{Liveness}, p.Config.Unjudged)
	require.Equal(t, []string{"topology.clusters=7x5", "oracles.liveness=off"}, s.Changes())
	require.ErrorContains(t, s.Set("topology.clusters"), "use KEY=VALUE")
	require.ErrorContains(t, s.Set("topology.clusters="), "the value is missing")
	require.ErrorContains(t, s.Set("topology.cluster=1"), "unknown setting topology.cluster: topology has clusters,")
}

// TestDistributions: hot and zipf prefer a key, uniform does not.
func TestDistributions(t *testing.T) {
	most := func(kind string) (share float64) {
		s := scenario(t, "quiet")
		for _, set := range []string{"workload.keys=6", "workload.operations=600", "workload.per-key=600", "workload.counters=0%",
			"workload.hot-share=60%", "workload.zipf-exponent=1.5", "workload.distribution=" + kind} {
			require.NoError(t, s.Set(set))
		}
		counts := map[int]int{}
		p := Draw(1, s)
		for _, op := range p.Ops {
			counts[op.Key]++
		}
		for k := range counts {
			share = max(share, float64(counts[k])/float64(len(p.Ops)))
		}
		return share
	}
	require.InDelta(t, 1.0/6, most("uniform"), 0.06)
	require.InDelta(t, 0.67, most("hot"), 0.08)
	require.InDelta(t, 0.51, most("zipf"), 0.09)
}
