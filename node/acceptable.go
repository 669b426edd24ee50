package node

import (
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/msg"
)

// acceptable keeps what a peer has no business to send away from actors that
// take such a message for a broken invariant of their host.
func acceptable(to actors.Kind, m actors.Message) bool {
	switch m.(type) {
	case *msg.Counted:
		return to == actors.Client
	case *msg.Ping, *msg.PingReq, *msg.Ack:
		return to == actors.Detector
	case *msg.Prepare, *msg.Touch, *msg.Accept, *msg.Confirm, *msg.ReadVersions, *msg.Collect, *msg.Digest, *msg.ListKeys:
		return to == actors.Replica
	case *msg.Promises, *msg.Touched, *msg.Accepted, *msg.Confirmed, *msg.Versions, *msg.Digested, *msg.ListedKeys, *msg.HandOver:
		return to == actors.Shard
	case *msg.Count:
		return to == actors.Replica || to == actors.Store
	case *msg.Forward, *msg.Forwarded:
		return to == actors.Shard || to == actors.Coordinator
	case *msg.MapAsk, *msg.MapTold, *msg.MapSeen:
		return to == actors.Cluster
	}
	return acceptableEventual(to, m)
}

func acceptableEventual(to actors.Kind, m actors.Message) bool {
	switch m.(type) {
	case *msg.Put, *msg.Forget:
		return to == actors.Store
	case *msg.Fetch:
		return to == actors.Store || to == actors.Handoff
	case *msg.Hint:
		return to == actors.Handoff
	case *msg.Stored:
		return to == actors.Coordinator || to == actors.Handoff || to == actors.Repair
	case *msg.Fetched:
		return to == actors.Coordinator || to == actors.Repair
	case *msg.Hinted:
		return to == actors.Coordinator
	case *msg.Compare, *msg.Compared, *msg.TreeAsk, *msg.TreeTold, *msg.ListBuckets, *msg.BucketsListed,
		*msg.Want, *msg.Given, *msg.AskDead, *msg.DeadTold:
		return to == actors.Repair
	}
	return false
}
