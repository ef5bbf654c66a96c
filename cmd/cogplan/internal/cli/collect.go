package cli

import (
	"runtime"
	"runtime/debug"
)

// collectLater has the garbage collector wait until there is something to
// collect. By itself it begins at 4 MiB, and most commands would collect several
// times on their way to a heap that is small all the same. From the first
// collection on it goes by its own rule, so that nothing large gets larger.
func collectLater(environ map[string]string) {
	if environ["GOGC"] != "" || environ["GOMEMLIMIT"] != "" {
		return
	}
	const first = 4 // times 4 MiB
	usual := debug.SetGCPercent(first * 100)
	// What nobody holds is found by the first collection.
	runtime.SetFinalizer(&unheld{}, func(*unheld) { debug.SetGCPercent(usual) })
}

// unheld has a pointer, because the runtime packs together what has none.
type unheld struct{ _ *int }
