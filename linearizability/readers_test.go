package linearizability

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadJepsen(t *testing.T) {
	in, err := ReadJepsen(strings.NewReader(`INFO  jepsen.core - Run starting
INFO  jepsen.util - 0	:invoke	:read	nil
INFO  jepsen.util - 1	:invoke	:cas	[1 2]
INFO  jepsen.util - 2	:invoke	:cas	[3 4]
INFO  jepsen.util - :nemesis	:info	:start	nil
INFO  jepsen.util - 3	:invoke	:write	5
INFO  jepsen.util - 0	:ok	:read	nil
INFO  jepsen.util - 1	:fail	:cas	[1 2]
INFO  jepsen.util - 2	:info	:cas	:timed-out
INFO  jepsen.util - 3	:fail	:write	5
INFO  jepsen.util - 0	:invoke	:read	nil
INFO  jepsen.util - 0	:fail	:read	:timed-out
INFO  jepsen.util - 0	:invoke	:cas	[1 2]
INFO  jepsen.util - 0	:fail	:cas	:connection-refused
`))
	require.NoError(t, err)
	assert.Equal(t, History{
		{Kind: Get, Call: 2, Return: 7, Result: Result{Outcome: OK, Saw: SawValue, Applied: true}},
		{Client: 1, Kind: CAS, Expected: "1", Value: "2", Call: 3, Return: 8, Result: Result{Outcome: OK}},
		{Client: 2, Kind: CAS, Expected: "3", Value: "4", Call: 4},
		{Client: 3, Kind: Set, Value: "5", Call: 6, Return: 10, Result: Result{Outcome: Failed}},
		{Kind: Get, Call: 11, Return: 12, Result: Result{Outcome: Failed}},
		{Kind: CAS, Expected: "1", Value: "2", Call: 13, Return: 14, Result: Result{Outcome: Failed}},
	}, in.History)
	assert.Equal(t, []int{2, 3, 4, 6, 11, 13}, in.Lines)
}

func TestReadEDN(t *testing.T) {
	in, err := ReadEDN(strings.NewReader(`; a comment
{:process 0, :type :invoke, :f :put, :key "k", :value "a \"quoted\" }"}
{:process 1 :type :invoke :f :append :key 7 :value 5 :index 3 :time 99}
{:process :nemesis, :type :info, :f :start, :value nil}
{:process 0, :type :ok, :f :put, :key "k", :value "a \"quoted\" }"}
{:process 0, :type :invoke, :f :get, :key "k", :value nil}
{:process 1, :type :info, :f :append, :key 7, :value 5}
{:process 0, :type :ok, :f :get, :key "k", :value ""}
{:process 0, :type :invoke, :f :cas, :value [1 2]}
{:process 0, :type :fail, :f :cas, :value [1 2]}
{:process 0, :type :invoke, :f :put, :key "k", :value ""}
{:process 0, :type :ok, :f :put, :key "k", :value ""}
`))
	require.NoError(t, err)
	assert.Equal(t, History{
		{Kind: Set, Key: "k", Value: `a "quoted" }`, Call: 2, Return: 5, Result: Result{Outcome: OK, Applied: true}},
		{Client: 1, Kind: Append, Key: "7", Value: "5", Call: 3},
		{Kind: Get, Key: "k", Call: 6, Return: 8, Result: Result{Outcome: OK, Saw: SawValue, Applied: true}},
		{Kind: CAS, Expected: "1", Value: "2", Call: 9, Return: 10, Result: Result{Outcome: OK}},
		{Kind: Delete, Key: "k", Call: 11, Return: 12, Result: Result{Outcome: OK, Applied: true}},
	}, in.History)
}

func TestReadersRefuse(t *testing.T) {
	const call = "INFO  jepsen.util - 0\t:invoke\t:write\t1\n"
	const put = `{:process 0, :type :invoke, :f :put, :key "k", :value "a"}` + "\n"
	for _, c := range []struct {
		format, text string
		line         int
		want         string
	}{
		{"jepsen", call + call, 2, "not answered"},
		{"jepsen", call + "INFO  jepsen.util - 1\t:ok\t:write\t1\n", 2, "no open call"},
		{"jepsen", call + "INFO  jepsen.util - 0\t:ok\t:read\t1\n", 2, "is a set"},
		{"jepsen", call + "INFO  jepsen.util - 0\t:ok\t:write\t2\n", 2, "answers"},
		{"jepsen", "INFO  jepsen.util - 0\t:invoke\t:write\tx\n", 1, "integer"},
		{"jepsen", "INFO  jepsen.util - 0\t:invoke\t:cas\t1\n", 1, "pair"},
		{"jepsen", "INFO  jepsen.util - 0\t:invoke\t:enqueue\t1\n", 1, "not an event"},
		{"jepsen", call + "INFO  jepsen.util - 0\t:huh\t:write\t1\n", 2, "not an event"},
		{"jepsen", call + "INFO  jepsen.util - 0\t:o", 2, "not an event"},
		{"jepsen", "INFO  jepsen.util - 99999999999\t:invoke\t:read\tnil\n", 1, "too large"},
		{"jepsen", "{}\n{}\n", 2, "no operation"},
		{"edn", put + put, 2, "not answered"},
		{"edn", put + "[1 2]", 2, "not an EDN map"},
		{"edn", put + "{:process", 2, "not an EDN map"},
		{"edn", put + "{:process 1, :type :invoke, :f :drain}", 2, "use :get"},
		{"edn", put + `{:process 0, :type :done, :f :put}`, 2, "use :invoke"},
		{"edn", `{:type :invoke, :f :put}`, 1, ":process"},
		{"edn", `{:process 1, :type :invoke, :f :put, :value [1]}`, 1, "a string or an integer"},
		{"edn", `{:process 1, :type :invoke, :f :cas, :value 1}`, 1, "pair"},
		{"edn", `{:process 1, :type :invoke, :f :cas, :value ["" 1]}`, 1, "empty string"},
	} {
		_, err := Formats[c.format](strings.NewReader(c.text))
		var bad *InputError
		require.ErrorAs(t, err, &bad, c.text)
		assert.Equal(t, c.line, bad.Line, c.text)
		assert.Contains(t, bad.Msg, c.want)
	}
}

func FuzzReaders(f *testing.F) {
	f.Add(`{"client":1,"call":1,"return":2,"op":"get","key":"k","out":"v"}`)
	f.Add("INFO  jepsen.util - 0\t:invoke\t:cas\t[1 2]")
	f.Add(`{:process 0, :type :invoke, :f :append, :key "4", :value "x 0 1 y"}`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, read := range Formats {
			in, err := read(strings.NewReader(text))
			if err == nil && KV.Validate(in.History) == nil {
				Check(in.History, KV, Options{MaxSteps: 1000})
			}
		}
	})
}
