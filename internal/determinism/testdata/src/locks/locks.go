package locks

import "sync" // want `import of sync: `

type Guarded struct {
	sync.Mutex
	N int
}
