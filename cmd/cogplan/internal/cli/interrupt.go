package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// interruptible returns a context that the first interrupt cancels: what runs
// is finished and recorded. The second one ends the process at once; the
// journal tells the next run what was under way, and the workers end with their
// pipes.
func (p *process) interruptible(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	// A reader that goes away must not end an apply half-way: whoever takes
	// SIGPIPE gets an error of the write instead.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	done := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		select {
		case <-signals:
		case <-done:
			return
		}
		cancel()
		fmt.Fprintln(p.stderr, "\nInterrupted: ending what runs and recording it. Interrupt again to stop at once.")
		select {
		case <-signals:
			fmt.Fprintln(p.stderr, "Stopped. The next run looks at what was under way.")
			os.Exit(exitCode(outcomeCancelled, false))
		case <-done:
		}
	})
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		wait.Wait()
		cancel()
	}
}
