package wasm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// ResourceSpec is one resource of a provider.
type ResourceSpec struct {
	// Meta is the resource as the engine knows it; Meta.Name is its address.
	Meta        reconcile.MetaResource
	Declaration reconcile.Declaration
	// Config evaluates the resource's body. It may return a
	// [reconcile.DeferredError].
	Config func(ctx context.Context) (reconcile.Config, error)
	// Keys has the key of the hashes that stand for sensitive values in the
	// state. It is asked only where something is sensitive; nil has none.
	Keys HashKeys
	// DigestKey keys the digests of config and live objects that bind a review;
	// without one the key of the hashes does, where something is sensitive.
	DigestKey []byte
	// Purpose is what the resource is looked at for.
	Purpose Purpose
	// Adopt are objects that exist and become the resource's own.
	Adopt []Adoption
	// Replace are the addresses of objects to delete and create anew.
	Replace []string
	// Recorded takes what is recorded for what is live, until something was applied:
	// the world is not read. Data, and what is adopted, are read all the same.
	Recorded bool
	// Elsewhere reports whether another resource has recorded a live object as its
	// own; nil knows of none.
	Elsewhere func(live *reconcile.Resource) bool
	// Sealer keeps the values that the provider needs back; nil where the state is not
	// encrypted.
	Sealer Sealer
	// WriteConfig writes what [Resource.ExportConfig] finds; nil where nothing is
	// exported.
	WriteConfig func(*Exported) error
}

// Purpose is what a resource is looked at for. The zero value brings it about.
type Purpose int

const (
	// PurposeReconcile makes the world as declared.
	PurposeReconcile Purpose = iota
	// PurposeDestroy plans the deletion of what is ours: the configuration says
	// only where it is.
	PurposeDestroy
	// PurposeObserve reads the world and plans nothing.
	PurposeObserve
)

// A Resource is the [reconcile.Reconcilable] of one resource. Like every one,
// it is not called from two goroutines at a time.
type Resource struct {
	provider *Provider
	spec     ResourceSpec
	// reader is the session that reads: from LoadConfig to ComputePlan.
	reader   *session
	known    []reconcile.Resource
	config   *configValue
	live     *liveValue
	redactor *redactor
	planned  map[actionKey]*plannedAction
	memo     *memo
	results  []reconcile.Result
	log      *actionLog
	applied  bool
	// owed are the actions that are to be tried again, and impatient is set once
	// one has been tried in vain to the end.
	owed      []*step
	impatient bool
	status    reconcile.ResourceStatus
	// secrets are those of credentials, and recalled those that were kept for the
	// provider.
	secrets, recalled []string
	// asked is set once the provider has told how the resource fares.
	asked bool
}

// Resource makes the reconcilable of one resource. It starts nothing.
func (p *Provider) Resource(spec ResourceSpec) *Resource {
	return &Resource{
		provider: p, spec: spec, redactor: p.redactor,
		status: reconcile.NewResourceStatus(reconcile.SyncStatusUnknown, reconcile.HealthProgressing),
	}
}

var (
	_ reconcile.Reconcilable = (*Resource)(nil)
	_ reconcile.ConfigLoader = (*Resource)(nil)
	_ reconcile.LiveFetcher  = (*Resource)(nil)
	_ reconcile.Planner      = (*Resource)(nil)
	_ reconcile.StateBuilder = (*Resource)(nil)
	_ reconcile.Declarer     = (*Resource)(nil)
	_ reconcile.Closer       = (*Resource)(nil)
)

// Type is the address of the resource.
func (r *Resource) Type() string { return r.spec.Meta.Name }

// Declaration is what the author declared beyond [reconcile.MetaResource].
func (r *Resource) Declaration() reconcile.Declaration { return r.spec.Declaration }

// ProviderInfo identifies the provider that serves the resource.
func (r *Resource) ProviderInfo() reconcile.ProviderInfo { return r.provider.info }

// LoadConfig is [Resource.LoadConfigContext] without a context.
func (r *Resource) LoadConfig(root string) (any, error) {
	return r.LoadConfigContext(context.Background(), root) //nolint:forbidigo // the documented signature has no context
}

