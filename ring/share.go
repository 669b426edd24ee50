package ring

import "slices"

// share is how much of something a node should get, in units (replicas or
// ownerships) of the whole ring.
type share struct {
	fair  int // rounded up
	limit int // the most that it is filled to while others have room
}

// zoneRoom bounds how many replicas of one partition a zone holds.
type zoneRoom struct {
	low, high int // every partition has at least low and at most high there
	weight    int // of all its nodes
	nodes     int
}

// zonesOf numbers the zones by name and spreads width replicas over them as
// evenly as their node counts allow: with at least width zones each holds at
// most one replica of a partition.
func zonesOf(nodes []Node, width int) (zone []int, rooms []zoneRoom) {
	names := make([]string, 0, len(nodes))
	for _, n := range nodes {
		names = append(names, n.Zone)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	zone, rooms = make([]int, len(nodes)), make([]zoneRoom, len(names))
	for i, n := range nodes {
		z, _ := slices.BinarySearch(names, n.Zone)
		zone[i] = z
		rooms[z].nodes++
		rooms[z].weight += n.Weight
	}
	level := 0 // the highest count that every partition can have in all zones that are large enough
	for fill(rooms, level+1) <= width && level < width {
		level++
	}
	for z := range rooms {
		rooms[z].low = min(rooms[z].nodes, level)
		rooms[z].high = min(rooms[z].nodes, level+1)
	}
	return zone, rooms
}

func fill(rooms []zoneRoom, level int) int {
	sum := 0
	for _, r := range rooms {
		sum += min(r.nodes, level)
	}
	return sum
}

// fairShares splits partitions x width replicas over zones, then over the nodes
// of each zone, by weight and within what the zone bounds and distinctness allow.
func fairShares(nodes []Node, zone []int, rooms []zoneRoom, partitions, width int) []share {
	portions := make([]portion, len(rooms))
	for z, r := range rooms {
		portions[z] = portion{weight: r.weight, low: r.low * partitions, high: r.high * partitions}
	}
	shares := make([]share, len(nodes))
	for z, total := range split(partitions*width, portions) {
		var members []int
		var inside []portion
		for i, n := range nodes {
			if zone[i] == z {
				members = append(members, i)
				inside = append(inside, portion{weight: n.Weight, high: partitions})
			}
		}
		for k, fair := range split(total, inside) {
			limit := min(partitions, fair+(fair*slackPercent+99)/100)
			shares[members[k]] = share{fair: fair, limit: limit}
		}
	}
	return shares
}

// portion is one taker of a split.
type portion struct{ weight, low, high int }

// levelBits is the fixed-point precision of split: weights add up to at most
// 2^17, totals to 2^17, so their product with a level stays below 2^63.
const levelBits = 20

// split divides total by weight, each portion within its bounds (water
// filling): the smallest common level at which the parts reach the total. The
// parts are rounded up, so their sum may be a little above it.
func split(total int, portions []portion) []int {
	part := func(p portion, level int) int {
		return min(max((p.weight*level+1<<levelBits-1)>>levelBits, p.low), p.high)
	}
	lo, hi := 0, (total+1)<<levelBits
	for lo < hi {
		mid := (lo + hi) / 2
		sum := 0
		for _, p := range portions {
			sum += part(p, mid)
		}
		if sum >= total {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	parts := make([]int, len(portions))
	for i, p := range portions {
		parts[i] = part(p, lo)
	}
	return parts
}
