package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// row is what one tool did in one operation of one case.
type row struct {
	Case    string    `json:"case"`
	Tool    string    `json:"tool"`
	Op      operation `json:"operation"`
	Samples []sample  `json:"samples"`
}

func (r row) median(of func(sample) float64) float64 {
	values := r.sorted(of)
	if len(values) == 0 {
		return 0
	}
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

func (r row) sorted(of func(sample) float64) []float64 {
	var values []float64
	for _, s := range r.Samples {
		values = append(values, of(s))
	}
	slices.Sort(values)
	return values
}

func wall(s sample) float64 { return s.Wall }
func cpu(s sample) float64  { return s.CPU }
func rss(s sample) float64  { return s.RSS }
func all(s sample) float64  { return s.All }
func load(s sample) float64 { return s.Load }

// failure is the first sample that did not end well.
func (r row) failure() (sample, bool) {
	i := slices.IndexFunc(r.Samples, sample.failed)
	if i < 0 {
		return sample{}, false
	}
	return r.Samples[i], true
}

// printRows prints the rows of one case, operation by operation, each tool's
// figures as multiples of cogplan's beside them.
func printRows(out io.Writer, rows []row) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "case\toperation\ttool\twall s\tmin..max\tCPU s\tRSS MiB\tall MiB\tload\twall ×\tCPU ×\t")
	var notes []string
	for _, op := range append(slices.Clone(operations), gateOperation) {
		base := baseline(rows, op)
		for _, r := range rows {
			if r.Op != op || len(r.Samples) == 0 {
				continue
			}
			if s, bad := r.failure(); bad {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\t\t\t\t\t\t\t\n", r.Case, r.Op, r.Tool, verdict(s))
				notes = append(notes, fmt.Sprintf("%s %s %s: %s\n%s", r.Case, r.Op, r.Tool, verdict(s), indent(s.Output)))
				continue
			}
			walls := r.sorted(wall)
			fmt.Fprintf(w, "%s\t%s\t%s\t%.3f\t%.3f..%.3f\t%.3f\t%.0f\t%.0f\t%.1f\t%s\t%s\t\n", r.Case, r.Op, r.Tool,
				r.median(wall), walls[0], walls[len(walls)-1], r.median(cpu), r.median(rss), r.median(all), r.median(load),
				ratio(r, base, wall), ratio(r, base, cpu))
			if n := orphans(r); n > 0 {
				notes = append(notes, fmt.Sprintf("%s %s %s: left %d processes behind, whose CPU is not in the figure", r.Case, r.Op, r.Tool, n))
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, strings.Join(notes, "\n"))
	return err
}

// baseline is cogplan's row of the operation.
func baseline(rows []row, op operation) row {
	i := slices.IndexFunc(rows, func(r row) bool { return r.Tool == toolCogplan && r.Op == op })
	if i < 0 {
		return row{}
	}
	return rows[i]
}

func ratio(r, base row, of func(sample) float64) string {
	if _, bad := base.failure(); bad || base.median(of) == 0 || r.median(of) == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", r.median(of)/base.median(of))
}

func orphans(r row) int {
	n := 0
	for _, s := range r.Samples {
		n += s.Orphans
	}
	return n
}

func verdict(s sample) string {
	if s.Killed {
		return fmt.Sprintf("killed after %.0f s", s.Wall)
	}
	return fmt.Sprintf("exit %d", s.Exit)
}

func indent(s string) string { return "    " + strings.ReplaceAll(s, "\n", "\n    ") }

func writeJSON(path string, rows []row) error {
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
