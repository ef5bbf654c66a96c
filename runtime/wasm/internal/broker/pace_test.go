package broker

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestPaceSpreadsRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(4)
		began := time.Now()
		var mu sync.Mutex
		var at []time.Duration
		var all sync.WaitGroup
		for range 9 {
			all.Go(func() {
				if !p.wait(t.Context()) {
					t.Error("one was not let through")
				}
				mu.Lock()
				defer mu.Unlock()
				at = append(at, time.Since(began))
			})
		}
		all.Wait()
		slices.Sort(at)
		for i, when := range at {
			if want := time.Duration(i) * 250 * time.Millisecond; when != want {
				t.Errorf("request %d began after %s, want %s", i, when, want)
			}
		}
		// Time in which nobody asks is not saved up.
		time.Sleep(time.Minute)
		began = time.Now()
		for range 3 {
			p.wait(t.Context())
		}
		if took := time.Since(began); took != 500*time.Millisecond {
			t.Errorf("three requests after a pause took %s", took)
		}
	})
}

func TestPaceEndsWithTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(1)
		p.wait(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		began := time.Now()
		if p.wait(ctx) {
			t.Error("it was let through after the end of the call")
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("it waited for %s, although its turn comes too late", took)
		}
		if !p.wait(t.Context()) || time.Since(began) != time.Second {
			t.Error("the turn of one that gave up is lost")
		}
		if newPace(0) != nil || !newPace(0).wait(t.Context()) {
			t.Error("no limit is one")
		}
	})
}
