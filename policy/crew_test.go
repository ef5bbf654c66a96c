package policy

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A job that follows another is done by the same goroutine, and no goroutine
// stays when there is nothing more to do.
func TestCrewServesAgainAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		var done atomic.Int64
		for range 3 {
			c.run(func() { done.Add(1) })
			synctest.Wait() // the goroutine waits for more
			select {
			case c.jobs <- func() { done.Add(1) }:
			default:
				t.Error("no goroutine waits for another job")
			}
			synctest.Wait()
			time.Sleep(2 * crewIdle)
			select {
			case c.jobs <- func() {}:
				t.Error("the goroutine did not end")
			default:
			}
		}
		if done.Load() != 6 {
			t.Errorf("%d jobs were done", done.Load())
		}
	})
}

// A job that never ends keeps nobody else waiting.
func TestCrewGoesOnBesideAJobThatHangs(t *testing.T) {
	c := newCrew()
	hang, other := make(chan struct{}), make(chan struct{})
	c.run(func() { <-hang })
	c.run(func() { close(other) })
	<-other
	close(hang)
	(*crew)(nil).run(func() {})
}
