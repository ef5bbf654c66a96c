package wasm

import (
	"strings"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/internal/broker"
	"github.com/cogplan/cogplan/runtime/wasm/internal/guestfs"
)

// Use is one use of a capability by a provider, permitted or not. It holds no
// secret: what is redacted in a plan is redacted here.
type Use struct {
	Provider reconcile.ProviderInfo
	// Resource is the address; empty where the provider was asked for none.
	Resource string
	// Action is what was being applied, as plans name it: create file "a"; empty
	// while the provider read.
	Action string
	// Effect says what was done: beside what effects of an action can be, read,
	// list and examine for files.
	Effect reconcile.Effect
	// Writing says that something was being applied; otherwise the provider read.
	Writing bool
	Allowed bool
	// Reason says why not, or why a request failed.
	Reason string
	// Status is that of an answer over HTTP, and Elapsed the time until it came.
	Status  int
	Elapsed time.Duration
	// Unnoted is set where a provider did more than can be told one by one, and
	// says how much more.
	Unnoted int
}

// hear tells the audit of what a session does over the network; nil where nobody
// listens.
func (s *session) hear(action string) func(broker.Use) {
	if s.prov.host.opts.Audit == nil {
		return nil
	}
	return func(use broker.Use) {
		s.audit(Use{
			Action: action, Effect: use.Effect, Allowed: use.Allowed, Reason: use.Reason,
			Status: use.Status, Elapsed: use.Elapsed, Writing: use.Phase == broker.PhaseApply,
		})
	}
}

// auditFiles tells the audit of what a report says about files. Refusals of
// requests have been told when they were judged.
func (s *session) auditFiles(report *guestfs.Report, action string) {
	if s.prov.host.opts.Audit == nil {
		return
	}
	file := func(op, path string) Use {
		return Use{Action: action, Effect: reconcile.Effect{Capability: reconcile.CapabilityFile, Operation: op, Target: path}, Writing: s.write}
	}
	for _, used := range report.Uses {
		use := file(used.Op, used.Path)
		use.Allowed = true
		s.audit(use)
	}
	for _, path := range report.Missing {
		use := file("read", path)
		use.Reason = "no grant covers it"
		s.audit(use)
	}
	for _, v := range report.Violations {
		if strings.HasPrefix(v.Path, "http ") || v.Op == "connect" {
			continue
		}
		use := file(v.Op, v.Path)
		use.Reason = v.Why
		s.audit(use)
	}
	if report.Unnoted > 0 {
		use := file("", "")
		use.Allowed, use.Unnoted = true, report.Unnoted
		s.audit(use)
	}
}

// environ are the granted variables that are set. What a guest is told of them it
// has used, as far as anybody can say.
func (s *session) environ() map[string]string {
	env := map[string]string{}
	for _, name := range s.prov.info.Grants.Env {
		if value, ok := s.prov.host.opts.Environ[name]; ok {
			env[name] = value
			if s.prov.host.opts.Audit != nil {
				s.audit(Use{Effect: reconcile.Effect{Capability: "env", Operation: "read", Target: name}, Writing: s.write, Allowed: true})
			}
		}
	}
	return env
}

func (s *session) audit(use Use) {
	use.Provider, use.Resource = s.prov.info, s.resource
	for _, text := range []*string{&use.Effect.Target, &use.Action, &use.Reason} {
		*text = sanitize(s.redactor.show(*text))
	}
	s.prov.host.opts.Audit(use)
}
