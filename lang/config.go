package lang

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Config is the body of the resource at an address, evaluated. The error is a
// [*reconcile.DeferredError] while it reads what is not known yet, and a
// [*DiagnosticsError] where evaluation fails.
func (ev *Evaluation) Config(ctx context.Context, address string) (reconcile.Config, error) {
	if err := ctx.Err(); err != nil {
		return reconcile.Config{}, err
	}
	ev.mu.Lock()
	defer ev.mu.Unlock()
	inst := ev.instances[address]
	if inst == nil {
		return reconcile.Config{}, fmt.Errorf("no resource %s is declared", address)
	}
	ev.refresh(inst)
	if inst.diags.HasErrors() {
		return reconcile.Config{}, &DiagnosticsError{Diagnostics: tidy(inst.diags, inst.set.node.rng)}
	}
	if inst.unknown {
		return reconcile.Config{}, &reconcile.DeferredError{Address: address, WaitsFor: inst.waits}
	}
	return nativeConfig(inst.body, address)
}

func nativeConfig(val cty.Value, what string) (reconcile.Config, error) {
	native, err := toNative(val)
	if err != nil {
		return reconcile.Config{}, fmt.Errorf("config of %s: %w", what, err)
	}
	body, _ := native.(map[string]any)
	return reconcile.Config{Body: body, Secrets: secretsOf(val)}, nil
}

// ProviderConfig is the config block of a provider, evaluated; with the same
// errors as Config. It is empty for a provider that takes none.
func (ev *Evaluation) ProviderConfig(ctx context.Context, name string) (reconcile.Config, error) {
	if err := ctx.Err(); err != nil {
		return reconcile.Config{}, err
	}
	ev.mu.Lock()
	defer ev.mu.Unlock()
	n := ev.root.unit.nodes["provider."+name]
	if n == nil {
		return reconcile.Config{}, fmt.Errorf("no provider %s is declared", name)
	}
	c := ev.root.cells[n]
	if c == nil {
		return reconcile.Config{}, nil
	}
	if ev.stale(n, c.freshness) {
		before := len(ev.diags)
		ev.refreshBefore(n)
		ev.provider(ev.root, n)
		if diags := hcl.Diagnostics(ev.diags[before:]); diags.HasErrors() {
			return reconcile.Config{}, &DiagnosticsError{Diagnostics: tidy(diags, n.rng)}
		}
		c = ev.root.cells[n]
	}
	if c.unknown {
		return reconcile.Config{}, &reconcile.DeferredError{Address: "provider." + name, WaitsFor: c.waits}
	}
	return nativeConfig(c.val, "provider "+name)
}

// Outputs are the outputs of the root module, sorted by name. Sensitive values
// are included only where secrets is true.
func (ev *Evaluation) Outputs(secrets bool) ([]Output, hcl.Diagnostics) {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	before := len(ev.diags)
	var out []Output
	for _, name := range sortedKeys(ev.module.outputs) {
		out = append(out, ev.oneOutput(ev.module.outputs[name], secrets))
	}
	return out, tidy(ev.diags[before:], hcl.Range{Filename: ev.module.dir})
}

func (ev *Evaluation) oneOutput(o *output, secrets bool) Output {
	n := ev.root.unit.nodes["output."+o.name]
	if c := ev.root.cells[n]; ev.stale(n, c.freshness) {
		ev.refreshBefore(n)
		ev.output(ev.root, n, o)
	}
	c := ev.root.cells[n]
	out := Output{
		Name: o.name, Description: o.description, Range: o.rng,
		Sensitive: o.sensitive || isSensitive(c.val), Known: !c.unknown, WaitsFor: c.waits,
	}
	if !out.Known || out.Sensitive && !secrets {
		return out
	}
	native, err := toNative(c.val)
	if err != nil {
		ev.mistake(o.rng, "Unusable value", "The output %s: %s.", quote(o.name), err)
	}
	out.Value = native
	return out
}

func (ev *Evaluation) schemaOf(address string) *reconcile.Schema {
	inst := ev.instances[address]
	typ := ev.types[inst.scope.unit.providers[inst.set.node.resource().typ]]
	if typ == nil {
		return &reconcile.Schema{}
	}
	return typ.schema
}

// Imports are the import blocks of the root module, in source order.
func (ev *Evaluation) Imports() []Import { return ev.imports }

// checkMoves holds moved and removed blocks against what is declared.
func (ev *Evaluation) checkMoves() {
	for _, m := range ev.module.moves {
		// From file.a to file.a["x"] is how a resource gets its for_each.
		if ev.instances[m.From] != nil || ev.declares(m.From) && !strings.HasPrefix(m.To, m.From+"[") {
			ev.mistake(m.Range, "Moved resource still declared",
				"%s was moved to %s, but it is still declared. Remove its block, or the moved block.", m.From, m.To)
		}
		if !ev.declares(m.To) && !ev.movesOn(m.To) {
			ev.mistake(m.Range, "Unknown resource", "%s was moved to %s, which is not declared.%s", m.From, m.To, didYouMean(m.To, ev.addresses))
		}
	}
	for _, r := range ev.module.removals {
		if ev.declares(r.From) {
			ev.mistake(r.Range, "Removed resource still declared", "%s is still declared. Remove its block, or the removed block.", r.From)
		}
	}
}

// declares reports whether an address is a resource, an instance or a module
// that is declared.
func (ev *Evaluation) declares(address string) bool {
	if ev.instances[address] != nil {
		return true
	}
	for _, u := range ev.module.graph.units {
		if u.path == address && address != "" {
			return true
		}
		for _, s := range ev.scopes[u] {
			if strings.TrimSuffix(s.prefix, ".") == address && address != "" {
				return true
			}
			if n := u.nodes[strings.TrimPrefix(address, s.prefix)]; n != nil && n.kind == resourceNode && strings.HasPrefix(address, s.prefix) {
				return true
			}
		}
	}
	return false
}

// movesOn reports whether another moved block starts where one ends.
func (ev *Evaluation) movesOn(address string) bool {
	return slices.ContainsFunc(ev.module.moves, func(m Move) bool { return m.From == address })
}

// resolveImports evaluates the IDs, and checks that what is named is declared.
func (ev *Evaluation) resolveImports() {
	for _, decl := range ev.module.imports {
		if ev.instances[decl.To] == nil {
			ev.mistake(decl.Range, "Unknown resource", "The module declares no resource %s that could adopt something.%s",
				decl.To, didYouMean(decl.To, ev.addresses))
			continue
		}
		val, diags := constant(&hcl.Attribute{Name: "id", Expr: decl.id}, cty.String)
		ev.add(diags)
		if diags.HasErrors() {
			continue
		}
		if schema := ev.schemaOf(decl.To); decl.ObjectType != "" && schema.ObjectType(decl.ObjectType) == nil {
			var names []string
			for _, o := range schema.Objects {
				names = append(names, o.Name)
			}
			ev.mistake(decl.Range, "Unknown type of object", "%s has no objects of type %s.%s", decl.To, quote(decl.ObjectType),
				didYouMeanOrList(decl.ObjectType, names, "type of object"))
			continue
		}
		imp := decl.Import
		imp.ID = val.AsString()
		ev.imports = append(ev.imports, imp)
	}
}
