package cli

import (
	"fmt"
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
