package purity

import (
	_ "context"     // want `import of context: `
	_ "crypto/rand" // want `import of crypto/rand: `
	"fmt"
	_ "hash/maphash" // want `import of hash/maphash: `
	"iter"
	_ "log/slog"  // want `import of log/slog: `
	_ "math/rand" // want `import of math/rand: `
	"math/rand/v2"
	_ "net/http"    // want `import of net/http: `
	_ "os"          // want `import of os: `
	_ "os/exec"     // want `import of os/exec: `
	_ "reflect"     // want `import of reflect: `
	"runtime"       // want `import of runtime: `
	"sync"          // want `import of sync: `
	_ "sync/atomic" // want `import of sync/atomic: `
	"unsafe"        // want `import of unsafe: `
)

func concurrency(c chan int, g func() <-chan int) { // want `channel: ` `channel: `
	go g()    // want `go statement: `
	c <- 1    // want `channel: `
	<-g()     // want `channel: `
	select {} // want `select statement: `
}

func drained[C ~chan E, E any](c C) { // want `channel: `
	for range c { // want `channel: `
	}
}

var pool sync.Pool // want `package-level variable pool has no initial value`

func machine() int { return runtime.NumCPU() } // reported at the import

func finalizer(x *int) { runtime.SetFinalizer(x, nil) }

func hashed(x *int) uint64 { return uint64(uintptr(unsafe.Pointer(x))) }

func chance() int { return rand.IntN(7) } // want `math/rand/v2.IntN draws from a global source`

func chanceAsValue() func() uint64 { return rand.Uint64 } // want `math/rand/v2.Uint64 draws`

func seeded() int { return rand.New(rand.NewPCG(1, 2)).IntN(7) }

func coroutine(s iter.Seq[int]) { _, _ = iter.Pull(s) } // want `iter.Pull: it runs a coroutine`

func output() {
	fmt.Println() // want `fmt.Println: `
	println(1)    // want `println: the host takes the output`
}

//go:linkname fastrand runtime.fastrand // want `go:linkname: `
func fastrand() uint32
