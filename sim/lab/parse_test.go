package lab

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func noFiles(string) ([]byte, error) { return nil, errors.New("no files here") }

func TestDistributionsHaveTheMeanTheyShould(t *testing.T) {
	for text, mean := range map[string]float64{
		"const(1.5)":                          1.5,
		"uniform(2, 4)":                       3,
		"exp(0.5)":                            2,
		"pareto(2,3)":                         3, // alpha*xm/(alpha-1)
		" mix( 0.25*const(8) +0.75*exp(1) ) ": 2.75,
		"mix(0.5*mix(0.5*const(0)+0.5*const(4))+0.5*uniform(2,4))": 2.5,
		"file:a+b).txt":                2,
		"mix(0.5*file:f+0.5*const(4))": 3,
	} {
		d, err := ParseDistribution(text, func(name string) ([]byte, error) {
			require.Contains(t, []string{"a+b).txt", "f"}, name)
			return []byte("# milliseconds\n1\n\n 3 \n2\n"), nil
		})
		require.NoError(t, err, text)
		r, sum := rand.New(rand.NewPCG(1, 2)), 0.0
		const n = 200_000
		for range n {
			x := d.Sample(r)
			require.GreaterOrEqual(t, x, 0.0)
			sum += x
		}
		require.InEpsilon(t, mean, sum/n, 0.02, text)
	}
}

func TestWhatIsNoDistributionIsExplained(t *testing.T) {
	for text, says := range map[string]string{
		"":                       `"" is no distribution`,
		"gauss(1,2)":             `"gauss" is no distribution`,
		"const":                  `"const" is no distribution`,
		"const(-1)":              "at least 0",
		"const(x)":               `"x" is not a number`,
		"const(1e300)":           "too large, allowed are times up to 1e+09 ms",
		"uniform(0,2e9)":         "too large",
		"const(NaN)":             `"NaN" is not a number`,
		"const(1,2)":             `"," where ")" is expected`,
		"uniform(3,1)":           "0 <= FROM <= TO",
		"uniform(3)":             `")" where "," is expected`,
		"pareto(0,1)":            "above 0",
		"exp(0)":                 "above 0",
		"exp(1":                  `it ends where ")" is expected`,
		"exp(1) ms":              `"ms" follows`,
		"mix(0.5*exp(1))":        "are 0.5 in sum",
		"mix(2*exp(1))":          "at most 1",
		"mix(0.5*exp(1)+exp(2))": `"exp(2" is not a number`,
		"file:":                  "without a name",
		"file:there":             "no files here",
	} {
		_, err := ParseDistribution(text, noFiles)
		require.ErrorContains(t, err, says, text)
	}
	for content, says := range map[string]string{"": "holds no number", "1\nx\n": `f:2: "x"`, "-1": `f:1: "-1"`, "NaN": "f:1"} {
		_, err := ParseDistribution("file:f", func(string) ([]byte, error) { return []byte(content), nil })
		require.ErrorContains(t, err, says)
	}
}

func TestParetoHasItsTail(t *testing.T) {
	r, above := rand.New(rand.NewPCG(3, 4)), 0
	const n = 400_000
	for range n {
		if (Pareto{Least: 1.05, Alpha: 1.51}).Sample(r) > 10 {
			above++
		}
	}
	require.InEpsilon(t, math.Pow(0.105, 1.51), float64(above)/n, 0.05)
}
