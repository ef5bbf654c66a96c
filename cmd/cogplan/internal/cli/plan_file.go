package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/planfile"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// digestSources notes the digests of the files that were read as the module.
func (s *session) digestSources() {
	if s.module == nil {
		return
	}
	s.digests = map[string]string{}
	for name, file := range s.module.Files() {
		s.digests[name] = reconcile.DigestBytes(file.Bytes)
	}
}

// bindKey derives the key of a plan file from the sensitive variables.
func (s *session) bindKey() (err error) {
	if s.use.salt == "" {
		return nil
	}
	secrets := map[string]string{}
	for _, input := range s.eval.Inputs() {
		if input.Sensitive {
			secrets[input.Name] = input.Digest
		}
	}
	s.key, err = planfile.Bind(s.use.salt, secrets)
	return err
}

// variables are the inputs as a plan file keeps them.
func (s *session) variables() []planfile.Variable {
	variables := []planfile.Variable{}
	for _, input := range s.eval.Inputs() {
		v := planfile.Variable{Name: input.Name, Sensitive: input.Sensitive}
		if !v.Sensitive {
			v.Value, v.Digest = input.Value, input.Digest
		}
		variables = append(variables, v)
	}
	slices.SortFunc(variables, func(a, b planfile.Variable) int { return strings.Compare(a.Name, b.Name) })
	return variables
}

// providerInfos are the providers of the module, by name.
func (s *session) providerInfos() []reconcile.ProviderInfo {
	infos := []reconcile.ProviderInfo{}
	for _, name := range slices.Sorted(maps.Keys(s.providers)) {
		infos = append(infos, s.providers[name].Info())
	}
	return infos
}

// savePlan writes the proposal to a file. What could not be planned is not kept:
// there is nothing to review.
func (r *run) savePlan(path string, o outcome, proposal *reconcile.Proposal) error {
	return planfile.Write(path, r.kept(o, proposal))
}

// mutates is the command that would carry the plan out.
func (r *run) mutates() string {
	if r.destroy {
		return commandDestroy
	}
	return commandApply
}

// The commands that change the world.
const (
	commandApply   = "apply"
	commandDestroy = "destroy"
)

// movedError says what is not as it was when a plan file was made. Nothing was
// applied.
type movedError struct{ moved []string }

// Error names all of it.
func (e *movedError) Error() string { return "the plan is stale: " + strings.Join(e.moved, "; ") }

// message says what moved, one on a line.
func (e *movedError) message() render.Message {
	return render.Errorf("The plan is stale", "Changed since it was reviewed:\n- %s\nNothing was applied. Plan again, and have the new plan reviewed.",
		strings.Join(e.moved, "\n- "))
}

// movedOr is the error for what moved; nil for nothing.
func movedOr(moved []string) error {
	if len(moved) == 0 {
		return nil
	}
	return &movedError{moved}
}

// movedModule compares the module with the one that was planned, before anything
// is planned anew. One that has changed may not even be valid.
func movedModule(plan *planfile.Plan, s *session) error {
	moved := movedSources(plan, s)
	if !s.broken() {
		moved = append(append(moved, movedVariables(plan, s)...), movedProviders(plan, s)...)
	}
	return movedOr(moved)
}

func movedSources(plan *planfile.Plan, s *session) []string {
	var moved []string
	if plan.CogplanVersion != version {
		moved = append(moved, fmt.Sprintf("version: cogplan %s made the plan, and this is %s", plan.CogplanVersion, version))
	}
	for _, name := range slices.Sorted(maps.Keys(plan.Sources)) {
		switch now, there := s.digests[name]; {
		case !there:
			moved = append(moved, "config: "+name+" is not there")
		case now != plan.Sources[name]:
			moved = append(moved, "config: "+name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.digests)) {
		if _, there := plan.Sources[name]; !there {
			moved = append(moved, "config: "+name+" is new")
		}
	}
	return moved
}

func movedVariables(plan *planfile.Plan, s *session) []string {
	var moved, secrets []string
	before := map[string]planfile.Variable{}
	for _, v := range plan.Variables {
		before[v.Name] = v
	}
	for _, v := range s.variables() {
		was, there := before[v.Name]
		switch {
		case !there || was.Sensitive != v.Sensitive || was.Digest != v.Digest:
			moved = append(moved, "variable: "+v.Name)
		case v.Sensitive:
			secrets = append(secrets, v.Name)
		}
		delete(before, v.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		moved = append(moved, "variable: "+name+" is not there")
	}
	if !s.key.Matches(plan.Binding) && len(moved) == 0 {
		// All of them go through one check, so that none can be guessed alone.
		moved = append(moved, "variable: sensitive, one of "+strings.Join(secrets, ", "))
	}
	return moved
}

func movedProviders(plan *planfile.Plan, s *session) []string {
	var moved []string
	before := map[string]reconcile.ProviderInfo{}
	for _, info := range plan.Providers {
		before[info.Name] = info
	}
	for _, info := range s.providerInfos() {
		was, there := before[info.Name]
		delete(before, info.Name)
		if !there {
			moved = append(moved, "provider: "+info.Name+" is new")
			continue
		}
		if was.Digest != info.Digest || was.Version != info.Version || was.Source != info.Source {
			moved = append(moved, fmt.Sprintf("provider: %s was %s and is %s", info.Name, shortDigest(was.Digest), shortDigest(info.Digest)))
		}
		if grantsOf(was) != grantsOf(info) {
			moved = append(moved, "grants: of provider "+info.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		moved = append(moved, "provider: "+name+" is not there")
	}
	return moved
}

// grantsOf is the digest of what a provider may do.
func grantsOf(info reconcile.ProviderInfo) string {
	digest, err := reconcile.Digest([]any{info.Grants, info.Limits, info.Trust})
	if err != nil {
		return "undigestible: " + err.Error()
	}
	return digest
}

// shortDigest is enough of a digest to tell two apart.
func shortDigest(digest string) string {
	const enough = len("sha256:") + 12
	if len(digest) > enough {
		return digest[:enough]
	}
	return digest
}

// movedResources compares what is planned now with what was reviewed.
func movedResources(plan *planfile.Plan, now *reconcile.Proposal) error {
	var moved []string
	if now.Run != nil && now.Run.PolicyDigest != plan.PolicyDigest {
		moved = append(moved, "policy")
	}
	before := plan.Proposal()
	for i := range before.Resources {
		was := &before.Resources[i]
		is := now.Resource(was.Address)
		if is == nil {
			moved = append(moved, was.Address+": config, it is not declared")
			continue
		}
		if names := movedResource(was, is); len(names) > 0 {
			moved = append(moved, was.Address+": "+strings.Join(names, ", "))
		}
	}
	for i := range now.Resources {
		if before.Resource(now.Resources[i].Address) == nil {
			moved = append(moved, now.Resources[i].Address+": config, it is declared now")
		}
	}
	return movedOr(moved)
}

func movedResource(was, is *reconcile.Proposed) []string {
	switch {
	case is.Status == reconcile.StatusFailed, is.Status == reconcile.StatusSkipped:
		return nil // the run says why, and ends with that
	case was.Review.Plan == nil && is.Review.Plan == nil && was.Status == is.Status:
		return nil // it was deferred and still is
	case was.Review.Plan == nil || is.Review.Plan == nil:
		return []string{fmt.Sprintf("plan, it was %s and is %s", was.Status, is.Status)}
	}
	names := was.Components.Moved(is.Components)
	if len(names) == 0 && was.Decision.PolicyDigest != is.Decision.PolicyDigest {
		names = []string{"policy"}
	}
	return names
}
