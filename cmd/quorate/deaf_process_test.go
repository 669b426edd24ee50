//go:build unix

package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// TestADeafNodeDoesNotTakeTheOthersAlong: what a firewall lets talk and not listen
// costs the others seconds, and not for as long as it lasts.
func TestADeafNodeDoesNotTakeTheOthersAlong(t *testing.T) {
	t.Setenv(asQuorate, "1")
	c, logs, err := loggedCluster(t.TempDir(), 3)
	require.NoError(t, err)
	defer logs.close()
	links, err := newMesh(c, nil, 1)
	require.NoError(t, err)
	defer links.close()
	defer c.stop(stopBound)
	require.NoError(t, c.start())
	ctx, cancel := context.WithTimeout(t.Context(), 4*startBound)
	defer cancel()
	require.NoError(t, c.waitReady(ctx))
	for i, style := range cutStyles {
		deaf := i%3 + 1
		links.impose(cutting(style, into(deaf)))
		time.Sleep(6 * time.Second) // ten times timeouts.suspect, and the pings that show it
		for _, m := range c.members {
			if m.id == deaf {
				view := statsOf(t, m)
				for _, p := range c.members {
					require.True(t, p == m || view.of(p).Dead == "silent" || view.of(p).Dead == "cut",
						"node %d, deaf, of node %d (%s): %q", m.id, p.id, style.name, view.of(p).Dead)
				}
				continue
			}
			door := redis.NewClient(&redis.Options{Addr: m.resp, MaxRetries: -1})
			serves := func() bool { // keys of all partitions
				for k := range 200 {
					if door.Set(ctx, fmt.Sprintf("k%d", k), style.name, 0).Err() != nil {
						return false
					}
				}
				return true
			}
			within(t, startBound, "why it is dead ("+style.name+")", func() bool {
				view := statsOf(t, m)
				why := view.of(c.members[deaf-1]).Dead
				return why == "deaf" || why == "cut"
			})
			for range 2 {
				require.Eventually(t, serves, startBound, 50*time.Millisecond, "node %d while node %d is deaf (%s)", m.id, deaf, style.name)
				time.Sleep(time.Second) // the deaf one claims what it can
			}
			require.NoError(t, door.Close())
		}
		links.heal()
		require.NoError(t, c.waitReady(ctx))
	}
}