// LoadConfigContext evaluates the body and has the provider turn it into
// desired objects.
func (r *Resource) LoadConfigContext(ctx context.Context, _ string) (any, error) {
	r.hangUp()
	r.config, r.live, r.planned, r.results, r.known = nil, nil, nil, nil, nil
	r.applied, r.asked = false, false
	body, err := r.spec.Config(ctx)
	if err != nil {
		return nil, err
	}
	secrets, err := r.provider.secretsOf(ctx)
	if err != nil {
		return nil, r.fail(r.provider.explain(r.Type(), "getting ready", err))
	}
	r.secrets, r.recalled = secrets, nil
	r.redactor = newRedactor(r.provider.config.Secrets, body.Secrets, secrets)
	config := &configValue{resource: r, body: body}
	r.config = config
	if r.isData() {
		return config, nil
	}
	var set *answerSet
	err = r.reading(ctx, "reading its configuration", func(s *session) (err error) {
		set, err = s.objects(ctx, abi.OpLoadConfig, abi.Empty{})
		return err
	})
	if err != nil {
		return nil, r.fail(err)
	}
	config.desired, config.warnings, config.sum = set.objects, set.warnings, set.digest
	if config.index, err = r.provider.index(set.objects); err != nil {
		return nil, r.fail(r.provider.explain(r.Type(), "reading its configuration", err))
	}
	if r.spec.Purpose == PurposeDestroy {
		config.desired, config.index = nil, nil
	}
	if err := r.secretName(config.desired); err != nil {
		return nil, r.fail(err)
	}
	return config, nil
}

func (r *Resource) isData() bool { return r.spec.Declaration.Mode == "data" }

// FetchLive is [Resource.FetchLiveKnown] without a recorded state.
func (r *Resource) FetchLive(ctx context.Context, config any) (any, error) {
	return r.FetchLiveKnown(ctx, config, nil)
}

// FetchLiveKnown has the provider read the world, and tells it what is
// recorded.
func (r *Resource) FetchLiveKnown(ctx context.Context, config any, state *reconcile.State) (any, error) {
	if err := r.mine(config); err != nil {
		return nil, err
	}
	known, err := r.adopted(state)
	if err != nil {
		return nil, err
	}
	if known, err = r.unseal(known); err != nil {
		return nil, err
	}
	r.tell(known)
	if r.readsRecord() {
		live, err := r.recordedLive(ctx, known)
		if live != nil || err != nil {
			r.live = live
			return live, err
		}
	}
	var set *answerSet
	err = r.reading(ctx, "reading the world", func(s *session) (err error) {
		set, err = s.objects(ctx, abi.OpFetchLive, abi.Empty{})
		return err
	})
	if err != nil {
		return nil, r.fail(err)
	}
	live := &liveValue{objects: set.objects, outputs: set.outputs, warnings: set.warnings, sum: set.digest}
	if live.index, err = r.provider.index(set.objects); err != nil {
		return nil, r.fail(r.provider.explain(r.Type(), "reading the world", err))
	}
	if err := r.checkAdopted(live); err != nil {
		return nil, err
	}
	r.live = live
	return live, nil
}

// tell notes what the guest has to know of the state. A session that was told
// before is given up: what it knows cannot be taken back.
func (r *Resource) tell(state *reconcile.State) {
	if len(r.known) > 0 {
		r.hangUp()
	}
	r.known = nil
	if state != nil {
		r.known = state.Resources
	}
	if r.reader != nil {
		r.reader.stale = len(r.known) > 0
	}
}

// mine checks that a value is what this resource handed out last.
func (r *Resource) mine(config any) error {
	if c, ok := config.(*configValue); !ok || c != r.config {
		return fmt.Errorf("resource %s: the configuration is not the one that was loaded last", r.Type())
	}
	return nil
}

