package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/policy/report"
)

// reportFlag is a report that was asked for: format=file.
type reportFlag struct{ format, file string }

// rulingFlags are the flags about the gate.
type rulingFlags struct {
	reports   []reportFlag
	log       string
	approvals []string
	overrides []string
	trust     string
}

func (f *rulingFlags) add(flags *pflag.FlagSet) {
	flags.Var(&reportFlags{&f.reports}, "report", "write the decisions as `format=file`: "+strings.Join(report.Formats(), ", ")+"; may be repeated")
	flags.StringVar(&f.log, "decision-log", "", "append a line of JSON for each decision to this `file`; - is standard error")
}

func (f *rulingFlags) addApprovals(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.approvals, "approval", nil, "an approval of the plan, in this `file`; may be repeated")
	flags.StringArrayVar(&f.overrides, "override", nil, "an override of what a soft-mandatory rule found, in this `file`; may be repeated")
	flags.StringVar(&f.trust, "trust", "", "the `file` with the keys of those who may approve and override; else COGPLAN_TRUST")
}

type reportFlags struct{ to *[]reportFlag }

// String has no default to show.
func (f *reportFlags) String() string { return "" }

// Type is what the help calls the value.
func (f *reportFlags) Type() string { return "format=file" }

// Set takes one format=file.
func (f *reportFlags) Set(text string) error {
	format, file, ok := strings.Cut(text, "=")
	if !ok || file == "" || !slices.Contains(report.Formats(), format) {
		return fmt.Errorf("%q is not format=file, with one of the formats %s", text, strings.Join(report.Formats(), ", "))
	}
	*f.to = append(*f.to, reportFlag{format, file})
	return nil
}

// openRuling opens what the flags about the gate name.
func (a *app) openRuling(f *rulingFlags) (err error) {
	if f.log == "" {
		return nil
	}
	a.ruling.log, err = openDecisionLog(a.proc, f.log)
	return err
}

// writeReports writes the reports that were asked for, of what was allowed and
// of what was denied.
func (r *run) writeReports(proposal *reconcile.Proposal) error {
	if proposal == nil || len(r.flags.ruling.reports) == 0 {
		return nil
	}
	items := reportItems(proposal)
	for _, wanted := range r.flags.ruling.reports {
		var text bytes.Buffer
		if err := report.Write(&text, wanted.format, items); err != nil {
			return fmt.Errorf("write the report %s: %w", wanted.file, err)
		}
		if err := putFile(wanted.file, text.Bytes()); err != nil {
			return fmt.Errorf("write the report %s: %w", wanted.file, err)
		}
	}
	return nil
}

func reportItems(proposal *reconcile.Proposal) []report.Item {
	var items []report.Item
	for i := range proposal.Resources {
		resource := &proposal.Resources[i]
		if resource.Review.Plan != nil || resource.Status == reconcile.StatusDenied {
			items = append(items, report.Item{
				Address: resource.Address, Source: resource.Review.Declaration.Source, Decision: resource.Decision,
			})
		}
	}
	if proposal.Run != nil {
		items = append(items, report.Item{Decision: *proposal.Run})
	}
	return items
}

// putFile puts a file in place, whole or not at all; what is no plain file,
// such as /dev/stdout, is written to.
func putFile(path string, data []byte) (err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, data, 0o644)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".cogplan-report-*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(data)
	if err := errors.Join(err, file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
