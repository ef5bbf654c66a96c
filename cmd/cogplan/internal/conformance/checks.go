package conformance

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// cancelWithin is how long an interrupted plan may go on.
const cancelWithin = 10 * time.Second

// described is what the checks read of provider inspect.
type described struct {
	Schema struct {
		Resource block `json:"resource"`
	} `json:"schema"`
	Capabilities []struct {
		Kind   string `json:"kind"`
		Reason string `json:"reason"`
	} `json:"capabilities"`
	Abilities []string `json:"abilities"`
}

type block struct {
	Attributes []struct {
		Name string `json:"name"`
		Doc  string `json:"doc"`
	} `json:"attributes"`
	Blocks []struct {
		Type  string `json:"type"`
		Block block  `json:"block"`
	} `json:"blocks"`
}

// undocumented names the arguments without a word about them.
func (b *block) undocumented(at string) []string {
	var names []string
	for _, a := range b.Attributes {
		if a.Doc == "" {
			names = append(names, at+a.Name)
		}
	}
	for _, inner := range b.Blocks {
		names = append(names, inner.Block.undocumented(at+inner.Type+".")...)
	}
	return names
}

func (s *Suite) describes(ctx context.Context) error {
	module, err := filepath.Abs(s.Module)
	if err != nil {
		return err
	}
	r, err := s.cogplan(ctx, "provider", "inspect", "-json", module)
	if err != nil {
		return err
	}
	var d described
	if err := s.must(r.code == 0 && json.Unmarshal([]byte(r.out), &d) == nil,
		"describe: the module loads and says what it is, without any capability", r.said()); err != nil {
		return err
	}
	if names := d.Schema.Resource.undocumented(""); len(names) > 0 {
		s.note(Warned, "schema: every argument is documented", "no doc: "+strings.Join(names, ", "))
	} else {
		s.note(Passed, "schema: every argument is documented", "")
	}
	for _, c := range d.Capabilities {
		if c.Reason == "" {
			s.note(Warned, "schema: it says why it asks for capabilities", "no reason for "+c.Kind)
		}
	}
	if !slices.Contains(d.Abilities, "effects") {
		s.note(Warned, "effects: declared", "each action is unbounded within the grant, which the default policy denies without trust = \"grant\"")
	}
	return nil
}

