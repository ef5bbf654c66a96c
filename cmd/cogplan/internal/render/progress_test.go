package render

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// terminal takes what is written from several goroutines.
type terminal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *terminal) Write(data []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(data)
}

func (w *terminal) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func begin(address string, phase reconcile.Phase) reconcile.Progress {
	return reconcile.Progress{Address: address, Phase: phase, Total: 12, Actions: 3}
}

func TestALiveLineTellsWhatRunsAndGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out terminal
		p := NewProgress(&out, Style{Width: 70}, ProgressLive, time.Now)
		p.Start("Applying")
		for i := range 5 {
			p.Observe(begin(fmt.Sprintf("file.n%d\x1b", i), reconcile.PhaseApply))
			time.Sleep(time.Millisecond)
		}
		done := begin("file.n4\x1b", reconcile.PhaseDone)
		done.Done = true
		p.Observe(done)
		time.Sleep(tick)
		last := out.String()[strings.LastIndex(out.String(), "\r"):]
		want := "\r\x1b[2K" + `Applying  100 ms  1 of 12 done  file.n0\x1b applying 3 changes, fi...`
		if last != want {
			t.Errorf("the line is %q, want %q", last, want)
		}
		p.Stop()
		p.Stop()
		if !strings.HasSuffix(out.String(), "\r\x1b[2K") {
			t.Error("the line is not taken away")
		}
	})
}

func TestPlainLinesTellOfApplies(t *testing.T) {
	var out terminal
	p := NewProgress(&out, Style{Width: Unlimited}, ProgressPlain, time.Now)
	p.Start("Applying")
	p.Observe(begin("file.a", reconcile.PhaseObserve))
	p.Observe(begin("file.a", reconcile.PhaseApply))
	ended := begin("file.a", reconcile.PhaseApply)
	ended.Done, ended.Elapsed = true, 1500*time.Millisecond
	p.Observe(ended)
	ended.Err = errors.New("x")
	p.Observe(ended)
	p.Note("guest", "compiling")
	p.Note("guest", "")
	p.Stop()
	want := "file.a: applying 3 changes\nfile.a: applied in 1.5 s\nfile.a: failed after 1.5 s\nguest: compiling\n"
	if got := out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Many resources tell of themselves while the line is drawn and taken away.
func TestProgressFromManyGoroutines(t *testing.T) {
	for _, mode := range []ProgressMode{ProgressLive, ProgressPlain, ProgressJSON, ProgressNone} {
		t.Run(string(mode), func(t *testing.T) {
			var out terminal
			p := NewProgress(&out, Style{Width: 80}, mode, time.Now)
			var wait sync.WaitGroup
			for i := range 20 {
				wait.Go(func() {
					for range 50 {
						p.Observe(begin(fmt.Sprint("r", i), reconcile.PhaseApply))
						p.Line("a line")
					}
				})
			}
			for range 5 {
				p.Start("Planning")
				p.Stop()
			}
			wait.Wait()
		})
	}
}

// While a person is asked for something nothing writes over the question.
func TestAQuestionIsNotWrittenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out terminal
		p := NewProgress(&out, Style{Width: 70}, ProgressLive, time.Now)
		p.Start("Planning")
		defer p.Stop()
		time.Sleep(2 * tick)
		resume := p.Pause()
		_, _ = out.Write([]byte("var.region: "))
		p.Observe(begin("file.site", reconcile.PhaseObserve))
		time.Sleep(50 * tick)
		if !strings.HasSuffix(out.String(), "\r\x1b[2Kvar.region: ") {
			t.Errorf("the question does not stand alone: %q", out.String())
		}
		resume()
		time.Sleep(2 * tick)
		if !strings.Contains(out.String()[strings.LastIndex(out.String(), "\r"):], "Planning") {
			t.Error("the line does not come back")
		}
	})
}

// A terminal that is made narrower meanwhile gets shorter lines.
func TestTheLineFollowsTheTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out terminal
		var width atomic.Int64
		width.Store(70)
		p := NewProgress(&out, Style{Width: 70}, ProgressLive, time.Now)
		p.Measure(func() int { return int(width.Load()) })
		p.Start("Applying")
		defer p.Stop()
		p.Observe(begin("file.site", reconcile.PhaseApply))
		time.Sleep(2 * tick)
		width.Store(25)
		time.Sleep(2 * tick)
		synctest.Wait()
		lines := strings.Split(out.String(), "\r\x1b[2K")
		if first, last := lines[1], lines[len(lines)-1]; len(first) < 40 || len(last) > 24 {
			t.Errorf("the lines are %q and %q", first, last)
		}
	})
}
