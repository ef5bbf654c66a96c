package broker

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// CredentialKind says how a secret is used.
type CredentialKind string

// The kinds of credentials.
const (
	CredentialBearer CredentialKind = "bearer"
	CredentialBasic  CredentialKind = "basic"
	CredentialHeader CredentialKind = "header"
	CredentialQuery  CredentialKind = "query"
	// CredentialTLS shows a certificate to the server, and proves with its key.
	CredentialTLS CredentialKind = "tls"
	// CredentialPostgres logs in to PostgreSQL, over TCP.
	CredentialPostgres CredentialKind = "postgres"
)

// Credential is a secret that the host adds to requests. It never enters a
// guest. Its methods print nothing of it.
type Credential struct {
	Kind CredentialKind
	// Name is the header's or the query parameter's name.
	Name string
	// Username of a basic or postgres credential.
	Username string
	// Secret is the token, the password or the value.
	Secret string
	// Certificate of a tls credential, with its key; of a postgres one in place of
	// a password.
	Certificate *tls.Certificate
}

// String hides the secret from every printing verb.
func (c Credential) String() string { return "credential(" + string(c.Kind) + ")" }

// GoString hides the secret from %#v.
func (c Credential) GoString() string { return c.String() }

// addTo puts the secret into a request that was judged already.
func (c Credential) addTo(req *http.Request) {
	switch c.Kind {
	case CredentialBearer:
		req.Header.Set("Authorization", "Bearer "+c.Secret)
	case CredentialBasic:
		req.SetBasicAuth(c.Username, c.Secret)
	case CredentialHeader:
		req.Header.Set(c.Name, c.Secret)
	case CredentialQuery:
		query := req.URL.Query()
		query.Set(c.Name, c.Secret)
		req.URL.RawQuery = query.Encode()
	case CredentialTLS, CredentialPostgres:
	}
}

// takesFrom removes what a guest must not set beside the credential.
func (c Credential) takesFrom(header http.Header) {
	switch c.Kind {
	case CredentialBearer, CredentialBasic:
		header.Del("Authorization")
		header.Del("Cookie")
	case CredentialHeader:
		header.Del(c.Name)
	case CredentialQuery, CredentialTLS, CredentialPostgres:
	}
}

// forms are the shapes in which a server may echo the secret.
func (c Credential) forms() []string {
	if c.Secret == "" {
		return nil
	}
	pair := c.Username + ":" + c.Secret
	forms := []string{
		c.Secret, url.QueryEscape(c.Secret), url.PathEscape(c.Secret), jsonText(c.Secret),
		base64.StdEncoding.EncodeToString([]byte(c.Secret)), base64.URLEncoding.EncodeToString([]byte(c.Secret)),
		base64.RawStdEncoding.EncodeToString([]byte(c.Secret)), base64.RawURLEncoding.EncodeToString([]byte(c.Secret)),
		hex.EncodeToString([]byte(c.Secret)), strings.ToUpper(hex.EncodeToString([]byte(c.Secret))),
		base64.StdEncoding.EncodeToString([]byte(pair)), base64.RawStdEncoding.EncodeToString([]byte(pair)),
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(forms)
}

func jsonText(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "/", `\/`).Replace(s)
}