// plans checks that a plan changes nothing, is the same each time, and can be
// interrupted.
func (s *Suite) plans(ctx context.Context, step string) (*document, error) {
	before, err := s.fingerprint()
	if err != nil {
		return nil, err
	}
	first, r, err := s.planned(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.must(first != nil && r.code == 0 && first.Digest != "", step+": plan", r.said()); err != nil {
		return nil, err
	}
	if err := s.must(first.counts().changes() > 0, step+": there is something to plan", "the module of this step changes nothing"); err != nil {
		return nil, err
	}
	second, r, err := s.planned(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.must(second != nil && second.Digest == first.Digest, step+": deterministic: the same plan twice",
		"two plans of the same differ; is an order that of a map, or does a value hold the time? "+r.said()); err != nil {
		return nil, err
	}
	after, err := s.fingerprint()
	if err != nil {
		return nil, err
	}
	if err := s.must(before == after, step+": phases: a plan changes nothing", "files in the folder changed while it planned"); err != nil {
		return nil, err
	}
	return first, s.cancels(ctx, step)
}

// cancels interrupts a plan.
func (s *Suite) cancels(ctx context.Context, step string) error {
	ctx, stop := context.WithTimeout(ctx, cancelWithin)
	defer stop()
	cmd := exec.CommandContext(ctx, s.Executable, "plan")
	cmd.Dir, cmd.Env = s.dir, s.Environ
	if err := cmd.Start(); err != nil {
		return err
	}
	time.Sleep(50 * time.Millisecond)
	_ = cmd.Process.Signal(os.Interrupt)
	_ = cmd.Wait() // however it ended
	return s.must(ctx.Err() == nil, step+": cancel: an interrupted plan ends", fmt.Sprintf("it went on for %s", cancelWithin))
}

// applies checks that the plan is carried out, with nothing but what it declared,
// and that there is nothing to do afterwards.
func (s *Suite) applies(ctx context.Context, step string, planned *document) error {
	const audit = "audit.jsonl"
	defer os.Remove(filepath.Join(s.dir, audit)) //nolint:errcheck // it is of this step
	r, err := s.cogplan(ctx, "apply", "-auto-approve", "-audit", audit)
	if err != nil {
		return err
	}
	if err := s.must(r.code == 0, step+": apply", r.said()); err != nil {
		return err
	}
	denied, used, err := s.audited(audit)
	if err != nil {
		return err
	}
	if err := s.must(len(denied) == 0, step+": effects: it tries nothing beyond them", strings.Join(denied, "\n")); err != nil {
		return err
	}
	if idle := unused(planned, used); len(idle) > 0 {
		s.note(Warned, step+": effects: it does what it declares", "declared and not done: "+strings.Join(idle, "; "))
	} else {
		s.note(Passed, step+": effects: it does what it declares", "")
	}
	return s.settled(ctx, step+": round trip: nothing to change after an apply")
}

// audited are the uses that were denied, and the changes that were made.
func (s *Suite) audited(name string) (denied []string, used map[string]bool, err error) {
	file, err := os.Open(filepath.Join(s.dir, name))
	if err != nil {
		return nil, nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	used = map[string]bool{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var use struct{ Phase, Capability, Operation, Target, Verdict, Reason string }
		if err := json.Unmarshal(lines.Bytes(), &use); err != nil {
			return nil, nil, err
		}
		what := use.Operation + " " + use.Target
		if use.Verdict == "denied" && use.Phase == "apply" {
			denied = append(denied, use.Capability+" "+what+": "+use.Reason)
		}
		used[what] = true
	}
	return denied, used, lines.Err()
}

// unused are effects of files that no action had. Requests are not compared: an
// effect may be a pattern. A directory that is there already needs not be made.
func unused(planned *document, used map[string]bool) []string {
	idle := map[string]bool{}
	for _, r := range planned.Resources {
		if r.Plan == nil {
			continue
		}
		for _, a := range r.Plan.Actions {
			list, _ := a.Details["effects"].([]any)
			for _, item := range list {
				e, _ := item.(map[string]any)
				what := fmt.Sprint(e["operation"], " ", e["target"])
				if e["capability"] == "file" && e["operation"] != "mkdir" && e["operation"] != "rmdir" && !used[what] {
					idle[what] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(idle))
}

func (s *Suite) settled(ctx context.Context, check string) error {
	after, r, err := s.planned(ctx)
	if err != nil {
		return err
	}
	return s.must(after != nil && r.code == 0 && after.counts().changes() == 0, check, "a plan right after it finds changes: "+r.said())
}

// remembers checks that the provider finds what exists when nothing is recorded:
// so an apply that was interrupted makes nothing twice.
func (s *Suite) remembers(ctx context.Context) error {
	kept, aside := filepath.Join(s.dir, ".cog"), filepath.Join(s.dir, ".cog-aside")
	if err := os.Rename(kept, aside); err != nil {
		return err
	}
	found, r, err := s.planned(ctx)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(kept); err != nil {
		return err
	}
	if err := os.Rename(aside, kept); err != nil {
		return err
	}
	return s.must(found != nil && found.counts()["create"] == 0, "idempotency: what exists is found without a record, and not made twice",
		"with nothing recorded it would create again what is there: "+r.said())
}

// exports checks that an export declares everything, where there is one.
func (s *Suite) exports(ctx context.Context) error {
	var addresses []string
	doc, r, err := s.planned(ctx)
	if err != nil {
		return err
	}
	if doc == nil {
		return s.must(false, "export", r.said())
	}
	for _, resource := range doc.Resources {
		if !strings.HasPrefix(resource.Address, "data.") && !strings.ContainsAny(resource.Address, "[") {
			addresses = append(addresses, resource.Address)
		}
	}
	for _, address := range addresses {
		r, err := s.cogplan(ctx, "export", address)
		switch {
		case err != nil:
			return err
		case strings.Contains(r.errout, "cannot export"):
			s.note(Skipped, "export: "+address, "the provider has no export")
		default:
			if err := s.must(r.code == 0, "export: "+address, r.said()); err != nil {
				return err
			}
		}
	}
	return nil
}

// leaves checks that a destroy takes everything away, and that the first step could
// begin anew.
func (s *Suite) leaves(ctx context.Context, first counts) error {
	if err := s.enter(s.Steps[0]); err != nil {
		return err
	}
	r, err := s.cogplan(ctx, "destroy", "-auto-approve")
	if err != nil {
		return err
	}
	if err := s.must(r.code == 0, "destroy", r.said()); err != nil {
		return err
	}
	again, r, err := s.planned(ctx)
	if err != nil {
		return err
	}
	return s.must(again != nil && maps.Equal(again.counts(), first), "destroy: nothing is left of it",
		fmt.Sprintf("a plan after it has %v actions, and the first one had %v; %s", again.counts(), first, r.said()))
}
