package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/runtime/wasm"
)

// logLevels are the levels of what providers log, from the least to the most
// important.
var logLevels = []string{"debug", "info", "warn", "error"} //nolint:gochecknoglobals // a constant list

// logger shows what providers log, from the level on that COGPLAN_LOG names.
// Without it nothing is shown: what a person has to know comes as a warning of
// the plan or as an error, and a provider's last words before it crashes are a
// page of addresses.
func (p *process) logger(progress *render.Progress) func(wasm.LogRecord) {
	least := slices.Index(logLevels, p.environ["COGPLAN_LOG"])
	if least < 0 {
		return nil
	}
	return func(record wasm.LogRecord) {
		if slices.Index(logLevels, record.Level) < least {
			return
		}
		for line := range strings.SplitSeq(strings.TrimSpace(record.Message), "\n") {
			progress.Line(fmt.Sprintf("%s: %s: %s", render.Escape(logName(record)), record.Level, render.Escape(line)))
		}
	}
}

func logName(record wasm.LogRecord) string {
	if record.Resource != "" {
		return record.Resource
	}
	return "provider " + record.Provider
}
