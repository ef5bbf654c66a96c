package render

import (
	"fmt"

	"github.com/mattn/go-runewidth"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// The bounds of an overview, which has to fit on a screen.
const (
	// overviewFrom is the number of changes from which a plan has an overview.
	overviewFrom       = compactFrom
	overviewResources  = 20
	overviewDeletes    = 10
	overviewNameColumn = 40
)

// overview sums a long plan up at its end, where a terminal shows it: what changes
// of each resource, and by name what is deleted. All of it stands above as well.
func (p *printer) overview(plan *Plan, results []reconcile.MetaResult) {
	type row struct {
		address, status, sgr string
		counts               map[kind]int
	}
	var rows []row
	var deleted []string
	total, width := 0, 0
	for i := range results {
		if results[i].Plan == nil {
			continue
		}
		one := row{address: results[i].Resource, counts: map[kind]int{}}
		if results[i].Status == reconcile.StatusDenied {
			one.status, one.sgr = statusWords(&results[i])
			one.status = "  " + one.status
		}
		changes := changesOf(results[i].Plan)
		for j := range changes {
			c := &changes[j]
			if one.counts[c.kind]++; c.kind == kindDelete || c.kind == kindReplace {
				symbol, _ := symbolOf(c.kind)
				deleted = append(deleted, p.style.mark(symbol)+" "+Escape(results[i].Resource)+" "+Escape(c.action.ResourceType)+" "+quote(c.action.Name))
			}
		}
		if len(changes) > 0 {
			total += len(changes)
			rows = append(rows, one)
			width = max(width, min(runewidth.StringWidth(Escape(one.address)), overviewNameColumn))
		}
	}
	if total < overviewFrom || plan.Full {
		return
	}
	p.line(p.style.bold("In short:"))
	for i, one := range rows {
		if i == overviewResources {
			p.line("  ", p.style.dim(fmt.Sprintf("%s and %s", ellipsis, number(len(rows)-i, "more resource"))))
			break
		}
		p.line("  ", runewidth.FillRight(Escape(one.address), width), "  ", p.phrases(
			phrase{one.counts[kindCreate], "to create", sgrGreen},
			phrase{one.counts[kindUpdate], "to update", sgrYellow},
			phrase{one.counts[kindReplace], "to REPLACE", sgrLoud},
			phrase{one.counts[kindDelete], "to DELETE", sgrLoud},
		), p.style.paint(one.sgr, one.status))
	}
	for i, name := range deleted {
		if i == overviewDeletes {
			p.line("  ", p.style.paint(sgrLoud, fmt.Sprintf("%s and %d more to DELETE", ellipsis, len(deleted)-i)))
			break
		}
		p.line("  ", p.style.paint(sgrLoud, name))
	}
	p.line()
}
