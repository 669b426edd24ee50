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
	Texts   []string  `json:"texts"` // what tally.Note, Goal and Said point into
	Notes   []string  `json:"notes"` // what msgTable.Note points into
	Facts   []string  `json:"facts"` // what opTable.Facts points into
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
	MapClients int      `json:"mapClients"` // the last ones of them, which change the map
	Partitions int      `json:"partitions"`
	Events     uint64   `json:"events"`
	End        int64    `json:"end"`
	Heal       int64    `json:"heal"` // 0: never
	Keys       []string `json:"keys"`
	Same       []int    `json:"same"`    // of each key the one by which its tallies are filed
	Rows       []int    `json:"rows"`    // the partitions that have owners
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
	Part    []int    `json:"part"`    // the partition of the key
	Class   []int    `json:"class"`   // 0 read, 1 write, 2 conditional or counter, 3 change of the map
	Outcome []int    `json:"outcome"` // 0 unknown, 1 ok, 2 failed
	Text    []string `json:"text"`
	// Facts lists what else is to be said of an operation, and Rounds the tallies
	// that are its own, where that can be told: runs of (operation, how many, ...).
	Facts  []int `json:"facts"`
	Rounds []int `json:"rounds"`
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
// a confirmation; in buckets that are not strong an object that is stored, or a
// key that is read. Of a strong bucket the asker's own replica answers without a
// message, so its vote is not seen.
type tally struct {
	Kind  int   `json:"k"` // of the request
	Node  int   `json:"n"`
	Key   int   `json:"y"` // -1: not about one key
	At    int64 `json:"t"`
	Note  int   `json:"x"`
	Need  int   `json:"q"` // votes that are enough
	Goal  int   `json:"g"` // the same in words
	Met   int64 `json:"m"` // when they were there, microseconds after At; -1: never
	Self  int   `json:"s"` // 1: the asker's own replica is one of the voters, and is not seen
	Votes []int `json:"v"` // runs of (node, 0 asked or 1 yes or 2 no, microseconds after At)
	// Stands are nodes that were asked to stand in: runs of (node, for whom or 0,
	// vote, after At). CountStands: they count as the replicas do.
	Stands      []int `json:"h,omitempty"`
	CountStands int   `json:"c,omitempty"`
	// Said are what voters answered: runs of (node, text).
	Said []int `json:"a,omitempty"`
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
	Row       int    `json:"r"` // index into meta.Rows
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
