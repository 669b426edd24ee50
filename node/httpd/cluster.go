package httpd

import (
	"fmt"
	"math"
	"net/http"
	"unicode/utf8"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/node/door"
)

// nodeBody describes a member.
type nodeBody struct {
	Node  kv.NodeID `json:"node_id"`
	HTTP  string    `json:"http,omitempty" doc:"host:port"`
	RESP  string    `json:"resp,omitempty" doc:"host:port"`
	Peer  string    `json:"peer,omitempty" doc:"host:port"`
	Zone  string    `json:"zone,omitempty"`
	Alive *bool     `json:"alive,omitempty" doc:"As this node believes."`
	Dead  string    `json:"dead_because,omitempty" enum:"unheard,cut,deaf,silent,gossip" doc:"Why not: never heard since this node's start; its connection broke or is refused; it does not hear this node; it is silent; others say so."`

	Incarnation       kv.Incarnation `json:"incarnation,omitempty" doc:"Boot counter, by gossip."`
	GossipIncarnation *uint32        `json:"gossip_incarnation,omitempty" doc:"How often it has refuted since that boot."`

	State     string   `json:"state,omitempty" enum:"unheard,alive,suspect,dead" doc:"By gossip."`
	Phi       *float64 `json:"phi,omitempty" doc:"Suspicion level of its silence: -log10 of the probability in a node that lives."`
	SilenceMs *int64   `json:"silence_ms,omitempty" doc:"Since it was heard directly; missing if never."`
	Load      *uint32  `json:"load,omitempty" doc:"Operations open there, as gossip has it."`
}

func member(id kv.NodeID, e door.Endpoints) nodeBody {
	return nodeBody{Node: id, HTTP: e.HTTP, RESP: e.RESP, Peer: e.Peer}
}

type routeBody struct {
	Key        string       `json:"key,omitempty"`
	KeyBase64  string       `json:"key_base64,omitempty" doc:"In place of key where the key is not UTF-8."`
	Partition  kv.Partition `json:"partition"`
	Epoch      kv.Epoch     `json:"epoch" doc:"Of the cluster map."`
	Owner      kv.NodeID    `json:"owner" doc:"The node believed to own the partition; 0 if none is known, or if the bucket is not strong."`
	Shard      string       `json:"shard,omitempty" doc:"The owner's HTTP address."`
	Preference []nodeBody   `json:"preference" doc:"The nodes that hold the key, in order of preference."`
}

func (s *Server) serveRoute(w http.ResponseWriter, r *http.Request) {
	key, q, ok := s.queryKey(w, r, "bucket")
	if !ok {
		return
	}
	var b *kv.Bucket
	if q.Has("bucket") {
		if b = s.bucketOf(w, q.Get("bucket")); b == nil {
			return
		}
	}
	rt := s.host.Route(b, key)
	out := routeBody{Partition: rt.Partition, Epoch: rt.Epoch, Owner: rt.Owner, Preference: []nodeBody{}}
	if utf8.Valid(key) {
		out.Key = string(key)
	} else {
		out.KeyBase64 = base64Of(key)
	}
	if e := rt.Addresses[rt.Owner]; rt.Owner != 0 && e.HTTP != "" {
		out.Shard = "http://" + e.HTTP
	}
	for _, id := range rt.Preference {
		out.Preference = append(out.Preference, member(id, rt.Addresses[id]))
	}
	writeJSON(w, http.StatusOK, out)
}

// healthBody is the state of the cluster as this node believes it.
type healthBody struct {
	Status string     `json:"status" enum:"healthy,degraded,unavailable" doc:"degraded: a member is down; unavailable: this node is not ready or sees no majority."`
	Reason string     `json:"reason,omitempty"`
	NodeID kv.NodeID  `json:"node_id"`
	Alive  int        `json:"alive"`
	Total  int        `json:"total"`
	Nodes  []nodeBody `json:"nodes"`
}

