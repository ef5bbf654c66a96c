package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/planfile"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/recording"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/policy"
	"github.com/cogplan/cogplan/runtime/wasm"
)

// moduleDir is where the module is: the working directory, which -chdir sets.
const moduleDir = "."

// session is one module, read and checked, with its providers and policies.
// What can be done at the same time is: policies and providers are loaded while
// the language is evaluated.
type session struct {
	// sealer encrypts what providers need back; nil where nothing does.
	sealer    wasm.Sealer
	app       *app
	module    *lang.Module
	eval      *lang.Evaluation
	host      *wasm.Host
	gate      *lateGate
	guests    *guests
	providers map[string]*wasm.Provider
	resources map[string]*wasm.Resource
	registry  reconcile.Registry
	store     *relocatingStore
	owners    owners
	// use is what the module was opened for.
	use sessionUse
	// digests are those of the module's files, and key that of a plan file.
	digests map[string]string
	key     planfile.Key
	// messages are what was found so far; the session is of no use where they
	// hold errors.
	messages []render.Message
	// quoted are files besides the module's that messages are about.
	quoted render.Sources
}

// sessionUse is what a module is opened for; the zero value plans it.
type sessionUse struct {
	purpose wasm.Purpose
	// replace are the addresses of objects to replace.
	replace []string
	// salt is that of a plan file; empty where none is written or applied.
	salt string
	// adopt are objects to import, by the resource that they belong to.
	adopt map[string][]wasm.Adoption
	// recorded takes the record for the world.
	recorded bool
	// unlocked leaves the lock file to the caller.
	unlocked bool
	// recorder and replayed are those of the run; nil for none.
	recorder *recording.Recorder
	replayed *recording.Recording
}

func newSession(a *app) *session {
	return &session{app: a, providers: map[string]*wasm.Provider{}, resources: map[string]*wasm.Resource{}, quoted: render.Sources{}}
}

// openSession reads, checks and evaluates the module, and binds its providers.
// It runs no provider against the world.
func (a *app) openSession(ctx context.Context, inputs *inputFlags, progress *render.Progress) (*session, error) {
	return a.openSessionFor(ctx, inputs, progress, sessionUse{})
}

func (a *app) openSessionFor(ctx context.Context, inputs *inputFlags, progress *render.Progress, use sessionUse) (*session, error) {
	s := newSession(a)
	s.use = use
	module, diags := lang.Load(moduleDir, lang.WithVersion(version))
	s.module = module
	s.digestSources()
	s.say(diags)
	if s.refuseUnsupported(); s.broken() {
		return s, nil
	}
	s.gate = loadGate(ctx, a.policyOptions(module), a.ruling.log)
	if err := s.startHost(progress, inputs); err != nil {
		return s, err
	}
	s.guests = describeGuests(ctx, s.host, module)
	eval, diags := module.Evaluate(lang.EvalOptions{
		Schemas: s.guests.schema,
		Variables: lang.VariableSources{
			Environ: a.proc.environ, Args: inputs.variables, Prompt: a.promptVariable(ctx, inputs.noInput, progress),
		},
		Env: a.proc.environ,
	})
	s.eval = eval
	if s.say(diags); diags.HasErrors() {
		return s, nil
	}
	if err := s.openStore(ctx); err != nil {
		return s, err
	}
	if err := s.bindKey(); err != nil {
		return s, err
	}
	if !use.unlocked {
		s.checkLock(ctx, inputs.lockfile)
	}
	s.bindProviders(ctx)
	return s, ctx.Err()
}

// checkPolicies waits for the policies and says what is wrong with them.
func (s *session) checkPolicies() {
	if s.gate == nil {
		return
	}
	err := s.gate.wait()
	if err == nil {
		return
	}
	where := s.module.Policy().Range
	loadErr, ok := errors.AsType[*policy.LoadError](err)
	if !ok {
		s.messages = append(s.messages, located(render.Errorf("Policies cannot be loaded", "%s", sentence(err)), where))
		return
	}
	for _, mistake := range loadErr.Mistakes {
		s.messages = append(s.messages, s.policyMessage(mistake, where))
	}
}

// policyMessage is a mistake in a policy, at its place in the policy, or at the
// policy block where it is about no line.
func (s *session) policyMessage(mistake policy.Mistake, where hcl.Range) render.Message {
	detail := strings.TrimSuffix(mistake.Problem, ".") + "."
	if mistake.File != "" && mistake.Line == 0 {
		detail = mistake.File + ": " + detail
	}
	if mistake.Remedy != "" {
		detail += "\nTo go on: " + strings.TrimSuffix(mistake.Remedy, ".") + "."
	}
	m := render.Errorf("Policy cannot be used", "%s", detail)
	if mistake.Line == 0 {
		return located(m, where)
	}
	s.quote(mistake.File)
	pos := hcl.Pos{Line: mistake.Line, Column: max(mistake.Column, 1)}
	return m.At(hcl.Range{Filename: mistake.File, Start: pos, End: pos})
}

// maxQuoted is the largest policy that is quoted in a message.
const maxQuoted = 1 << 20

// quote makes the text of a policy known to whoever writes messages.
func (s *session) quote(name string) {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxQuoted {
		return // the message names the place all the same
	}
	if text, err := os.ReadFile(name); err == nil {
		s.quoted[name] = &hcl.File{Bytes: text}
	}
}

