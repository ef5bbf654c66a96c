package wasm

import (
	"context"
	"os"

	"github.com/cogplan/cogplan/runtime/wasm/internal/worker"
)

// RunWorkerIfRequested turns this process into a worker if it was started as
// one, and then never returns. Otherwise it does nothing. Call it first thing
// in main, before flags, files and signals are touched.
func RunWorkerIfRequested() {
	if worker.Requested() {
		os.Exit(worker.Main(context.Background(), os.Stdin, os.Stdout)) //nolint:forbidigo // this is the main function of the worker
	}
}