func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	st := s.host.Stats()
	out := healthBody{Status: "healthy", NodeID: st.Node, Total: len(st.Peers), Nodes: members(&st)}
	for _, p := range st.Peers {
		if p.Alive {
			out.Alive++
		}
	}
	ready, why := s.host.Ready()
	status := http.StatusOK
	switch {
	case !ready:
		out.Status, out.Reason, status = "unavailable", why, http.StatusServiceUnavailable
	case 2*out.Alive <= out.Total:
		out.Status, status = "unavailable", http.StatusServiceUnavailable
		out.Reason = fmt.Sprintf("%d of %d members are alive, no majority", out.Alive, out.Total)
	case out.Alive < out.Total:
		out.Status, out.Reason = "degraded", fmt.Sprintf("%d of %d members are alive", out.Alive, out.Total)
	}
	writeJSON(w, status, out)
}

func members(st *door.Stats) []nodeBody {
	nodes := []nodeBody{}
	for _, p := range st.Peers {
		n := member(p.Node, p.Endpoints)
		n.Zone, n.Alive = p.Zone, &p.Alive
		nodes = append(nodes, n)
	}
	return nodes
}

// gossiped are the members with what the detector knows of them.
func gossiped(st *door.Stats) []nodeBody {
	nodes := members(st)
	for i, p := range st.Peers {
		g, n := p.Gossip, &nodes[i]
		if g == nil {
			continue
		}
		phi := math.Round(g.Phi*100) / 100
		n.Incarnation, n.GossipIncarnation = g.Inc, &g.GossipInc
		n.State, n.Dead, n.Phi, n.Load = g.State, g.Dead, &phi, &g.Load
		if ms := g.Silence.Milliseconds(); g.Silence >= 0 {
			n.SilenceMs = &ms
		}
	}
	return nodes
}

// gossipBody counts what the detector did since the start.
type gossipBody struct {
	Pings             uint64   `json:"pings"`
	PingReqs          uint64   `json:"ping_reqs"`
	Acks              uint64   `json:"acks"`
	Updates           uint64   `json:"updates" doc:"Pieces of gossip in them."`
	Suspicions        uint64   `json:"suspicions" doc:"Begun by this node."`
	Refutations       uint64   `json:"refutations" doc:"Of what others suspected of this node."`
	RefutedSuspicions uint64   `json:"refuted_suspicions" doc:"Of other nodes, held here and then refuted."`
	Epoch             kv.Epoch `json:"epoch" doc:"The newest one heard of."`
	Health            int      `json:"health" doc:"0: well; up to 4: how much a slow node stretches its own time-outs."`
}

// clusterBody sums the cluster up.
type clusterBody struct {
	Cluster    string     `json:"cluster"`
	NodeID     kv.NodeID  `json:"node_id"`
	Epoch      kv.Epoch   `json:"epoch"`
	Partitions int        `json:"partitions"`
	Quorum     quorumBody `json:"quorum"`
	Keys       *uint64    `json:"keys,omitempty" doc:"Live keys of the cluster; missing while they cannot be counted."`
	Bytes      *uint64    `json:"bytes,omitempty" doc:"Of those keys and values."`
	Note       string     `json:"note,omitempty" doc:"Why keys and bytes are missing."`
	Nodes      []nodeBody `json:"nodes"`
}

// quorumBody is N, R and W. Strong mode always takes majorities.
type quorumBody struct {
	N int `json:"n" doc:"Replicas of each key."`
	R int `json:"r" doc:"Answers that a read needs."`
	W int `json:"w" doc:"Acknowledgements that a write needs."`
}

func (s *Server) serveClusterStats(w http.ResponseWriter, _ *http.Request) {
	st := s.host.Stats()
	majority := st.Replicas/2 + 1
	out := clusterBody{Cluster: st.Cluster, NodeID: st.Node, Epoch: st.Epoch, Partitions: st.Partitions,
		Quorum: quorumBody{st.Replicas, majority, majority}, Nodes: members(&st)}
	if keys, size, err := s.host.CountKeys(nil); err != nil {
		out.Note = err.Error()
	} else {
		out.Keys, out.Bytes = &keys, &size
	}
	writeJSON(w, http.StatusOK, out)
}

