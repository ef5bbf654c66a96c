package reconcile_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/pkg/reconcile/reconciletest"
)

func TestRegistry(t *testing.T) {
	var registry reconcile.Registry
	if registry.Has("a") || len(registry.Names()) > 0 {
		t.Fatal("the zero registry is not empty")
	}
	first, second := &reconciletest.Model{Address: "first"}, &reconciletest.Model{Address: "second"}
	registry.Register("b", first)
	registry.Register("a", first)
	registry.Upsert("a", second)
	if got, err := registry.Provider("a"); err != nil || got != second {
		t.Errorf("a = %v, %v", got, err)
	}
	if names := registry.Names(); !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("names %v", names)
	}
	_, err := registry.Provider("c")
	if !errors.Is(err, reconcile.ErrUnknownProvider) || !strings.Contains(err.Error(), `"c"; registered: "a", "b"`) {
		t.Errorf("unknown: %v", err)
	}
	registry.Reset()
	if registry.Has("a") {
		t.Error("a survived Reset")
	}
}

func TestRegistryPanics(t *testing.T) {
	for name, call := range map[string]func(*reconcile.Registry){
		"taken":      func(r *reconcile.Registry) { r.Register("a", &reconciletest.Model{}) },
		"nil":        func(r *reconcile.Registry) { r.Register("b", nil) },
		"upsert nil": func(r *reconcile.Registry) { r.Upsert("b", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			registry := &reconcile.Registry{}
			registry.Register("a", &reconciletest.Model{})
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
				if !registry.Has("a") { // the lock is free again
					t.Error("a is gone")
				}
			}()
			call(registry)
		})
	}
}

// Readers list and look up while writers write: a read lock that is taken twice
// would wait for a writer that waits for it.
func TestRegistryHammer(t *testing.T) {
	t.Cleanup(reconcile.ResetProviders)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for n := range 500 {
				name := strconv.Itoa(i) + "-" + strconv.Itoa(n%7)
				reconcile.UpsertProvider(name, &reconciletest.Model{Address: name})
				_, _ = reconcile.GetProvider("missing")
				reconcile.ListProviders()
				reconcile.AutoDiscoverResources()
				if !reconcile.HasProvider(name) {
					t.Error(name + " is gone")
				}
			}
		})
	}
	group.Wait()
}

func TestGlobalRegistry(t *testing.T) {
	t.Cleanup(reconcile.ResetProviders)
	reconcile.ResetProviders()
	model := &reconciletest.Model{Address: "x"}
	reconcile.RegisterProvider("b", model)
	reconcile.UpsertProvider("a", model)
	if got := reconcile.ListProviders(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("names %v", got)
	}
	if _, err := reconcile.GetProvider("c"); !errors.Is(err, reconcile.ErrUnknownProvider) {
		t.Errorf("c: %v", err)
	}
	got := reconcile.AutoDiscoverResources()
	if len(got.Resources) != 2 {
		t.Fatalf("%+v", got)
	}
	for i, name := range []string{"a", "b"} {
		r := got.Resources[i]
		if r.Name != name || r.Source != name || r.Interval != "manual" || r.Prune || r.AutoApply || r.Suspended || r.Wave != 0 || r.DependsOn != nil {
			t.Errorf("%+v", r)
		}
	}
}

type tokenProvider struct {
	reconciletest.Model
	got []string
}

func (p *tokenProvider) SetToken(token string) { p.got = append(p.got, token) }

// wrapper hides everything but the seven methods.
type wrapper struct{ reconcile.Reconcilable }

func (w wrapper) Unwrap() reconcile.Reconcilable { return w.Reconcilable }

func TestConfigureProvider(t *testing.T) {
	p := &tokenProvider{}
	reconcile.ConfigureProvider(p, "t-x", "")
	if p.got != nil {
		t.Errorf("without a token the provider got %q", p.got)
	}
	reconcile.ConfigureProvider(wrapper{wrapper{p}}, "t-x", "flag")
	if !slices.Equal(p.got, []string{"flag"}) {
		t.Errorf("got %q", p.got)
	}
	reconcile.ConfigureProvider(&reconciletest.Model{}, "t-x", "flag") // takes none
}

func TestResolveToken(t *testing.T) {
	for _, test := range []struct {
		name, resourceType, flag string
		env                      map[string]string
		want                     string
	}{
		{"flag first", "git", "f", map[string]string{"GIT_TOKEN": "t"}, "f"},
		{"bot", "git", "", map[string]string{"GIT_BOT_TOKEN": "b", "GIT_TOKEN": "t", "GIT_API_TOKEN": "a"}, "b"},
		{"plain", "git", "", map[string]string{"GIT_TOKEN": "t", "GIT_API_TOKEN": "a"}, "t"},
		{"api", "git", "", map[string]string{"GIT_API_TOKEN": "a"}, "a"},
		{"empty counts as none", "git", "", map[string]string{"GIT_BOT_TOKEN": "", "GIT_API_TOKEN": "a"}, "a"},
		{"none", "git", "", nil, ""},
		{"odd characters", `git-hub.com["é"]`, "", map[string]string{"GIT_HUB_COM______TOKEN": "t"}, "t"},
		{"a leading digit", "1pw", "", map[string]string{"_1PW_TOKEN": "t"}, "t"},
		{"no type", "", "", map[string]string{"_TOKEN": "t"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			for key, value := range test.env {
				t.Setenv(key, value)
			}
			if got := reconcile.ResolveToken(test.resourceType, test.flag); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
