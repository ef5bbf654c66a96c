package policy

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

func (t *terms) countsTerm(c counts) *ast.Term {
	number := func(name string, n int) [2]*ast.Term { return t.field(name, t.integer(int64(n))) }
	return ast.ObjectTerm(
		number("create", c.create), number("update", c.update), number("delete", c.remove), number("skip", c.skip),
		number("replace", c.replace), number("changes", c.create+c.update+c.remove), number("total", c.total),
		number("managed", c.managed), number("unchanged", c.unchanged), number("ungranted", c.ungranted),
		number("unbounded", c.unbounded), number("opaque", c.opaque), number("unknown", c.unknown), t.field("bare", t.truth(c.bare)),
	)
}

func (b *inputBuilder) planFields(metadata *ast.Term) [][2]*ast.Term {
	plan := b.review.Plan
	number := func(name string, n int) [2]*ast.Term { return b.field(name, b.integer(int64(n))) }
	return [][2]*ast.Term{
		b.field("resource_type", b.text(plan.ResourceType)),
		b.field("generated_at", b.text(plan.GeneratedAt)),
		b.field("config_path", b.text(plan.ConfigPath)),
		b.field("summary", ast.ObjectTerm(
			number("creates", plan.Summary.Creates), number("updates", plan.Summary.Updates),
			number("deletes", plan.Summary.Deletes), number("skipped", plan.Summary.Skipped),
		)),
		b.field("warnings", b.texts(plan.Warnings)),
		b.field("metadata", metadata),
	}
}

func (b *inputBuilder) fixedFields() [][2]*ast.Term {
	return [][2]*ast.Term{
		b.field("version", b.integer(InputVersion)),
		b.field("digest", b.text(b.review.Digest)),
		b.field("resource", b.resource()),
		b.field("provider", b.provider()),
		b.field("state", ast.ObjectTerm(
			b.field("lineage", b.text(b.review.State.Lineage)),
			b.field("serial", b.integer(int64(b.review.State.Serial))),
			b.field("managed", b.integer(int64(b.review.State.Managed))),
		)),
		b.field("run", b.run(b.review.Run)),
		b.field("counts", b.countsTerm(b.review.counts)),
	}
}

func (b *inputBuilder) resource() *ast.Term {
	r, d := b.review.Resource, b.review.Declaration
	mode, ownership := d.Mode, d.Ownership
	if mode == "" {
		mode = "resource"
	}
	if ownership == "" {
		ownership = reconcile.OwnAuthoritative
	}
	tags := make([][2]*ast.Term, 0, len(d.Tags))
	for name, value := range d.Tags {
		tags = append(tags, b.field(name, b.text(value)))
	}
	return ast.ObjectTerm(
		b.field("address", b.text(r.Name)),
		b.field("source", b.text(r.Source)),
		b.field("interval", b.text(r.Interval)),
		b.field("prune", b.truth(r.Prune)),
		b.field("auto_apply", b.truth(r.AutoApply)),
		b.field("depends_on", b.texts(r.DependsOn)),
		b.field("wave", b.integer(int64(r.Wave))),
		b.field("suspended", b.truth(r.Suspended)),
		b.field("mode", b.text(mode)),
		b.field("ownership", b.text(string(ownership))),
		b.field("ignore_changes", b.texts(d.IgnoreChanges)),
		b.field("protect", b.truth(d.Protect)),
		b.field("tags", ast.ObjectTerm(tags...)),
		b.field("range", ast.ObjectTerm(
			b.field("filename", b.text(d.Source.Filename)),
			b.field("start_line", b.integer(int64(d.Source.StartLine))),
			b.field("start_column", b.integer(int64(d.Source.StartColumn))),
			b.field("end_line", b.integer(int64(d.Source.EndLine))),
			b.field("end_column", b.integer(int64(d.Source.EndColumn))),
		)),
	)
}

func (b *inputBuilder) provider() *ast.Term {
	p := b.review.Provider
	seconds := func(name string, d time.Duration) [2]*ast.Term {
		return b.field(name, ast.NumberTerm(json.Number(strconv.FormatFloat(d.Seconds(), 'g', -1, 64))))
	}
	return ast.ObjectTerm(
		b.field("name", b.text(p.Name)),
		b.field("source", b.text(p.Source)),
		b.field("version", b.text(p.Version)),
		b.field("digest", b.text(p.Digest)),
		b.field("trust", b.text(p.Trust)),
		b.field("grants", b.grants(p.Grants)),
		b.field("limits", ast.ObjectTerm(
			b.field("memory", b.integer(p.Limits.Memory)),
			b.field("output", b.integer(p.Limits.Output)),
			b.field("log", b.integer(p.Limits.Log)),
			b.field("requests", b.integer(p.Limits.Requests)),
			b.field("rate", b.integer(p.Limits.Rate)),
			b.field("response", b.integer(p.Limits.Response)),
			b.field("connections", b.integer(p.Limits.Connections)),
			b.field("traffic", b.integer(p.Limits.Traffic)),
			seconds("timeout", p.Limits.Timeout), seconds("run", p.Limits.Run), seconds("cpu", p.Limits.CPU),
		)),
	)
}

func (b *inputBuilder) grants(g reconcile.Grants) *ast.Term {
	http := make([]*ast.Term, len(g.HTTP))
	for i, h := range g.HTTP {
		http[i] = ast.ObjectTerm(
			b.field("origin", b.text(h.Origin)), b.field("methods", b.texts(h.Methods)),
			b.field("paths", b.texts(h.Paths)), b.field("read_routes", b.texts(h.ReadRoutes)),
			b.field("private", b.truth(h.Private)), b.field("credential", b.text(h.Credential)),
			b.field("ca", b.text(h.CA)),
		)
	}
	tcp := make([]*ast.Term, len(g.TCP))
	for i, c := range g.TCP {
		tcp[i] = ast.ObjectTerm(
			b.field("address", b.text(c.Address)), b.field("private", b.truth(c.Private)),
			b.field("credential", b.text(c.Credential)), b.field("read_credential", b.text(c.ReadCredential)),
			b.field("read", b.truth(c.Read)), b.field("tls", b.truth(c.TLS)), b.field("ca", b.text(c.CA)),
			b.field("opaque", b.truth(true)),
		)
	}
	return ast.ObjectTerm(
		b.field("read", b.texts(g.Read)), b.field("write", b.texts(g.Write)), b.field("env", b.texts(g.Env)),
		b.field("http", ast.ArrayTerm(http...)), b.field("tcp", ast.ArrayTerm(tcp...)),
	)
}

func (t *terms) run(r reconcile.RunContext) *ast.Term {
	return ast.ObjectTerm(
		t.field("command", t.text(r.Command)), t.field("actor", t.text(r.Actor)), t.field("ci", t.truth(r.CI)),
		t.field("commit", t.text(r.Commit)), t.field("branch", t.text(r.Branch)), t.field("time", t.text(r.Time)),
	)
}