// adminBody is everything that this node knows about itself.
type adminBody struct {
	NodeID        kv.NodeID         `json:"node_id"`
	Cluster       string            `json:"cluster"`
	Version       string            `json:"version"`
	Incarnation   kv.Incarnation    `json:"incarnation" doc:"Boot counter."`
	Epoch         kv.Epoch          `json:"epoch"`
	UptimeSeconds float64           `json:"uptime_seconds"`
	Partitions    int               `json:"partitions" doc:"Of the cluster."`
	Owned         int               `json:"partitions_owned"`
	Replicated    int               `json:"partitions_replicated"`
	Lanes         int               `json:"lanes"`
	Replicas      int               `json:"replicas" doc:"N."`
	Storage       storageBody       `json:"storage"`
	HeapBytes     uint64            `json:"heap_bytes"`
	Goroutines    int               `json:"goroutines"`
	Operations    map[string]uint64 `json:"operations" doc:"By kind, since start."`
	Outcomes      map[string]uint64 `json:"outcomes" doc:"By outcome, since start."`
	Gossip        gossipBody        `json:"gossip"`
	Eventual      eventualBody      `json:"eventual" doc:"What the node does for buckets that are not strong."`
	Nodes         []nodeBody        `json:"nodes"`
}

type storageBody struct {
	Keys        uint64 `json:"keys" doc:"Live keys held here."`
	Bytes       uint64 `json:"bytes" doc:"Of those keys and values."`
	Tombstones  uint64 `json:"tombstones"`
	WALBytes    int64  `json:"wal_bytes"`
	WALSegments int    `json:"wal_segments"`
	WALSyncs    uint64 `json:"wal_syncs" doc:"Since start."`
}

func (s *Server) serveAdminStats(w http.ResponseWriter, _ *http.Request) {
	st := s.host.Stats()
	writeJSON(w, http.StatusOK, adminBody{
		NodeID: st.Node, Cluster: st.Cluster, Version: st.Version, Incarnation: st.Inc, Epoch: st.Epoch,
		UptimeSeconds: st.UptimeSeconds, Partitions: st.Partitions, Owned: st.Owned, Replicated: st.Replicated,
		Lanes: st.Lanes, Replicas: st.Replicas,
		Storage: storageBody{Keys: st.Keys, Bytes: st.DataBytes, Tombstones: st.Tombstones,
			WALBytes: st.WALBytes, WALSegments: st.WALSegments, WALSyncs: st.WALSyncs},
		HeapBytes: st.HeapBytes, Goroutines: st.Goroutines, Operations: st.Ops, Outcomes: st.Outcomes, Gossip: gossipBody(st.Gossip),
		Eventual: eventualOf(&st.Eventual), Nodes: gossiped(&st),
	})
}

// addCluster registers what this file serves.
func (s *Server) addCluster() {
	route := s.operation("GET", "/route", "route", "Where a key lives", "cluster", routeBody{}, 400, 404, 413)
	route.Responses["404"] = s.errorResponse("There is no such bucket; the message names those that there are.")
	route.Parameters = append(route.Parameters, param("query", "key", "The key, percent-encoded.", true),
		param("query", "bucket", "Its bucket, default if left out.", false))
	s.route(route, s.serveRoute)
	health := s.operation("GET", "/api/v1/cluster/health", "health", "Which members are alive", "cluster", healthBody{}, 503)
	health.Responses["503"].Content = s.jsonOf(healthBody{})
	s.route(health, s.serveHealth)
	s.route(s.operation("GET", "/api/v1/cluster/stats", "clusterStats", "The cluster in numbers", "cluster", clusterBody{}), s.serveClusterStats)
	s.route(s.operation("GET", "/api/v1/admin/stats", "adminStats", "This node in numbers", "cluster", adminBody{}), s.serveAdminStats)
}
