// Package netfault is a bad network between processes of one machine, without
// root. A Link listens in place of one address and passes bytes on to it, as
// well or as badly as it is told: not at all, late, with stalls, with resets.
//
// TCP loses no bytes, so lost packets are modelled by what they do to a
// connection: it stalls (a retransmission) or ends (too many of them).
package netfault
