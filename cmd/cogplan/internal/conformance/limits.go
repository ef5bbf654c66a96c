package conformance

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// scarce are limits with which a provider cannot do its work, or hardly. Each is set
// by itself.
func scarce() []limit {
	return []limit{
		{"memory", cty.StringVal("2MiB")},
		{"output", cty.StringVal("512B")},
		{"log", cty.StringVal("1KiB")},
		{"timeout", cty.StringVal("1s")},
		{"cpu", cty.StringVal("1s")},
		{"requests", cty.NumberIntVal(1)},
	}
}

type limit struct {
	name  string
	value cty.Value
}

// plansWithin checks that a plan under scarce limits is the same one, or fails and
// says so: that nothing is left out in silence.
func (s *Suite) plansWithin(ctx context.Context, step string, planned *document) error {
	for _, l := range scarce() {
		check := fmt.Sprintf("%s: limits: a plan with %s = %s", step, l.name, l.shown())
		saved, err := s.setLimit(l)
		if err != nil {
			return err
		}
		before, err := s.fingerprint()
		if err != nil {
			return err
		}
		plan, r, err := s.planned(ctx)
		if err != nil {
			return err
		}
		after, err := s.fingerprint()
		if err != nil {
			return err
		}
		if err := restore(saved); err != nil {
			return err
		}
		wrong := wrongWithin(plan, r, planned)
		if before != after {
			wrong = "it changed files in the folder"
		}
		if err := s.must(wrong == "", check, wrong); err != nil {
			return err
		}
	}
	return nil
}

// wrongWithin says what is wrong with a plan under a limit; empty for nothing.
func wrongWithin(plan *document, r *ran, planned *document) string {
	switch {
	case plan == nil:
		return "it ended without a document; " + r.said()
	case r.code == 0 && !maps.Equal(plan.counts(), planned.counts()):
		return fmt.Sprintf("it has %v actions, and without the limit %v: something was left out in silence", plan.counts(), planned.counts())
	case r.code != 0 && !strings.Contains(r.out, `"severity": "error"`):
		return "it failed and says nothing of it; " + r.said()
	default:
		return ""
	}
}

// appliesWithin checks that what an apply under scarce limits leaves behind, however
// it ended, is known to the next one: that brings everything to its end, and a destroy
// takes all of it away. Nothing is there before, and nothing afterwards.
func (s *Suite) appliesWithin(ctx context.Context) error {
	for _, l := range scarce() {
		check := fmt.Sprintf("limits: after an apply with %s = %s", l.name, l.shown())
		saved, err := s.setLimit(l)
		if err != nil {
			return err
		}
		if _, err := s.cogplan(ctx, "apply", "-auto-approve", "-json"); err != nil {
			return err
		}
		if err := restore(saved); err != nil {
			return err
		}
		r, err := s.cogplan(ctx, "apply", "-auto-approve", "-json")
		if err != nil {
			return err
		}
		if r.code != 0 {
			return s.must(false, check, "another one without the limit fails; "+r.said())
		}
		left, r, err := s.planned(ctx)
		if err != nil {
			return err
		}
		if left == nil || r.code != 0 || left.counts().changes() > 0 {
			return s.must(false, check, "and another one without the limit there still is something to change; "+r.said())
		}
		r, err = s.cogplan(ctx, "destroy", "-auto-approve")
		if err != nil {
			return err
		}
		if err := s.must(r.code == 0, check, "a destroy fails; "+r.said()); err != nil {
			return err
		}
	}
	return nil
}

func (l limit) shown() string {
	if l.value.Type() == cty.String {
		return l.value.AsString()
	}
	return l.value.AsBigFloat().Text('f', 0)
}

func restore(saved map[string][]byte) error {
	for name, data := range saved {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// setLimit gives each provider block of the module the limit, and returns the files
// as they were.
func (s *Suite) setLimit(l limit) (map[string][]byte, error) {
	names, err := filepath.Glob(filepath.Join(s.dir, "*.hcl"))
	if err != nil {
		return nil, err
	}
	saved := map[string][]byte{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		saved[name] = data
		file, diags := hclwrite.ParseConfig(data, name, hcl.InitialPos)
		if diags.HasErrors() {
			return nil, diags
		}
		for _, block := range file.Body().Blocks() {
			if block.Type() != "provider" {
				continue
			}
			limits := block.Body().FirstMatchingBlock("limits", nil)
			if limits == nil {
				limits = block.Body().AppendNewBlock("limits", nil)
			}
			limits.Body().SetAttributeValue(l.name, l.value)
		}
		if err := os.WriteFile(name, file.Bytes(), 0o600); err != nil { //nolint:gosec // a name that Glob found in our own folder
			return nil, err
		}
	}
	return saved, nil
}