// reading runs f in a session that reads. Where the worker was ended because
// of somebody else, it is tried once more with another one; what the provider
// calls temporary is tried again after a pause.
func (r *Resource) reading(ctx context.Context, doing string, f func(*session) error) error {
	replaced := false
	for attempt := 1; ; attempt++ {
		s, err := r.dial(ctx)
		if err == nil {
			err = f(s)
		}
		if err == nil {
			return nil
		}
		r.hangUp()
		var lost *lostError
		if errors.As(err, &lost) && !lost.own && !replaced {
			replaced = true
			continue
		}
		err = r.provider.explainWith(r.redactor, r.Type(), doing, err)
		pause, again := r.provider.host.pauseAfter(attempt, err)
		if !again || r.rest(ctx, pause, attempt, err) != nil {
			return tired(err, attempt)
		}
	}
}

// dial returns the reading session, opened and told what is known.
func (r *Resource) dial(ctx context.Context) (*session, error) {
	if r.reader != nil && !r.reader.alive() {
		r.hangUp()
	}
	if r.reader == nil {
		s, err := r.open(ctx, abi.PhaseRead, r.spec.Declaration.PlanTimeout)
		if err != nil {
			return nil, err
		}
		s.stale = len(r.known) > 0
		r.reader = s
	}
	if r.reader.stale {
		if err := r.reader.tell(ctx, r.known); err != nil {
			return nil, err
		}
		r.reader.stale = false
	}
	return r.reader, nil
}

// open makes a session for this resource.
func (r *Resource) open(ctx context.Context, phase abi.Phase, timeout time.Duration) (*session, error) {
	if timeout <= 0 {
		timeout = r.provider.limits.Timeout
	}
	s, err := r.provider.connect(ctx, sessionSpec{
		owner: r.Type(), resource: r.Type(), write: phase == abi.PhaseWrite, shared: r.mayShare(), secret: r.knowsSecrets(), timeout: timeout, redactor: r.redactor,
	})
	if err != nil {
		return nil, err
	}
	request := abi.OpenRequest{
		Address: r.Type(), Kind: abi.KindResource, Phase: phase,
		Provider: r.provider.config.Body, Body: r.config.body.Body, Features: features(), Env: s.environ(),
	}
	if r.isData() {
		request.Kind = abi.KindData
	}
	if request.Body == nil {
		request.Body = map[string]any{}
	}
	if err := s.tellLater(ctx, abi.OpOpen, &request); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) tell(ctx context.Context, known []reconcile.Resource) error {
	for len(known) > 0 {
		n := min(len(known), abi.MaxBatch)
		if err := s.tellLater(ctx, abi.OpKnown, &abi.KnownRequest{Objects: known[:n]}); err != nil {
			return err
		}
		known = known[n:]
	}
	return nil
}

// hangUp gives the reading session up.
func (r *Resource) hangUp() {
	if r.reader != nil {
		r.reader.close()
		r.reader = nil
	}
}

// Close gives up what the resource holds: others may wait for its place. The
// engine calls it; whoever calls a resource without the engine has to, where a
// walk ends before the plan or the state is made.
func (r *Resource) Close() { r.hangUp() }

// fail notes the failure for [Resource.Health].
func (r *Resource) fail(err error) error {
	r.status = reconcile.NewResourceStatus(reconcile.SyncStatusUnknown, reconcile.HealthDegraded)
	r.status.Message = err.Error()
	return err
}

// Health says how the resource fares, as far as the last calls tell.
func (r *Resource) Health() reconcile.ResourceStatus { return r.status }

// Outputs are the computed attributes that the provider told in the last
// FetchLive; nil before the first one.
func (r *Resource) Outputs() map[string]any {
	if r.live == nil {
		return nil
	}
	return r.live.outputs
}

// Config is the body as it was evaluated last.
func (r *Resource) Config() reconcile.Config {
	if r.config == nil {
		return reconcile.Config{}
	}
	return r.config.body
}

// Objects are the live objects of the last FetchLive that are not unmanaged,
// by type and name: what other resources may refer to.
func (r *Resource) Objects() map[string]map[string]reconcile.Resource {
	if r.live == nil {
		return nil
	}
	out := map[string]map[string]reconcile.Resource{}
	for _, o := range r.live.objects {
		if o.Mode == reconcile.ModeUnmanaged {
			continue
		}
		if out[o.Type] == nil {
			out[o.Type] = map[string]reconcile.Resource{}
		}
		out[o.Type][o.Name] = o
	}
	return out
}
