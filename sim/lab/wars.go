package lab

// Legs are the four parts of a Dynamo write and read (the WARS model of Bailis,
// Venkataraman, Franklin, Hellerstein, Stoica, "Probabilistically Bounded
// Staleness for Practical Partial Quorums", VLDB 2012, section 4.1).
type Legs struct {
	Write    Distribution // W: the coordinator's write reaches a replica
	Ack      Distribution // A: its acknowledgement comes back
	Read     Distribution // R: the coordinator's read reaches a replica
	Response Distribution // S: its response comes back
	// RemoteMs is added to each leg of all replicas but one, in milliseconds: a
	// cluster of N data centres with a replica in each, whose coordinator of a
	// write, and independently that of a read, is in any of them.
	RemoteMs float64
}

// Fit is a set of legs that Bailis et al. fitted to measurements of others
// (section 5.3, table 3), in the notation of ParseDistribution.
type Fit struct {
	Write, Others string // Others: A, R and S alike
	RemoteMs      float64
	About         string
}

const (
	linkedinSSD  = "mix(0.9122*pareto(0.235,10)+0.0878*exp(1.66))"
	linkedinDisk = "mix(0.38*pareto(1.05,1.51)+0.62*exp(0.183))"
	yammerWrite  = "mix(0.939*pareto(3,3.35)+0.061*exp(0.0028))"
	yammerOthers = "mix(0.982*pareto(1.5,3.8)+0.018*exp(0.0217))"
)

// Fits are the published ones by name.
var fits = []struct {
	name string
	Fit
}{
	{"lnkd-ssd", Fit{Write: linkedinSSD, Others: linkedinSSD, About: "Voldemort at LinkedIn, solid-state disks"}},
	{"lnkd-disk", Fit{Write: linkedinDisk, Others: linkedinSSD, About: "Voldemort at LinkedIn, spinning disks"}},
	{"ymmr", Fit{Write: yammerWrite, Others: yammerOthers, About: "Riak at Yammer"}},
	{"wan", Fit{Write: linkedinDisk, Others: linkedinSSD, RemoteMs: 75, About: "lnkd-disk with a replica in each of N data centres, 75 ms one way between them"}},
}

// FitNames lists the names that FindFit knows.
func FitNames() []string {
	names := make([]string, len(fits))
	for i := range fits {
		names[i] = fits[i].name
	}
	return names
}

// FindFit returns a published fit by name.
func FindFit(name string) (Fit, bool) {
	for i := range fits {
		if fits[i].name == name {
			return fits[i].Fit, true
		}
	}
	return Fit{}, false
}
