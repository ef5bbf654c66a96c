package broker

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// BenchmarkDo makes a request to a server on the loopback interface.
func BenchmarkDo(b *testing.B) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	defer s.Close()
	broker, err := New(Options{
		Grants:      []reconcile.HTTPGrant{{Origin: s.URL, Private: true, Credential: "c"}},
		Limits:      reconcile.Limits{Requests: 1 << 40},
		Credentials: map[string]Credential{"c": {Kind: CredentialBearer, Secret: "a-long-enough-secret"}},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer broker.Close()
	session := broker.Read()
	for b.Loop() {
		resp, err := session.Do(b.Context(), Request{Method: "GET", URL: s.URL + "/x"})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadAll(resp.Body); err != nil {
			b.Fatal(err)
		}
		_ = resp.Body.Close()
	}
}
