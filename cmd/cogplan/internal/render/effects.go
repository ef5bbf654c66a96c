package render

import (
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// effectsOf are what a plan says that an action will do to the world: made by
// this run, or read from a file. A form that nobody writes yields an effect
// without words rather than none, so that it cannot be overlooked.
func effectsOf(a *reconcile.Action) []reconcile.Effect {
	list, ok := a.Details[reconcile.DetailEffects].([]any)
	if !ok {
		return nil
	}
	out := make([]reconcile.Effect, 0, len(list))
	for _, item := range list {
		fields, _ := item.(map[string]any)
		text := func(key string) string {
			s, _ := fields[key].(string)
			return s
		}
		out = append(out, reconcile.Effect{Capability: text("capability"), Operation: text("operation"), Target: text("target")})
	}
	return out
}

// effects writes what applying a change will do to the world. A replacement is
// two actions; what both will do is told together.
func (p *printer) effects(c *change) {
	const indent, label = "      ", "effect: "
	var list []reconcile.Effect
	if c.deleted != nil {
		list = effectsOf(c.deleted)
	}
	list = append(list, effectsOf(c.action)...)
	if len(list) == 0 {
		p.line(indent, p.style.dim("effect: none"))
		return
	}
	for _, e := range list {
		text := label + Escape(e.String())
		if e.Capability == reconcile.CapabilityTCP {
			text += " (opaque)"
		}
		if e.Capability == reconcile.CapabilityUnbounded {
			p.line(indent, p.style.paint(sgrLoud, text))
			continue
		}
		p.line(indent, text)
	}
}

// unbounded says of a resource, whether or not effects are shown, that nothing
// but the grant bounds what its changes do, and what that grant is.
func (p *printer) unbounded(result *reconcile.MetaResult) {
	n := 0
	for i := range result.Plan.Actions {
		for _, e := range effectsOf(&result.Plan.Actions[i]) {
			if e.Capability == reconcile.CapabilityUnbounded {
				n++
				break
			}
		}
	}
	if n == 0 {
		return
	}
	provider := result.Review().Provider
	p.loud("unbounded within its grant: provider " + quote(provider.Name) + " does not say what it will do; while it applies " +
		number(n, "change") + ", it may " + grantWords(&provider.Grants))
}

// opaque says of a resource, whether or not effects are shown, that nobody can
// see what its provider does over a connection.
func (p *printer) opaque(result *reconcile.MetaResult, changes int) {
	provider := result.Review().Provider
	var reads, all []string
	for i := range provider.Grants.TCP {
		g := &provider.Grants.TCP[i]
		if all = append(all, g.Address); g.Read {
			reads = append(reads, g.Address)
		}
	}
	if len(all) == 0 || changes == 0 {
		return
	}
	text := "opaque: provider " + quote(provider.Name) + " may say anything to " + Escape(strings.Join(all, ", ")) +
		" while a change that connects there is applied; nobody can tell a read from a write"
	if len(reads) > 0 {
		text += ". It may have done so already, to " + Escape(strings.Join(reads, ", ")) + ", while this plan was made"
	}
	p.loud(text)
}

// loud writes a notice that has to be seen.
func (p *printer) loud(text string) {
	for i, line := range wrap(text, p.style.width()-4) {
		mark := "    "
		if i == 0 {
			mark = "  " + p.style.paint(sgrLoud, p.style.mark("!")+" ")
		}
		p.line(mark, p.style.paint(sgrLoud, line))
	}
}

// grantWords are what a grant lets a provider do, in one sentence.
func grantWords(g *reconcile.Grants) string {
	var out []string
	if len(g.Write) > 0 {
		out = append(out, "write and delete anything below "+quoted(g.Write))
	}
	if len(g.Read) > 0 {
		out = append(out, "read "+quoted(g.Read))
	}
	for i := range g.HTTP {
		out = append(out, httpWords(&g.HTTP[i]))
	}
	for i := range g.TCP {
		out = append(out, "say anything to "+Escape(g.TCP[i].Address))
	}
	if len(g.Env) > 0 {
		out = append(out, "read the environment variables "+Escape(strings.Join(g.Env, ", ")))
	}
	if len(out) == 0 {
		return "do nothing: it is granted nothing"
	}
	return strings.Join(out, "; ")
}

func httpWords(g *reconcile.HTTPGrant) string {
	methods, where := "GET, HEAD", " below "
	if len(g.Methods) > 0 {
		methods = Escape(strings.Join(g.Methods, ", "))
	}
	if len(g.Paths) == 0 {
		return "send " + methods + " to any path of " + Escape(g.Origin)
	}
	return "send " + methods + " to " + Escape(g.Origin) + where + quoted(g.Paths)
}

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, text := range list {
		out[i] = quote(text)
	}
	return strings.Join(out, ", ")
}
