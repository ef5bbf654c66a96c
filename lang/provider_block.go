package lang

import (
	"net"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// providerBlock is a provider block with its config block, which is evaluated
// later against the provider's schema.
type providerBlock struct {
	ProviderConfig
	config *hcl.Block
}

func (p *parser) provider(block *hcl.Block) {
	name := block.Labels[0]
	content, diags := readBody(block.Body, p.grammar.provider)
	p.add(diags)
	decl := &providerBlock{ProviderConfig: ProviderConfig{
		Name: name, Range: block.DefRange, SourceRange: block.DefRange, AllowRange: block.DefRange,
	}, config: content.first("config")}
	if !p.declare("provider", name, block) || !p.usableProviderName(name, block) {
		return
	}
	p.providerSource(decl, content)
	if allow := content.first("allow"); allow != nil {
		decl.AllowRange = allow.DefRange
		decl.Grants = p.grants(allow)
	}
	if limits := content.first("limits"); limits != nil {
		decl.Limits = p.limits(limits)
	}
	p.module.providerBlocks[name] = decl
}

// usableProviderName refuses the names that expressions need for themselves.
func (p *parser) usableProviderName(name string, block *hcl.Block) bool {
	if !slices.Contains(reservedRoots(), name) {
		return true
	}
	p.mistake(block.LabelRanges[0], "Reserved name",
		"A provider cannot be called %s, because expressions use that word. Give it another name, and keep its source.", quote(name))
	return false
}

// reservedRoots are the first words of references that are not providers.
func reservedRoots() []string {
	return []string{
		"var", "local", "data", "module", "each", "count", "self", "path", "cogplan", "resource", "provider",
		"output", "check", "credential", "terraform", "true", "false", "null", "for", "if", "in",
	}
}

func (p *parser) providerSource(decl *providerBlock, content *bodyContent) {
	if attr := content.attrs["source"]; attr != nil {
		decl.SourceRange = attr.Expr.Range()
		decl.Source = p.str(attr)
		if decl.Source == "" && !p.diags.HasErrors() {
			p.mistake(decl.SourceRange, "Empty source", "Name a provider that cogplan ships, like \"file\", or a file, like \"./build/mine.wasm\".")
		}
	}
	if attr := content.attrs["trust"]; attr != nil {
		if decl.Trust = p.str(attr); decl.Trust != "grant" && decl.Trust != "" {
			p.mistake(attr.Expr.Range(), "Invalid trust",
				"The only value of trust is \"grant\": effects of this provider may be bounded by its grant alone. Leave it out otherwise.")
		}
	}
}

func (p *parser) grants(block *hcl.Block) reconcile.Grants {
	content, diags := readBody(block.Body, p.grammar.allow)
	p.add(diags)
	g := reconcile.Grants{
		Read:  p.paths(content.attrs["read"]),
		Write: p.paths(content.attrs["write"]),
		Env:   p.envNames(content.attrs["env"]),
	}
	p.overlaps(content)
	for _, b := range content.blocks {
		switch b.Type {
		case "http":
			g.HTTP = append(g.HTTP, p.httpGrant(b))
		case "tcp":
			g.TCP = append(g.TCP, p.tcpGrant(b))
		}
	}
	return g
}

// paths reads the paths of a grant. A path outside the module's directory has
// to be written as absolute, so that nobody grants it by accident.
func (p *parser) paths(attr *hcl.Attribute) []string {
	paths := p.strings(attr)
	for i, given := range paths {
		rng := elementRange(attr, i)
		clean := path.Clean(filepath.ToSlash(given))
		switch {
		case given == "" || strings.ContainsRune(given, 0):
			p.mistake(rng, "Invalid path", "A grant names a file or a directory; this is no path.")
		case strings.HasPrefix(given, "~"):
			p.mistake(rng, "Invalid path", "A grant does not expand ~. Write the whole path, from / on.")
		case !path.IsAbs(clean) && !filepath.IsAbs(given) && (clean == ".." || strings.HasPrefix(clean, "../")):
			p.mistake(rng, "Path outside the module",
				"The path %s leaves the module's directory. Where that is meant, write the absolute path, so that everybody sees it.", quote(given))
		}
	}
	return paths
}

// overlaps refuses a relative and an absolute path that would be the same place
// for the provider, which sees the module's directory as its root.
func (p *parser) overlaps(content *bodyContent) {
	var relative, absolute []grantedPath
	for _, name := range []string{"read", "write"} {
		attr := content.attrs[name]
		if attr == nil {
			continue
		}
		given, _ := constantStrings(attr) // what is wrong was reported
		for i, text := range given {
			if text == "" {
				continue // it was reported, and is no path
			}
			clean := path.Clean(filepath.ToSlash(text))
			g := grantedPath{text: text, seen: path.Join("/", clean), rng: elementRange(attr, i)}
			if path.IsAbs(clean) || filepath.IsAbs(text) {
				absolute = append(absolute, g)
			} else {
				relative = append(relative, g)
			}
		}
	}
	for _, abs := range absolute {
		for _, rel := range relative {
			if within(abs.seen, rel.seen) || within(rel.seen, abs.seen) {
				p.mistake(abs.rng, "Overlapping paths",
					"For the provider, the relative path %s is at %s, which overlaps with the absolute path %s. Move the directory inside the module, or grant another one.",
					quote(rel.text), rel.seen, quote(abs.text))
			}
		}
	}
}

type grantedPath struct {
	text, seen string
	rng        hcl.Range
}

// within reports whether a path is another or lies below it.
func within(inner, outer string) bool {
	return inner == outer || outer == "/" || strings.HasPrefix(inner, outer+"/")
}

func (p *parser) envNames(attr *hcl.Attribute) []string {
	names := p.strings(attr)
	for i, name := range names {
		if name == "" || strings.ContainsAny(name, "=*?\x00 ") {
			p.mistake(elementRange(attr, i), "Invalid name of an environment variable",
				"%s is no name of one environment variable. Name each variable in full; patterns are not understood.", quote(name))
			continue
		}
		p.envGrants = append(p.envGrants, envGrant{name: name, rng: elementRange(attr, i)})
	}
	return names
}

func (p *parser) httpGrant(block *hcl.Block) reconcile.HTTPGrant {
	content, diags := readBody(block.Body, p.grammar.http)
	p.add(diags)
	g := reconcile.HTTPGrant{
		Origin:     p.str(content.attrs["origin"]),
		Methods:    p.strings(content.attrs["methods"]),
		Paths:      p.strings(content.attrs["paths"]),
		ReadRoutes: p.strings(content.attrs["read_routes"]),
		Private:    p.boolean(content.attrs["private"], false),
		Credential: p.str(content.attrs["credential"]),
	}
	g.CA = p.authorities(content.attrs["ca"], strings.HasPrefix(g.Origin, "https://"), "an origin with https")
	p.uses(content.attrs["credential"], g.Credential, g.Origin)
	if attr := content.attrs["origin"]; attr != nil && !isOrigin(g.Origin) {
		p.mistake(attr.Expr.Range(), "Invalid origin",
			"%s is no origin. Write scheme, host and, where it is not the usual one, port: \"https://api.example.org\".", quote(g.Origin))
	}
	for i, m := range g.Methods {
		if m == "" || strings.ToUpper(m) != m {
			p.mistake(elementRange(content.attrs["methods"], i), "Invalid HTTP method", "Methods are written in capitals, like \"GET\".")
		}
	}
	for i, given := range g.Paths {
		if !strings.HasPrefix(given, "/") {
			p.mistake(elementRange(content.attrs["paths"], i), "Invalid URL path", "The path of a URL starts with a slash, like \"/v1\".")
		}
	}
	for i, route := range g.ReadRoutes {
		if method, rest, ok := strings.Cut(route, " "); !ok || method == "" || !strings.HasPrefix(rest, "/") {
			p.mistake(elementRange(content.attrs["read_routes"], i), "Invalid route", "A route is a method and a path, like \"POST /v1/search\".")
		}
	}
	return g
}

func isOrigin(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil &&
		(u.Path == "" || u.Path == "/") && u.RawQuery == "" && u.Fragment == "" && !strings.Contains(u.Host, "*")
}

func (p *parser) tcpGrant(block *hcl.Block) reconcile.TCPGrant {
	content, diags := readBody(block.Body, p.grammar.tcp)
	p.add(diags)
	g := reconcile.TCPGrant{
		Address:        p.str(content.attrs["address"]),
		Private:        p.boolean(content.attrs["private"], false),
		Read:           p.boolean(content.attrs["read"], false),
		TLS:            p.boolean(content.attrs["tls"], false),
		ReadCredential: p.str(content.attrs["read_credential"]),
		Credential:     p.str(content.attrs["credential"]),
	}
	g.CA = p.authorities(content.attrs["ca"], g.TLS, "tls = true")
	p.uses(content.attrs["credential"], g.Credential, connectionOrigin+g.Address)
	p.uses(content.attrs["read_credential"], g.ReadCredential, connectionOrigin+g.Address)
	if !g.TLS {
		p.usedPlainly(content.attrs["credential"], g.Credential)
		p.usedPlainly(content.attrs["read_credential"], g.ReadCredential)
	}
	if attr := content.attrs["read_credential"]; attr != nil && !g.Read {
		p.mistake(attr.NameRange, "Misplaced argument", "A read_credential is for connections while a plan is made, which need read = true. Add it, or remove this.")
	}
	if attr := content.attrs["address"]; attr != nil && !isHostPort(g.Address) {
		p.mistake(attr.Expr.Range(), "Invalid address", "%s is no address. Write host and port: \"db.example.org:5432\".", quote(g.Address))
	}
	return g
}

// authorities reads the path of a file with authorities, which means something
// over TLS alone.
func (p *parser) authorities(attr *hcl.Attribute, secure bool, needs string) string {
	if attr == nil {
		return ""
	}
	if !secure {
		p.mistake(attr.NameRange, "Misplaced argument", "The authorities of ca vouch for servers over TLS, which takes %s. Add it, or remove the argument.", needs)
	}
	given := p.str(attr)
	if given == "" || strings.HasPrefix(given, "~") || strings.ContainsRune(given, 0) {
		p.mistake(attr.Expr.Range(), "Invalid path", "Name the file that holds the authorities, in PEM; ~ is not expanded.")
	}
	return given
}

func isHostPort(address string) bool {
	host, port, err := net.SplitHostPort(address)
	n, perr := strconv.Atoi(port)
	return err == nil && perr == nil && host != "" && n > 0 && n < 65536 && !strings.Contains(host, "*")
}

func (p *parser) limits(block *hcl.Block) reconcile.Limits {
	content, diags := readBody(block.Body, p.grammar.limits)
	p.add(diags)
	return reconcile.Limits{
		Memory:      take(p, content.attrs["memory"], constantSize),
		Timeout:     take(p, content.attrs["timeout"], constantDuration),
		Run:         take(p, content.attrs["run"], constantDuration),
		Output:      take(p, content.attrs["output"], constantSize),
		Log:         take(p, content.attrs["log"], constantSize),
		Requests:    take(p, content.attrs["requests"], constantCount),
		Rate:        take(p, content.attrs["rate"], constantCount),
		Response:    take(p, content.attrs["response"], constantSize),
		Connections: take(p, content.attrs["connections"], constantCount),
		Traffic:     take(p, content.attrs["traffic"], constantSize),
		CPU:         take(p, content.attrs["cpu"], constantDuration),
	}
}

// take reads an argument and keeps its diagnostics.
func take[T any](p *parser, attr *hcl.Attribute, read func(*hcl.Attribute) (T, hcl.Diagnostics)) T {
	v, diags := read(attr)
	p.add(diags)
	return v
}

// elementRange is the place of the element i of a list, or of the whole list.
func elementRange(attr *hcl.Attribute, i int) hcl.Range {
	if elems, diags := hcl.ExprList(attr.Expr); !diags.HasErrors() && i < len(elems) {
		return elems[i].Range()
	}
	return attr.Expr.Range()
}
