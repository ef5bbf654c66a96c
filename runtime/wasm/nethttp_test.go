package wasm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm"
)

// forge is the part of GitHub's API that go-github needs for labels.
type forge struct {
	*httptest.Server
	mu       sync.Mutex
	labels   []map[string]string
	strange  []string
	moved    string
	requests int
}

func newForge(t *testing.T) *forge {
	t.Helper()
	f := &forge{}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests++
	if got := r.Header.Get("Authorization"); got != "Bearer "+apiKey {
		f.strange = append(f.strange, got)
	}
	const path = "/api/v3/repos/cog/plan/labels"
	switch name, one := strings.CutPrefix(r.URL.Path, path+"/"); {
	case f.moved != "":
		http.Redirect(w, r, f.moved+r.URL.Path, http.StatusMovedPermanently)
	case r.Method == http.MethodPost && r.URL.Path == path:
		label := map[string]string{}
		_ = json.NewDecoder(r.Body).Decode(&label)
		label["node_id"] = "L_" + label["name"]
		f.labels = append(f.labels, label)
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(label)
	case one && r.Method == http.MethodPatch:
		for _, label := range f.labels {
			if label["name"] == name {
				_ = json.NewDecoder(r.Body).Decode(&label)
			}
		}
		_, _ = w.Write([]byte("{}"))
	default:
		f.page(w, r)
	}
}

func (f *forge) page(w http.ResponseWriter, r *http.Request) {
	page, size := 1, 2
	_, _ = fmt.Sscan(r.URL.Query().Get("page"), &page)
	from := min((page-1)*size, len(f.labels))
	to := min(from+size, len(f.labels))
	if to < len(f.labels) {
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?page=%d>; rel="next"`, f.URL, r.URL.Path, page+1))
	}
	_ = json.NewEncoder(w).Encode(f.labels[from:to])
}

// githubModule builds the guest with go-github, a module of its own.
func githubModule(t *testing.T) *wasm.Module {
	t.Helper()
	out := filepath.Join(guestDir(t), "github.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-buildvcs=false", "-ldflags=-s -w", "-o", out, ".")
	cmd.Dir = "../../testdata/guests/github"
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
	if text, err := cmd.CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("build the guest: %v\n%s", err, text)
		}
		t.Skipf("NOT TESTED with go-github, which cannot be had here: %v\n%s", err, text)
	}
	m, err := wasm.Load(out)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func bearer(context.Context, string) (wasm.Credential, error) {
	return wasm.Credential{Kind: wasm.CredentialBearer, Secret: apiKey}, nil
}

// A client library of Go runs in a guest as it is: pages, bodies, typed errors,
// redirects and a token that it never sees.
func TestClientLibrary(t *testing.T) {
	module := githubModule(t)
	f := newForge(t)
	host, err := wasm.New(wasm.Options{CacheDir: filepath.Join(guestDir(t), "cache")})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close() //nolint:errcheck // a test
	grant := reconcile.HTTPGrant{Origin: f.URL, Methods: []string{"GET", "POST", "PATCH", "DELETE"}, Private: true, Credential: "token"}
	provider, err := host.Provider(t.Context(), wasm.ProviderSpec{
		Info:   reconcile.ProviderInfo{Name: "github", Grants: reconcile.Grants{HTTP: []reconcile.HTTPGrant{grant}}},
		Module: module, ModuleDir: t.TempDir(), Credential: bearer,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, provider: provider}
	declared := map[string]any{"bug": "d73a4a", "idea": "a2eeef", "later": "cfd3d7", "no": "000000", "yes": "ffffff"}
	r := b.named("github.labels", map[string]any{"base": f.URL, "labels": declared})
	results, state, err := apply(t.Context(), r, nil)
	if err != nil || len(results) != 5 || results[0].CreatedID != "L_bug" {
		t.Fatalf("results %+v: %v", results, err)
	}
	if _, _, p, err := plan(t.Context(), r, state); err != nil || p.Summary.HasChanges() {
		t.Fatalf("second plan: %+v, %v", p, err)
	}
	f.labels[0]["color"] = "123456"
	if results, _, err = apply(t.Context(), r, state); err != nil || len(results) != 1 || f.labels[0]["color"] != "d73a4a" {
		t.Fatalf("results %+v, labels %v: %v", results, f.labels, err)
	}
	if len(f.strange) > 0 {
		t.Errorf("authorized by %q", f.strange)
	}
	t.Run("a redirect to another origin", func(t *testing.T) {
		evil := newForge(t)
		f.moved = evil.URL
		_, _, _, err := plan(t.Context(), r, state)
		wantFault(t, err, wasm.FaultViolation, "no grant names the origin "+evil.URL)
		if evil.requests > 0 {
			t.Error("it was followed")
		}
	})
}