// located gives a message a place, if there is one.
func located(m render.Message, rng hcl.Range) render.Message {
	if rng.Filename == "" {
		return m
	}
	return m.At(rng)
}

// say keeps diagnostics for the report.
func (s *session) say(diags hcl.Diagnostics) {
	s.messages = append(s.messages, render.FromDiagnostics(diags)...)
}

// broken reports whether the module has errors.
func (s *session) broken() bool { return render.HasErrors(s.messages) }

// sources are the files that ranges may name.
func (s *session) sources() render.Sources {
	sources := maps.Clone(s.quoted)
	if s.module != nil {
		maps.Copy(sources, s.module.Files())
	}
	return sources
}

// where is the header of the block that declares an address.
func (s *session) where(address string) (hcl.Range, bool) {
	if s.eval == nil {
		return hcl.Range{}, false
	}
	return s.eval.Range(address)
}

func (s *session) startHost(progress *render.Progress, inputs *inputFlags) error {
	audit, err := s.app.openAudit(inputs.audit)
	if err != nil {
		return err
	}
	dir, err := s.app.proc.cacheDir()
	if err != nil {
		return err
	}
	opts := wasm.Options{
		CacheDir: dir, Version: version, Time: s.app.proc.now(), Environ: s.app.proc.environ,
		Progress: func(p wasm.Progress) {
			text := ""
			if !p.Done {
				text = "compiling the provider, once for this version of it"
			}
			progress.Note(filepath.Base(p.Module), text)
		},
		Log: s.app.proc.logger(progress),
		Retry: func(retry wasm.Retry) {
			progress.Say(fmt.Sprintf("%s: %s; trying again in %s (attempt %d of %d)", render.Escape(retry.Resource),
				render.Escape(retry.Reason), render.Elapsed(retry.Pause), retry.Attempt, retry.Attempts))
		},
		Audit: audit,
	}
	if s.use.recorder != nil {
		opts.Record = s.use.recorder.Add
	}
	if s.use.replayed != nil {
		opts.Replay = s.use.replayed.Answer
	}
	s.host, err = wasm.New(opts)
	return err
}

// close ends the workers.
func (s *session) close() {
	if s.host != nil {
		_ = s.host.Close()
	}
}

// bindProviders puts grants and configuration to the providers, and registers
// each resource.
func (s *session) bindProviders(ctx context.Context) {
	for _, block := range s.module.Providers() {
		provider, err := s.bindProvider(ctx, &block)
		if err != nil {
			s.messages = append(s.messages, s.providerMessage(err, &block)...)
			continue
		}
		s.providers[block.Name] = provider
	}
	if s.broken() {
		return
	}
	for _, meta := range s.eval.MetaConfig().Resources {
		s.bindResource(meta)
	}
}

func (s *session) bindProvider(ctx context.Context, block *lang.ProviderConfig) (*wasm.Provider, error) {
	module, err := s.guests.module(block.Name)
	if err != nil {
		return nil, err
	}
	config, err := s.eval.ProviderConfig(ctx, block.Name)
	if err != nil {
		return nil, err
	}
	return s.host.Provider(ctx, wasm.ProviderSpec{
		Info: reconcile.ProviderInfo{
			Name: block.Name, Source: block.Source, Grants: block.Grants, Limits: block.Limits, Trust: block.Trust,
		},
		Module: module, ModuleDir: moduleDir, Config: config, ReadOnly: s.onlyData(block.Name), Credential: s.credential,
	})
}

func (s *session) bindResource(meta reconcile.MetaResource) {
	resource := s.newResource(meta, s.use.purpose)
	if resource == nil {
		return // the engine says that the resource has no provider
	}
	s.resources[meta.Name] = resource
	s.registry.Register(meta.Name, resource)
}

// removed reports whether a resource is declared to be taken away.
func (s *session) removed(address string) bool {
	declaration, _ := s.eval.Declaration(address)
	return declaration.Removed
}

// newResource binds a resource to its provider; nil where there is none.
func (s *session) newResource(meta reconcile.MetaResource, purpose wasm.Purpose) *wasm.Resource {
	declaration, _ := s.eval.Declaration(meta.Name)
	provider, ok := s.providers[meta.Source]
	if !ok {
		return nil
	}
	if declaration.Removed && purpose == wasm.PurposeReconcile {
		purpose = wasm.PurposeDestroy
	}
	spec := wasm.ResourceSpec{
		Meta: meta, Declaration: declaration, Purpose: purpose, Replace: objectsOf(meta.Name, s.use.replace),
		Config: func(ctx context.Context) (reconcile.Config, error) { return s.eval.Config(ctx, meta.Name) },
		Keys:   reconcile.NewFileStore(moduleDir), Sealer: s.sealer, Recorded: s.use.recorded,
		Elsewhere: s.elsewhere(meta),
	}
	switch {
	case s.use.adopt != nil:
		spec.Adopt = s.use.adopt[meta.Name]
	case purpose == wasm.PurposeReconcile:
		spec.Adopt = s.adoptions(meta.Name)
	}
	switch {
	case s.use.salt != "":
		spec.DigestKey = s.key.ForDigests()
	case s.use.recorder != nil:
		spec.DigestKey = s.use.recorder.DigestKey
	case s.use.replayed != nil:
		spec.DigestKey = s.use.replayed.Head.DigestKey
	}
	return provider.Resource(spec)
}
