package lang

import (
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// CredentialConfig says where a secret comes from and how the host uses it. It
// never holds the secret itself.
type CredentialConfig struct {
	// Name is the block's label: what grants name.
	Name string
	// Origin is the only one to which the secret is sent.
	Origin string
	// Kind is bearer, basic, header, query, tls or postgres.
	Kind string
	// Field is the name of the header or of the query parameter.
	Field string
	// Username of a basic or postgres credential.
	Username string
	// Certificate is the file with the certificate of a tls credential, or of a
	// postgres one that has a key in place of a password.
	Certificate string
	// Env, File or Command is the source: a variable of the environment, a path
	// relative to the module's directory or absolute, or a program with its
	// arguments. Exactly one is set.
	Env     string
	File    string
	Command []string
	// Range is the block's header.
	Range hcl.Range
}

// Credentials are the credential blocks, sorted by name.
func (m *Module) Credentials() []CredentialConfig {
	out := make([]CredentialConfig, 0, len(m.credentials))
	for _, name := range sortedKeys(m.credentials) {
		out = append(out, *m.credentials[name])
	}
	return out
}

// credentialUse is a grant that names a credential.
type credentialUse struct {
	name, origin string
	// plain is set where there is no TLS, which some credentials take; the origin
	// stands in another use then.
	plain bool
	rng   hcl.Range
}

// envGrant is a variable of the environment that a provider is granted.
type envGrant struct {
	name string
	rng  hcl.Range
}

func (p *parser) credential(block *hcl.Block) {
	name := block.Labels[0]
	content, diags := readBody(block.Body, p.grammar.credential)
	p.add(diags)
	if !p.declare("credential", name, block) {
		return
	}
	c := &CredentialConfig{
		Name: name, Range: block.DefRange,
		Origin: p.str(content.attrs["origin"]), Kind: p.str(content.attrs["kind"]),
		Field: p.str(content.attrs["name"]), Username: p.str(content.attrs["username"]),
		Certificate: p.str(content.attrs["certificate"]),
		Env:         p.str(content.attrs["env"]), File: p.str(content.attrs["file"]), Command: p.strings(content.attrs["command"]),
	}
	p.module.credentials[name] = c
	if diags.HasErrors() {
		return
	}
	p.credentialOrigin(c, content.attrs["origin"])
	p.credentialKind(c, content)
	p.credentialSource(c, content)
}

// credentialOrigin holds the origin to the kind: a key proves nothing without TLS,
// and a login to a database needs a connection.
func (p *parser) credentialOrigin(c *CredentialConfig, attr *hcl.Attribute) {
	address, connection := strings.CutPrefix(c.Origin, connectionOrigin)
	connection = connection && isHostPort(address)
	switch {
	case c.Kind == kindPostgres && !connection:
		p.mistake(attr.Expr.Range(), "Invalid origin",
			"%s is no origin of a connection. Write host and port: \"tcp://db.example.org:5432\".", quote(c.Origin))
	case c.Kind == kindTLS && !connection && (!isOrigin(c.Origin) || !strings.HasPrefix(c.Origin, "https://")):
		p.mistake(attr.Expr.Range(), "Invalid origin",
			"%s is no origin with TLS. Write \"https://api.example.org\", or host and port of a connection: \"tcp://host.example.org:636\".", quote(c.Origin))
	case c.Kind != kindPostgres && c.Kind != kindTLS && !isOrigin(c.Origin):
		p.mistake(attr.Expr.Range(), "Invalid origin",
			"%s is no origin. Write scheme, host and, where it is not the usual one, port: \"https://api.example.org\".", quote(c.Origin))
	}
}

const (
	// kindTLS proves who we are with a certificate and its key.
	kindTLS = "tls"
	// kindPostgres logs in to PostgreSQL, over a connection.
	kindPostgres = "postgres"
	// connectionOrigin begins the origin of a credential for a connection.
	connectionOrigin = "tcp://"
)

func credentialKinds() []string {
	return []string{"bearer", "basic", "header", "query", kindTLS, kindPostgres}
}

func (p *parser) credentialKind(c *CredentialConfig, content *bodyContent) {
	kinds := credentialKinds()
	if !slices.Contains(kinds, c.Kind) {
		p.mistake(content.attrs["kind"].Expr.Range(), "Invalid kind of credential", "%s is no kind of credential.%s",
			quote(c.Kind), didYouMeanOrList(c.Kind, kinds, "kind"))
		return
	}
	p.belongsTo(content.attrs["name"], c, c.Kind == "header" || c.Kind == "query", true)
	p.belongsTo(content.attrs["username"], c, c.Kind == "basic" || c.Kind == kindPostgres, true)
	p.belongsTo(content.attrs["certificate"], c, c.Kind == kindTLS || c.Kind == kindPostgres, c.Kind == kindTLS)
	if attr := content.attrs["name"]; attr != nil && c.Kind == "header" && !usableHeader(c.Field) {
		p.mistake(attr.Expr.Range(), "Invalid header", "The header %s cannot carry a secret. Name one like \"X-API-Key\".", quote(c.Field))
	}
}

// belongsTo checks that an argument is there for the kinds that need it, and
// nowhere else.
func (p *parser) belongsTo(attr *hcl.Attribute, c *CredentialConfig, wanted, required bool) {
	switch {
	case attr != nil && !wanted:
		p.mistake(attr.NameRange, "Misplaced argument", "A credential of kind %s has no %s. Remove the argument.", quote(c.Kind), attr.Name)
	case attr == nil && wanted && required:
		missing := "name, that of the header or of the query parameter"
		if c.Kind == "basic" || c.Kind == kindPostgres {
			missing = "username"
		}
		if c.Kind == kindTLS {
			missing = "certificate, the file that holds it; the secret is its key"
		}
		p.mistake(c.Range, "Missing argument", "A credential of kind %s needs %s.", quote(c.Kind), missing)
	}
}

// usableHeader refuses headers that route or frame a request.
func usableHeader(name string) bool {
	const chars = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	framing := []string{"host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "expect"}
	return name != "" && strings.Trim(name, chars) == "" && !slices.Contains(framing, strings.ToLower(name))
}

func (p *parser) credentialSource(c *CredentialConfig, content *bodyContent) {
	sources := 0
	for _, name := range []string{"env", "file", "command"} {
		if content.attrs[name] != nil {
			sources++
		}
	}
	if sources != 1 {
		p.mistake(c.Range, "Unclear source of the secret",
			"A credential has exactly one of env, file and command; this one has %d of them.", sources)
		return
	}
	if attr := content.attrs["env"]; attr != nil && (c.Env == "" || strings.ContainsAny(c.Env, "= \x00")) {
		p.mistake(attr.Expr.Range(), "Invalid name of an environment variable", "%s is no name of an environment variable.", quote(c.Env))
	}
	if attr := content.attrs["file"]; attr != nil && (c.File == "" || strings.HasPrefix(c.File, "~") || strings.ContainsRune(c.File, 0)) {
		p.mistake(attr.Expr.Range(), "Invalid path", "Name the file that holds the secret; ~ is not expanded.")
	}
	if attr := content.attrs["command"]; attr != nil && (len(c.Command) == 0 || c.Command[0] == "") {
		p.mistake(attr.Expr.Range(), "Empty command", "Write the program and its arguments as a list: [\"pass\", \"show\", \"api\"]. No shell is involved.")
	}
}

// uses remembers that a grant names a credential.
func (p *parser) uses(attr *hcl.Attribute, name, origin string) {
	if attr != nil && name != "" {
		p.used = append(p.used, credentialUse{name: name, origin: origin, rng: attr.Expr.Range()})
	}
}

// usedPlainly remembers that a connection without TLS names a credential.
func (p *parser) usedPlainly(attr *hcl.Attribute, name string) {
	if attr != nil && name != "" {
		p.used = append(p.used, credentialUse{name: name, plain: true, rng: attr.Expr.Range()})
	}
}

// checkCredentials holds the grants against the credentials, once all files of
// the root module are read.
func (p *parser) checkCredentials() {
	for _, use := range p.used {
		c := p.module.credentials[use.name]
		switch {
		case use.plain:
			if c != nil && c.Certificate != "" {
				p.mistake(use.rng, "Certificate without TLS", "The credential %s is a certificate, which is shown over TLS alone. Write tls = true into the grant.", quote(use.name))
			}
		case c == nil:
			p.mistake(use.rng, "Unknown credential", "The module has no credential %s.%s", quote(use.name),
				didYouMeanOrList(use.name, sortedKeys(p.module.credentials), "credential"))
		case checkable(use.origin) && checkable(c.Origin) && !sameOrigin(use.origin, c.Origin):
			p.mistake(use.rng, "Credential for another origin",
				"The credential %s is for %s and is sent nowhere else. Grant that origin, or declare another credential.", quote(use.name), c.Origin)
		}
	}
}

// checkable reports whether an origin is one; others have been reported.
func checkable(origin string) bool {
	address, connection := strings.CutPrefix(origin, connectionOrigin)
	return isOrigin(origin) || connection && isHostPort(address)
}

// checkEnvGrants refuses a variable that holds the secret of a credential: no
// provider sees one.
func (p *parser) checkEnvGrants() {
	for _, grant := range p.envGrants {
		for _, name := range sortedKeys(p.module.credentials) {
			if strings.EqualFold(p.module.credentials[name].Env, grant.name) { // some systems tell no case apart
				p.mistake(grant.rng, "Grant of a secret",
					"The variable %s holds the secret of the credential %s, which no provider sees: cogplan adds it to the requests itself. Remove the grant.",
					quote(grant.name), quote(name))
			}
		}
	}
}

// refuseCredentials is for called modules, which have no grants either.
func (p *parser) refuseCredentials() {
	for _, name := range sortedKeys(p.module.credentials) {
		p.mistake(p.module.credentials[name].Range, "Credential block in a called module",
			"Only the root module has credential blocks, so that all secrets stand in one place. Move the block there.")
	}
}

func sameOrigin(a, b string) bool {
	ua, errA := url.Parse(a)
	ub, errB := url.Parse(b)
	port := func(u *url.URL) string {
		if u.Port() == "" {
			return map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		return u.Port()
	}
	return errA == nil && errB == nil && ua.Scheme == ub.Scheme && strings.EqualFold(ua.Hostname(), ub.Hostname()) && port(ua) == port(ub)
}
