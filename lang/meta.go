package lang

import (
	"math/big"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// meta holds cogplan's own arguments of one resource, evaluated.
type meta struct {
	prune, autoApply, suspended, protect bool
	interval                             string
	wave                                 int
	ownership                            reconcile.OwnershipMode
	tags                                 map[string]string
	planTimeout, applyTimeout            time.Duration
	healthTimeout                        time.Duration
}

// metaReader evaluates cogplan's own arguments of one instance.
type metaReader struct {
	ev   *Evaluation
	inst *instance
}

func (ev *Evaluation) instanceMeta(inst *instance) {
	r := inst.set.node.resource()
	m := &metaReader{ev: ev, inst: inst}
	inst.meta = meta{
		prune:         m.boolean(r.meta["prune"]) || r.removed,
		autoApply:     m.boolean(r.meta["auto_apply"]),
		suspended:     m.boolean(r.meta["suspended"]),
		protect:       m.boolean(r.meta["protect"]),
		interval:      m.interval(r.meta["interval"]),
		wave:          m.wave(r.meta["wave"]),
		ownership:     m.ownership(r.meta["mode"]),
		tags:          m.tags(r.meta["tags"]),
		planTimeout:   m.duration(r.timeouts["plan"]),
		applyTimeout:  m.duration(r.timeouts["apply"]),
		healthTimeout: m.healthTimeout(r.timeouts["health"]),
	}
}

// value evaluates one argument; it must be known and may be shown. The zero
// value stands for an argument that is missing or wrong.
func (m *metaReader) value(attr *hcl.Attribute, want cty.Type) (cty.Value, bool) {
	if attr == nil {
		return cty.NilVal, false
	}
	n := m.inst.set.node
	val, diags := attr.Expr.Value(m.ev.context(m.inst.scope, n, m.inst.each))
	m.ev.add(explain(diags))
	if diags.HasErrors() {
		return cty.NilVal, false
	}
	given := val
	val, err := convert.Convert(given, want)
	switch {
	case err != nil:
		m.ev.mistake(attr.Expr.Range(), "Wrong type of argument", "The argument %s takes %s.", quote(attr.Name), mismatch(want, given, err))
	case val.ContainsMarked():
		m.ev.mistake(attr.Expr.Range(), "Sensitive argument", "The argument %s is shown in plans, so it cannot be sensitive.", quote(attr.Name))
	case val.IsNull():
		return cty.NilVal, false
	case !val.IsWhollyKnown():
		if waits := m.ev.waits(m.inst.scope, n, m.inst.each); len(waits) > 0 {
			m.ev.mistake(attr.Expr.Range(), "Unknown argument", "The argument %s must be known before anything runs, but it depends on what another resource's apply will tell.", quote(attr.Name))
		}
	default:
		return val, true
	}
	return cty.NilVal, false
}

func (m *metaReader) boolean(attr *hcl.Attribute) bool {
	val, ok := m.value(attr, cty.Bool)
	return ok && val.True()
}

func (m *metaReader) wave(attr *hcl.Attribute) int {
	val, ok := m.value(attr, cty.Number)
	if !ok {
		return 0
	}
	n, acc := val.AsBigFloat().Int64()
	if acc != big.Exact || n < -1_000_000 || n > 1_000_000 {
		m.ev.mistake(attr.Expr.Range(), "Invalid wave", "A wave is a whole number; lower waves come first.")
		return 0
	}
	return int(n)
}

func (m *metaReader) interval(attr *hcl.Attribute) string {
	val, ok := m.value(attr, cty.String)
	if !ok {
		return ""
	}
	text := val.AsString()
	if d, err := time.ParseDuration(text); text != "manual" && (err != nil || d <= 0) {
		m.ev.mistake(attr.Expr.Range(), "Invalid interval", "%s is no interval. Write a duration above zero, like \"5m\", or \"manual\".", quote(text))
	}
	return text
}

func (m *metaReader) duration(attr *hcl.Attribute) time.Duration {
	val, ok := m.value(attr, cty.String)
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(val.AsString())
	if err != nil || d <= 0 {
		m.ev.mistake(attr.Expr.Range(), "Invalid duration", "%s is no duration. Write a number and a unit above zero, like \"30s\" or \"5m\".", quote(val.AsString()))
		return 0
	}
	return d
}

// healthTimeout is a duration, or below zero where "0s" says that nothing is
// waited for.
func (m *metaReader) healthTimeout(attr *hcl.Attribute) time.Duration {
	val, ok := m.value(attr, cty.String)
	if !ok {
		return 0
	}
	if d, err := time.ParseDuration(val.AsString()); err == nil && d == 0 {
		return -1
	}
	return m.duration(attr)
}

func (m *metaReader) ownership(attr *hcl.Attribute) reconcile.OwnershipMode {
	val, ok := m.value(attr, cty.String)
	if !ok {
		return ""
	}
	modes := []string{string(reconcile.OwnAuthoritative), string(reconcile.OwnAdditive), string(reconcile.OwnAdopt)}
	if !slices.Contains(modes, val.AsString()) {
		m.ev.mistake(attr.Expr.Range(), "Invalid mode", "%s is no mode.%s", quote(val.AsString()), didYouMeanOrList(val.AsString(), modes, "mode"))
		return ""
	}
	return reconcile.OwnershipMode(val.AsString())
}

func (m *metaReader) tags(attr *hcl.Attribute) map[string]string {
	val, ok := m.value(attr, cty.Map(cty.String))
	if !ok {
		return nil
	}
	out := make(map[string]string, val.LengthInt())
	for key, elem := range val.Elements() {
		if elem.IsNull() {
			m.ev.mistake(attr.Expr.Range(), "Null in a map", "The tag %s is null. Give it a text, or take it out.", quote(key.AsString()))
			continue
		}
		out[key.AsString()] = elem.AsString()
	}
	return out
}

// Declaration is what the author said about the resource at an address, beyond
// its [reconcile.MetaResource]; false where there is no such resource.
func (ev *Evaluation) Declaration(address string) (reconcile.Declaration, bool) {
	inst := ev.instances[address]
	if inst == nil {
		return reconcile.Declaration{}, false
	}
	r := inst.set.node.resource()
	mode := "resource"
	if r.data {
		mode = "data"
	}
	return reconcile.Declaration{
		Address: address, Mode: mode, Ownership: inst.meta.ownership,
		IgnoreChanges: slices.Clone(r.ignore), Protect: inst.meta.protect, Tags: inst.meta.tags,
		PlanTimeout: inst.meta.planTimeout, ApplyTimeout: inst.meta.applyTimeout, HealthTimeout: inst.meta.healthTimeout,
		Removed: r.removed, Source: SourceRange(r.rng),
	}, true
}

// SourceRange is a range in the words of pkg/reconcile.
func SourceRange(rng hcl.Range) reconcile.SourceRange {
	return reconcile.SourceRange{
		Filename: rng.Filename, StartLine: rng.Start.Line, StartColumn: rng.Start.Column,
		EndLine: rng.End.Line, EndColumn: rng.End.Column,
	}
}

// finish lists the resources with what they depend on.
func (ev *Evaluation) finish() {
	slices.Sort(ev.addresses)
	ev.meta = &reconcile.MetaConfig{Resources: make([]reconcile.MetaResource, 0, len(ev.addresses))}
	shared := map[*instanceSet][]string{}
	for _, address := range ev.addresses {
		inst := ev.instances[address]
		r := inst.set.node.resource()
		ev.meta.Resources = append(ev.meta.Resources, reconcile.MetaResource{
			Name: address, Source: inst.scope.unit.providers[r.typ], Interval: inst.meta.interval,
			Prune: inst.meta.prune, AutoApply: inst.meta.autoApply, Wave: inst.meta.wave, Suspended: inst.meta.suspended,
			DependsOn: ev.dependencies(inst, shared),
		})
	}
	ev.resolveImports()
	ev.checkMoves()
}

// dependencies are the addresses of the resources that an instance's
// expressions read, directly or through values that are no resources.
func (ev *Evaluation) dependencies(inst *instance, shared map[*instanceSet][]string) []string {
	if len(inst.sources) == 0 && inst.scope.parent == nil && len(ev.providerSources(inst)) == 0 {
		return nil
	}
	w := &sourceWalk{seen: map[any]bool{}}
	w.add(inst.sources)
	w.add(ev.providerSources(inst))
	for s := inst.scope; s.parent != nil; s = s.parent {
		for _, r := range s.unit.call.refs {
			w.add(ev.sourcesOf(s.parent, s.unit.call, r, each{}))
		}
		for _, r := range s.unit.call.explicit {
			w.add(ev.explicitSources(s.parent, r))
		}
	}
	w.run()
	return w.addresses(shared)
}

// providerSources are what the config of an instance's provider is made of.
func (ev *Evaluation) providerSources(inst *instance) []any {
	name := inst.scope.unit.providers[inst.set.node.resource().typ]
	if c := ev.root.cells[ev.root.unit.nodes["provider."+name]]; c != nil {
		return c.sources
	}
	return nil
}

// sourceWalk gathers the resources behind values, with a list of its own
// instead of recursion.
type sourceWalk struct {
	seen  map[any]bool
	todo  []any
	sets  []*instanceSet
	insts []*instance
}

func (w *sourceWalk) add(sources []any) {
	for _, s := range sources {
		if !w.seen[s] {
			w.seen[s] = true
			w.todo = append(w.todo, s)
		}
	}
}

func (w *sourceWalk) run() {
	for len(w.todo) > 0 {
		last := w.todo[len(w.todo)-1]
		w.todo = w.todo[:len(w.todo)-1]
		switch s := last.(type) {
		case *cell:
			w.add(s.sources)
		case *instance:
			w.insts = append(w.insts, s)
		case *instanceSet:
			w.sets = append(w.sets, s)
		}
	}
}

// addresses are sorted, each once. The list of a whole set is made once and
// shared, because 10,000 instances may depend on 10,000 others.
func (w *sourceWalk) addresses(shared map[*instanceSet][]string) []string {
	w.insts = slices.DeleteFunc(w.insts, func(inst *instance) bool { return w.seen[inst.set] })
	if len(w.sets) == 1 && len(w.insts) == 0 {
		return setAddresses(w.sets[0], shared)
	}
	var out []string
	for _, set := range w.sets {
		out = append(out, setAddresses(set, shared)...)
	}
	for _, inst := range w.insts {
		out = append(out, inst.address)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func setAddresses(set *instanceSet, shared map[*instanceSet][]string) []string {
	if out, ok := shared[set]; ok {
		return out
	}
	out := make([]string, 0, len(set.order))
	for _, inst := range set.order {
		out = append(out, inst.address)
	}
	slices.Sort(out)
	shared[set] = out
	return out
}
