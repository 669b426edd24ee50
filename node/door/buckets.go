package door

import (
	"fmt"
	"strings"
)

// MaxContextBytes bounds a causal context; the store gives out no longer ones.
const MaxContextBytes = 16 << 10

// shownBuckets is how many names an error lists.
const shownBuckets = 20

// NoBucket says that there is no bucket of a name, and what there is.
func NoBucket(h Host, name string) string {
	all, _ := h.Buckets()
	var names []string
	for i := range all {
		if i == shownBuckets {
			names = append(names, fmt.Sprintf("and %d more", len(all)-i))
			break
		}
		names = append(names, all[i].Name)
	}
	const most = 80
	if len(name) > most {
		name = name[:most]
	}
	return fmt.Sprintf("no bucket is named %q; there are %s; quorate ctl bucket create makes one", name, strings.Join(names, ", "))
}
