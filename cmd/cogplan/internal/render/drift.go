package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/mattn/go-runewidth"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// DriftResource is what moved of one resource.
type DriftResource struct {
	Address string `json:"address"`
	// Status is synced where the world could be read.
	Status   string   `json:"status"`
	Error    string   `json:"error,omitempty"`
	WaitsFor []string `json:"waits_for,omitempty"`
	// Recorded is false where there is nothing to compare with.
	Recorded bool              `json:"recorded"`
	Drift    []reconcile.Drift `json:"drift,omitempty"`
	// Unmanaged is the number of objects there that are not ours.
	Unmanaged int `json:"unmanaged,omitempty"`
}

// Drift writes what moved as text.
func (s Style) Drift(found []DriftResource, where func(string) (hcl.Range, bool)) string {
	p := &printer{style: s}
	moved, objects := 0, 0
	for i := range found {
		if len(found[i].Drift) > 0 {
			moved++
			objects += len(found[i].Drift)
		}
		p.driftResource(&found[i], where)
	}
	switch {
	case slices.ContainsFunc(found, func(r DriftResource) bool { return r.Error != "" }):
		p.line(p.style.bold("Not all of the world could be read."))
	case moved == 0:
		p.line(p.style.bold("No drift: the world is as it was recorded."))
	}
	if moved > 0 {
		p.line(p.style.bold("Drift: "), number(objects, "object"), " of ", number(moved, "resource"), " moved since the last apply.")
		p.line()
		p.line(p.style.bold("Next: "), "cogplan plan")
	}
	return p.String()
}

func (p *printer) driftResource(r *DriftResource, where func(string) (hcl.Range, bool)) {
	words, sgr := "moved away from what was recorded", sgrYellow
	switch {
	case r.Error != "":
		words, sgr = "could not be compared", sgrLoud
	case r.Status != reconcile.StatusSynced:
		words, sgr = r.Status, sgrCyan
	case !r.Recorded && len(r.Drift) == 0:
		words, sgr = "never applied: nothing is recorded", sgrCyan
	case len(r.Drift) == 0:
		return
	}
	at := ""
	if rng, ok := where(r.Address); ok {
		at = "  " + p.style.dim(place(rng))
	}
	p.line(p.style.bold(Escape(r.Address)), "  ", p.style.paint(sgr, words), at)
	if r.Error != "" {
		p.marked(sgrLoud, "x", r.Error)
	}
	if len(r.WaitsFor) > 0 {
		p.marked("", ".", "waits for "+strings.Join(r.WaitsFor, ", "))
	}
	for i := range r.Drift {
		p.drift(&r.Drift[i])
	}
	if r.Unmanaged > 0 && len(r.Drift) > 0 {
		p.line("  ", p.style.mark("."), " ", number(r.Unmanaged, "object"), " there not ours")
	}
	p.line()
}

func (p *printer) drift(d *reconcile.Drift) {
	mark, sgr, words := "~", sgrYellow, "changed"
	switch d.Kind {
	case reconcile.DriftChanged:
	case reconcile.DriftRemoved:
		mark, sgr, words = "-", sgrRed, "gone"
	case reconcile.DriftAppeared:
		mark, sgr, words = "+", sgrGreen, "appeared"
	}
	owner := "ours: it is recorded"
	if d.Owner == reconcile.OwnerMarked {
		owner = "ours: it bears our mark"
	}
	p.line("  ", p.style.paint(sgr, p.style.mark(mark)), " ", Escape(d.Type), " ", quote(d.Name), p.style.dim("  "+words+"; "+owner))
	for _, path := range d.Changed {
		name, _, _ := strings.Cut(path, ".")
		p.line("      ", Escape(path), " = ", cut(shown(d.Recorded[name], false), maxDrift), " ", p.style.mark("->"), " ", cut(shown(d.Live[name], false), maxDrift))
	}
}

// maxDrift is the most of one value that is shown.
const maxDrift = 60

// StatusResource is a resource on three axes.
type StatusResource struct {
	Address string `json:"address"`
	reconcile.ResourceStatus

	// Objects, Serial and RecordedAt are of what is recorded.
	Objects    int    `json:"objects"`
	Serial     int    `json:"serial"`
	RecordedAt string `json:"recorded_at,omitempty"`
}

// Status writes how resources fare as a table.
func (s Style) Status(resources []StatusResource, lock *reconcile.LockInfo) string {
	p := &printer{style: s}
	rows := [][5]string{{"RESOURCE", "SYNC", "HEALTH", "OPERATION", ""}}
	for i := range resources {
		r := &resources[i]
		message, _, _ := strings.Cut(r.Message, "\n")
		rows = append(rows, [5]string{Escape(r.Address), string(r.Sync), string(r.Health), string(r.Operation), Escape(message)})
	}
	var widths [4]int
	for _, row := range rows {
		for i := range widths {
			widths[i] = max(widths[i], runewidth.StringWidth(row[i]))
		}
	}
	for n, row := range rows {
		var line strings.Builder
		for i, width := range widths {
			line.WriteString(row[i] + strings.Repeat(" ", width-runewidth.StringWidth(row[i])+2))
		}
		text := strings.TrimRight(line.String()+row[4], " ")
		if n == 0 {
			text = p.style.dim(text)
		}
		p.line(text)
	}
	if lock != nil {
		p.line()
		p.line(fmt.Sprintf("A run is under way: %s on %s since %s.", Escape(lock.Holder), Escape(lock.Host), lock.Since.UTC().Format("2006-01-02 15:04:05 MST")))
	}
	return p.String()
}
