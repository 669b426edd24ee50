package sim

import "github.com/pingcap/failpoint"

// Planted reports whether this binary was built with its failpoints switched
// on (internal/overlay), so that planted bugs can be enabled. The program
// enables the marker beside this function and looks whether it has an effect.
func Planted() bool {
	on := false
	failpoint.Inject("noop-900-planted", func() { on = true })
	return on
}
