package picture

// page is what the script gets, as JSON. Times are whole microseconds of
// virtual time. A column of times named D holds differences from one row to the
// next; all columns of a table have the same length. Nodes count from 1,
// clients and all indexes from 0.
type page struct {
	Meta    meta      `json:"meta"`
	Ops     opTable   `json:"ops"`
	Msgs    msgTable  `json:"msgs"`
	Tallies []tally   `json:"tallies"`
	Syncs   []syncRow `json:"syncs"` // by node
	Downs   []down    `json:"downs"`
	Faults  []band    `json:"faults"`
	Owners  []owned   `json:"owners"`
	Offence []offence `json:"offences"`
	Texts   []string  `json:"texts"` // what tally.Note points into
	Notes   []string  `json:"notes"` // what msgTable.Note points into
	// Porcupine is the checker's own page, or "".
	Porcupine string `json:"porcupine"`
}

type meta struct {
	Seed       string   `json:"seed"` // a string: JavaScript's numbers end at 2^53
	Scenario   string   `json:"scenario"`
	Verdict    string   `json:"verdict"`
	Violations []string `json:"violations"`
	Replay     string   `json:"replay"`
	Hash       string   `json:"hash"`
	Nodes      int      `json:"nodes"`
	Replicas   int      `json:"replicas"`
	Clients    int      `json:"clients"`
	Partitions int      `json:"partitions"`
	Events     uint64   `json:"events"`
	End        int64    `json:"end"`
	Heal       int64    `json:"heal"` // 0: never
	Keys       []string `json:"keys"`
	PartOf     []int    `json:"partOf"`  // partition of each key, -1 if no message tells
	Holders    [][]int  `json:"holders"` // nodes that hold each partition
	Kinds      []string `json:"kinds"`   // of messages
	Groups     []int    `json:"groups"`  // of each kind, see groupOf
	LeftOut    []string `json:"leftOut"` // what did not fit
}

// opTable is the clients' operations in order of their calls.
type opTable struct {
	CallD   []int64  `json:"callD"`
	Took    []int64  `json:"took"`
	Client  []int    `json:"client"`
	Node    []int    `json:"node"`
	Key     []int    `json:"key"`
	Class   []int    `json:"class"`   // 0 read, 1 write, 2 conditional or counter
	Outcome []int    `json:"outcome"` // 0 unknown, 1 ok, 2 failed
	Text    []string `json:"text"`
}

// The fates of a message, as the page knows them.
const (
	fateHandled = iota
	fateLost    // dropped by the network
	fateRefused // nobody listened
	fateUnread  // its node, or the run, ended before anyone looked at it
)

// msgTable is the messages in order of leaving.
type msgTable struct {
	SentD []int64 `json:"sentD"`
	Took  []int64 `json:"took"` // lost ones: what another would have taken
	From  []int   `json:"from"` // a client c is -1-c
	To    []int   `json:"to"`
	Kind  []int   `json:"kind"`
	Fate  []int   `json:"fate"`
	Note  []int   `json:"note"`
	// Tally lists the tallies that a message asks for or answers: runs of
	// (message, how many, tally, ...).
	Tally []int `json:"tally"`
}

// tally is the votes on one thing: a version of a key, a claim on a partition,
// a confirmation. The asker's own replica answers without a message, so its
// vote is not seen.
type tally struct {
	Kind  int   `json:"k"` // of the request
	Node  int   `json:"n"`
	Key   int   `json:"y"` // -1: not about one key
	At    int64 `json:"t"`
	Note  int   `json:"x"`
	Need  int   `json:"q"` // votes of a majority
	Self  int   `json:"s"` // 1: the asker's own replica is one of the voters
	Votes []int `json:"v"` // runs of (node, 0 asked or 1 yes or 2 no, microseconds after At)
}

type syncRow struct {
	BeginD []int64 `json:"beginD"`
	Took   []int64 `json:"took"` // -1: cut short
}

type down struct {
	Node  int    `json:"n"`
	From  int64  `json:"f"`
	To    int64  `json:"t"` // the end of the run if it never came back
	Back  bool   `json:"b"`
	Cause string `json:"c"`
}

type band struct {
	Nodes []int  `json:"n"`
	From  int64  `json:"f"`
	To    int64  `json:"t"`
	Kind  string `json:"k"`
	Text  string `json:"x"`
}

type owned struct {
	Node      int    `json:"n"`
	Partition int    `json:"p"`
	From      int64  `json:"f"`
	To        int64  `json:"t"`
	Ballot    string `json:"b"`
}

// offence is one thing to look at: an operation that the checker marks, or an
// instant at which something broke.
type offence struct {
	Op   int    `json:"op"` // -1: an instant
	At   int64  `json:"t"`
	Key  int    `json:"y"` // -1: not about one key
	Text string `json:"x"`
	Prep bool   `json:"p"` // not itself wrong: it left the state before the stretch
}
