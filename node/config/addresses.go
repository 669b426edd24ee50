package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// use is one address of the configuration and the key that it comes from.
type use struct {
	key, address string
	given        bool // else it is a default
}

// checkAddresses finds addresses that are given out twice: two nodes can't be
// reached at one, and two listeners of this node can't share one. The system would
// say so only when it is too late, or a peer by turning the wrong node away.
func (l *loader) checkAddresses() {
	var shown []use
	for i, m := range l.file.Members {
		for _, u := range []use{{"peer", m.Peer, false}, {"http", m.HTTP, false}, {"resp", m.RESP, false}} {
			u.key = fmt.Sprintf("members[%d].%s", i, u.key)
			if u.given = l.given(u.key); u.given { // those of the only member may be the listeners'
				shown = append(shown, u)
			}
		}
	}
	l.checkDistinct(shown, "each needs an address of its own", func(a, b endpoint) bool { return a == b })
	l.checkDistinct(l.listeners(), "each listener needs an address of its own", endpoint.overlaps)
}

// checkDistinct reports every address that clashes with one before it.
func (l *loader) checkDistinct(uses []use, rule string, clash func(a, b endpoint) bool) {
	for i, u := range uses {
		for _, other := range uses[:i] {
			if !clash(endpointOf(u.address), endpointOf(other.address)) {
				continue
			}
			if !u.given { // what somebody wrote is what somebody can change
				u, other = other, u
			}
			taken := fmt.Sprintf("%s is taken by %s", u.address, other.key)
			if !other.given {
				taken += ", whose default is " + other.address
			} else if other.address != u.address {
				taken += ", which is " + other.address
			}
			l.add(u.key, taken+": "+rule)
			break
		}
	}
}

// listeners are the addresses that this node listens on. One that is not set
// comes from the node's entry among the members, or is the default.
func (l *loader) listeners() []use {
	f := l.file
	own := ""
	for i, m := range f.Members {
		if m.ID == f.Node.ID {
			own = fmt.Sprintf("members[%d].", i)
		}
	}
	var all []use
	for _, u := range []use{{"http", f.Listen.HTTP, false}, {"resp", f.Listen.RESP, false}, {"peer", f.Listen.Peer, false}, {"admin", f.Listen.Admin, false}} {
		if u.address == off {
			continue
		}
		member := own + u.key
		u.key = "listen." + u.key
		if !l.given(u.key) && l.given(member) {
			u.key = member
		}
		u.given = l.given(u.key)
		all = append(all, u)
	}
	return all
}

// given tells whether the file, a variable or a flag has a key.
func (l *loader) given(key string) bool { return l.at[key] != nil || l.origin[key] != "" }

// endpoint is an address in a form that compares; the host "" is all of this machine's.
type endpoint struct {
	host string
	port uint64
}

// endpointOf reads an address that validate has seen.
func endpointOf(address string) endpoint {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		panic("config: not validated: " + err.Error())
	}
	n, _ := strconv.ParseUint(port, 10, 16) // digits, says badAddress
	host = strings.ToLower(host)
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.Unmap().String()
		if ip.IsUnspecified() {
			host = ""
		}
	}
	return endpoint{host, n}
}

// overlaps tells whether two listeners would be in each other's way.
func (e endpoint) overlaps(o endpoint) bool {
	return e.port == o.port && (e.host == o.host || e.host == "" || o.host == "")
}
