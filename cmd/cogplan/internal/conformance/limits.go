package conformance

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// scarce are limits with which a provider cannot do its work, or hardly. Each is set
// by itself.
func scarce() []limit {
	return []limit{
		{"memory", cty.StringVal("64KiB")},
		{"memory", cty.StringVal("4MiB")},
		{"output", cty.StringVal("64B")},
		{"output", cty.StringVal("256B")},
		{"log", cty.StringVal("1KiB")},
		{"timeout", cty.StringVal("20ms")},
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
	case r.code == 0 && plan.actions() != planned.actions():
		return fmt.Sprintf("it has the actions %v, and without the limit %v, or they are about something else: something was left out in silence",
			plan.counts(), planned.counts())
	case r.code != 0 && !strings.Contains(r.out, `"severity": "error"`):
		return "it failed and says nothing of it; " + r.said()
	default:
		return ""
	}
}

// appliesWithin checks that an apply under scarce limits says it where it fails, and
// that what it leaves behind is known to the next one: that brings everything to its
// end, and a destroy takes all of it away. Nothing is there before, and nothing
// afterwards.
func (s *Suite) appliesWithin(ctx context.Context) error {
	for _, l := range scarce() {
		check := fmt.Sprintf("limits: after an apply with %s = %s", l.name, l.shown())
		saved, err := s.setLimit(l)
		if err != nil {
			return err
		}
		r, err := s.cogplan(ctx, "apply", "-auto-approve", "-json")
		if err != nil {
			return err
		}
		if err := restore(saved); err != nil {
			return err
		}
		if r.code != 0 && !strings.Contains(r.out, `"severity": "error"`) {
			return s.must(false, check, "it failed and says nothing of it; "+r.said())
		}
		if err := s.recovers(ctx, check); err != nil {
			return err
		}
	}
	return nil
}

// killedAfter are the moments at which an apply is killed.
func killedAfter() []time.Duration {
	const step = 12 * time.Millisecond
	return []time.Duration{2 * step, 4 * step, 5 * step, 6 * step, 7 * step, 9 * step}
}

// survives checks that what an apply leaves behind that is killed at some moment is
// known to the next one.
func (s *Suite) survives(ctx context.Context) error {
	for _, after := range killedAfter() {
		cmd := exec.CommandContext(ctx, s.Executable, "apply", "-auto-approve")
		cmd.Dir, cmd.Env = s.dir, s.Environ
		if err := cmd.Start(); err != nil {
			return err
		}
		time.Sleep(after)
		_ = cmd.Process.Kill() // it may have ended already
		_ = cmd.Wait()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := s.recovers(ctx, fmt.Sprintf("crash: after an apply that was killed within %s", after)); err != nil {
			return err
		}
	}
	return nil
}

// recovers checks that a plan tells what is left to do, an apply does it, nothing is to
// do then, and a destroy takes everything away.
func (s *Suite) recovers(ctx context.Context, check string) error {
	if left, r, err := s.planned(ctx); err != nil {
		return err
	} else if left == nil || r.code != 0 {
		return s.must(false, check, "the next plan fails; "+r.said())
	}
	r, err := s.cogplan(ctx, "apply", "-auto-approve", "-json")
	if err != nil {
		return err
	}
	if r.code != 0 {
		return s.must(false, check, "the next apply fails; "+r.said())
	}
	left, r, err := s.planned(ctx)
	if err != nil {
		return err
	}
	if left == nil || r.code != 0 || left.counts().changes() > 0 {
		return s.must(false, check, "after it and the next apply there still is something to change; "+r.said())
	}
	r, err = s.cogplan(ctx, "destroy", "-auto-approve")
	if err != nil {
		return err
	}
	return s.must(r.code == 0, check, "a destroy fails; "+r.said())
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
