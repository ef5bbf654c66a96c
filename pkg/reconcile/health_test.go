package reconcile_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// patient is a provider whose resource becomes healthy after some questions.
type patient struct {
	native

	says []reconcile.HealthStatus
	err  error
}

// CheckHealth answers with what comes next, and the last again and again.
func (p *patient) CheckHealth(context.Context) (reconcile.ResourceStatus, error) {
	if err := p.call("health"); err != nil {
		return reconcile.ResourceStatus{}, err
	}
	said := p.says[0]
	if len(p.says) > 1 {
		p.says = p.says[1:]
	}
	status := reconcile.NewResourceStatus(reconcile.SyncStatusSynced, said)
	status.Message = "it says " + string(said)
	return status, p.err
}

const (
	healthy     = reconcile.HealthHealthy
	progressing = reconcile.HealthProgressing
	degraded    = reconcile.HealthDegraded
)

func TestApplyWaitsForHealth(t *testing.T) {
	for _, tc := range []struct {
		name    string
		says    []reconcile.HealthStatus
		timeout time.Duration
		plan    *reconcile.Plan
		options []reconcile.Option
		want    string
		asked   int
		took    time.Duration
		err     string
	}{
		{name: "at once", says: []reconcile.HealthStatus{healthy}, want: "a:applied b:synced", asked: 1},
		{name: "later", says: []reconcile.HealthStatus{progressing, reconcile.HealthMissing, progressing, healthy}, want: "a:applied b:synced", asked: 4, took: 7 * time.Second},
		{name: "suspended", says: []reconcile.HealthStatus{reconcile.HealthSuspended}, want: "a:applied b:synced", asked: 1},
		{name: "never", says: []reconcile.HealthStatus{progressing}, timeout: time.Minute, want: "a:failed b:skipped", asked: 9, took: time.Minute, err: "a is Progressing after 1m0s: it says Progressing; what is there is recorded"},
		{name: "failed", says: []reconcile.HealthStatus{progressing, degraded, healthy}, want: "a:failed b:skipped", asked: 2, took: time.Second, err: "a is Degraded after 1s: it says Degraded"},
		{name: "in sync and not healthy", says: []reconcile.HealthStatus{progressing, degraded}, plan: &reconcile.Plan{ResourceType: "t"}, want: "a:failed b:skipped", asked: 2, took: time.Second, err: "Degraded"},
		{name: "not waited for", says: []reconcile.HealthStatus{progressing}, timeout: -1, want: "a:applied b:synced"},
		{name: "nowhere waited for", says: []reconcile.HealthStatus{progressing}, options: []reconcile.Option{reconcile.WithHealth(-1, 0)}, want: "a:applied b:synced"},
		{name: "destroyed", says: []reconcile.HealthStatus{progressing}, options: []reconcile.Option{reconcile.WithDestroy()}, want: "b:synced a:applied"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				p := &patient{says: tc.says}
				if p.plan = tc.plan; p.plan == nil {
					p.plan = create("x")
				}
				p.results = []reconcile.Result{{Action: "create", Name: "x", Status: reconcile.ApplySucceeded}}
				p.kind, p.log = "a", r.log
				declared := &declaring{Reconcilable: p, declaration: reconcile.Declaration{Address: "a", HealthTimeout: tc.timeout}}
				r.registry.Register("a", declared)
				r.declare("a", "a")
				r.add("b", &native{}, "a")
				began := time.Now()
				results := r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{}, tc.options...)
				wantStatuses(t, results, tc.want)
				if took := time.Since(began); took != tc.took {
					t.Errorf("it took %s, want %s", took, tc.took)
				}
				if asked := strings.Count(r.log.String(), "a.health"); asked != tc.asked {
					t.Errorf("asked %d times, want %d", asked, tc.asked)
				}
				unhealthy, ok := errors.AsType[*reconcile.UnhealthyError](results[0].Err())
				if ok != (tc.err != "") || ok && !strings.Contains(unhealthy.Error(), tc.err) {
					t.Errorf("got %v, want %q", results[0].Err(), tc.err)
				}
				if tc.want == "a:failed b:skipped" && tc.plan == nil {
					if state, _, err := r.store.Load(t.Context(), "a"); err != nil || state == nil {
						t.Errorf("what was applied is not recorded: %v", err)
					}
				}
			})
		})
	}
}

// declaring is a provider with a declaration.
type declaring struct {
	reconcile.Reconcilable

	declaration reconcile.Declaration
}

func (d *declaring) Declaration() reconcile.Declaration { return d.declaration }

func (d *declaring) ProviderInfo() reconcile.ProviderInfo { return reconcile.ProviderInfo{Name: "t"} }

func (d *declaring) Unwrap() reconcile.Reconcilable { return d.Reconcilable }

func TestWaitingForHealthEndsWithTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		p := &patient{says: []reconcile.HealthStatus{progressing}}
		p.plan, p.kind, p.log = create("x"), "a", r.log
		p.results = []reconcile.Result{{Action: "create", Name: "x", Status: reconcile.ApplySucceeded}}
		r.registry.Register("a", p)
		r.declare("a", "a")
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			time.Sleep(5 * time.Second)
			cancel(errors.New("interrupted"))
		}()
		results, err := r.engine(reconcile.AllowAll{}).Run(ctx, r.cfg, reconcile.MetaOpts{})
		if err != nil && len(results) == 0 {
			t.Fatal(err)
		}
		unhealthy, ok := errors.AsType[*reconcile.UnhealthyError](results[0].Err())
		if !ok || unhealthy.Waited != 5*time.Second || !strings.Contains(unhealthy.Error(), "interrupted") {
			t.Errorf("got %v", results[0].Err())
		}
	})
}

func TestHealthIsShown(t *testing.T) {
	for _, shown := range []bool{false, true} {
		r := newRig(t)
		p := &patient{says: []reconcile.HealthStatus{degraded}}
		p.kind, p.log, p.plan = "a", r.log, create("x")
		r.registry.Register("a", p)
		r.declare("a", "a")
		options := []reconcile.Option{}
		if shown {
			options = append(options, reconcile.WithHealthShown())
		}
		if _, err := r.engine(reconcile.AllowAll{}, options...).Propose(t.Context(), r.cfg, reconcile.MetaOpts{}); err != nil {
			t.Fatal(err)
		}
		if asked := strings.Contains(r.log.String(), "a.health"); asked != shown {
			t.Errorf("shown %v: asked %v", shown, asked)
		}
	}
}
