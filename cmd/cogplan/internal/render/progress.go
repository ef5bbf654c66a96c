package render

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// ProgressMode says how progress is shown.
type ProgressMode string

// The modes. A live line is rewritten in place; plain lines are added; JSON
// lines are events for programs.
const (
	ProgressNone  ProgressMode = "none"
	ProgressLive  ProgressMode = "live"
	ProgressPlain ProgressMode = "plain"
	ProgressJSON  ProgressMode = "json"
)

// Progress shows what is being done. It is a [reconcile.Observer]; what it is
// told may come from several goroutines.
type Progress struct {
	out   io.Writer
	style Style
	mode  ProgressMode
	now   func() time.Time
	// measure gives the width of the terminal as it is now; nil where it stays.
	measure func() int

	mu      sync.Mutex
	title   string
	began   time.Time
	running map[string]step
	done    int
	total   int
	shown   bool
	paused  bool
	stop    chan struct{}
	ended   chan struct{}
}

// step is what runs for one resource, or for one provider.
type step struct {
	what  string
	since time.Time
}

// NewProgress returns a progress that shows nothing before Start.
func NewProgress(out io.Writer, style Style, mode ProgressMode, now func() time.Time) *Progress {
	return &Progress{out: out, style: style, mode: mode, now: now, running: map[string]step{}}
}

// Measure has the width of the terminal asked for anew with each line that is drawn:
// people change it meanwhile. It is called before Start, and 0 is no answer.
func (p *Progress) Measure(width func() int) { p.measure = width }

// tick is how often a live line is rewritten.
const tick = 100 * time.Millisecond

// Start begins a part of the run: "Planning", "Applying".
func (p *Progress) Start(title string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.title, p.began, p.done, p.total = title, p.now(), 0, 0
	clear(p.running)
	if p.mode == ProgressLive && p.stop == nil {
		p.stop, p.ended = make(chan struct{}), make(chan struct{})
		go p.redraw(p.stop, p.ended)
	}
}

// Stop ends the part and takes the live line away. It may be called twice.
func (p *Progress) Stop() {
	p.mu.Lock()
	stop, ended := p.stop, p.ended
	p.stop = nil
	p.mu.Unlock()
	if stop == nil {
		return
	}
	close(stop)
	<-ended
	p.mu.Lock()
	p.clearLine()
	p.mu.Unlock()
}

func (p *Progress) redraw(stop, ended chan struct{}) {
	defer close(ended)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			p.mu.Lock()
			p.draw()
			p.mu.Unlock()
		}
	}
}

// Pause takes the live line away until the function that it returns is called:
// where a person is asked for something, the line is theirs.
func (p *Progress) Pause() (resume func()) {
	set := func(paused bool) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.clearLine()
		p.paused = paused
	}
	set(true)
	return func() { set(false) }
}

// draw needs the lock.
func (p *Progress) draw() {
	if p.paused {
		return
	}
	if p.measure != nil {
		if width := p.measure(); width > 0 {
			p.style.Width = width
		}
	}
	_, _ = io.WriteString(p.out, "\r\x1b[2K"+p.liveLine())
	p.shown = true
}

// clearLine needs the lock.
func (p *Progress) clearLine() {
	if p.shown {
		_, _ = io.WriteString(p.out, "\r\x1b[2K")
		p.shown = false
	}
}

func (p *Progress) liveLine() string {
	now := p.now()
	text := fmt.Sprintf("%s  %s", p.title, Elapsed(now.Sub(p.began).Truncate(tick)))
	if p.total > 0 {
		text += fmt.Sprintf("  %d of %d done", p.done, p.total)
	}
	if oldest := p.oldest(); len(oldest) > 0 {
		text += "  " + strings.Join(oldest, ", ")
	}
	return cut(text, p.style.width()-1)
}

// oldest are the longest running steps, at most three.
func (p *Progress) oldest() []string {
	const most = 3
	names := make([]string, 0, len(p.running))
	for name := range p.running {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if c := p.running[a].since.Compare(p.running[b].since); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	rest := max(len(names)-most, 0)
	names = names[:len(names)-rest]
	for i, name := range names {
		names[i] = Escape(name) + " " + p.running[name].what
	}
	if rest > 0 {
		names = append(names, fmt.Sprintf("and %d more", rest))
	}
	return names
}

// Observe is told of each step of the engine.
func (p *Progress) Observe(progress reconcile.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total = progress.Total
	switch {
	case progress.Phase == reconcile.PhaseDone:
		p.done++
		delete(p.running, progress.Address)
	case progress.Done:
		delete(p.running, progress.Address)
	default:
		words := phaseWords(progress.Phase)
		if progress.Phase == reconcile.PhaseApply {
			words += " " + number(progress.Actions, "change")
		}
		p.running[progress.Address] = step{words, p.now()}
	}
	p.report(&progress)
}

// report needs the lock.
func (p *Progress) report(progress *reconcile.Progress) {
	switch p.mode {
	case ProgressPlain:
		if text := plainProgress(progress); text != "" {
			_, _ = io.WriteString(p.out, text+"\n")
		}
	case ProgressJSON:
		writeProgressJSON(p.out, progress)
	case ProgressLive, ProgressNone:
	}
}

// plainProgress tells of applies only: planning is quick, and its outcome
// follows at once.
func plainProgress(progress *reconcile.Progress) string {
	address := Escape(progress.Address)
	switch {
	case progress.Phase == reconcile.PhaseApply && !progress.Done:
		return fmt.Sprintf("%s: applying %s", address, number(progress.Actions, "change"))
	case progress.Phase == reconcile.PhaseApply && progress.Err != nil:
		return fmt.Sprintf("%s: failed after %s", address, Elapsed(progress.Elapsed))
	case progress.Phase == reconcile.PhaseApply:
		return fmt.Sprintf("%s: applied in %s", address, Elapsed(progress.Elapsed))
	default:
		return ""
	}
}

func phaseWords(phase reconcile.Phase) string {
	switch phase {
	case reconcile.PhaseObserve:
		return "reading"
	case reconcile.PhasePlan:
		return "planning"
	case reconcile.PhaseReview:
		return "under review"
	case reconcile.PhaseApply:
		return "applying"
	case reconcile.PhaseRecord:
		return "recording"
	case reconcile.PhaseHealth:
		return "waiting until it is healthy"
	case reconcile.PhaseDone:
		return "done"
	default:
		return Escape(string(phase))
	}
}

// Note shows a step that is no resource's: the compilation of a provider. An
// empty text ends it.
func (p *Progress) Note(name, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if text == "" {
		delete(p.running, name)
		return
	}
	p.running[name] = step{text, p.now()}
	if p.mode == ProgressPlain {
		_, _ = io.WriteString(p.out, Escape(name)+": "+text+"\n")
	}
}

// Say is [Progress.Line] where progress is shown to people.
func (p *Progress) Say(text string) {
	if p.mode == ProgressLive || p.mode == ProgressPlain {
		p.Line(text)
	}
}

// Line writes a line of its own above the live line.
func (p *Progress) Line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clearLine()
	_, _ = io.WriteString(p.out, text+"\n")
}
