package reconcile

import (
	"fmt"
	"slices"
	"sync"
)

// Registry finds providers by name. The zero value is empty and ready. It may
// be used from several goroutines; it must not be copied after its first use.
type Registry struct {
	mu        sync.RWMutex
	providers map[string]Reconcilable
}

// Register adds a provider. It panics on a name that is taken and on a nil
// provider: both are mistakes of the program, not of its user.
func (r *Registry) Register(name string, provider Reconcilable) {
	if provider == nil {
		panic("reconcile: register " + name + ": nil provider")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.providers[name]; taken {
		panic("reconcile: provider " + name + " is already registered")
	}
	r.set(name, provider)
}

// Upsert adds a provider or replaces the one of that name. It panics on a nil
// provider.
func (r *Registry) Upsert(name string, provider Reconcilable) {
	if provider == nil {
		panic("reconcile: upsert " + name + ": nil provider")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.set(name, provider)
}

// set needs the write lock.
func (r *Registry) set(name string, provider Reconcilable) {
	if r.providers == nil {
		r.providers = make(map[string]Reconcilable)
	}
	r.providers[name] = provider
}

// Provider returns the provider of that name, or an [ErrUnknownProvider] that
// lists the names there are.
func (r *Registry) Provider(name string) (Reconcilable, error) {
	r.mu.RLock()
	provider, ok := r.providers[name]
	r.mu.RUnlock()
	if ok {
		return provider, nil
	}
	return nil, fmt.Errorf("%w %q; registered: %s", ErrUnknownProvider, name, quotedList(r.Names()))
}

// Has reports whether a provider of that name is registered.
func (r *Registry) Has(name string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, ok := r.providers[name]
	return ok
}

// Names returns the registered names, sorted.
func (r *Registry) Names() []string {
	r.mu.RLock()
	names := make([]string, 0, len(r.providers))
	for name := range r.providers {
		names = append(names, name)
	}
	r.mu.RUnlock()
	slices.Sort(names)
	return names
}

// Reset forgets all providers.
func (r *Registry) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.providers)
}

// defaultRegistry serves the package's functions, as http.DefaultServeMux
// serves http.HandleFunc.
var defaultRegistry Registry //nolint:gochecknoglobals // the documented API registers with the package

// RegisterProvider adds a provider to the global registry. It panics on a name
// that is taken.
func RegisterProvider(name string, provider Reconcilable) { defaultRegistry.Register(name, provider) }

// UpsertProvider adds a provider to the global registry or replaces one.
func UpsertProvider(name string, provider Reconcilable) { defaultRegistry.Upsert(name, provider) }

// GetProvider returns a provider of the global registry.
func GetProvider(name string) (Reconcilable, error) { return defaultRegistry.Provider(name) }

// HasProvider reports whether the global registry has a provider of that name.
func HasProvider(name string) bool { return defaultRegistry.Has(name) }

// ListProviders returns the names in the global registry, sorted.
func ListProviders() []string { return defaultRegistry.Names() }

// ResetProviders empties the global registry.
func ResetProviders() { defaultRegistry.Reset() }

// AutoDiscoverResources declares every provider of the global registry as a
// resource that is reconciled by hand, never pruned and never applied on its own.
func AutoDiscoverResources() *MetaConfig {
	names := ListProviders()
	cfg := &MetaConfig{Resources: make([]MetaResource, 0, len(names))}
	for _, name := range names {
		cfg.Resources = append(cfg.Resources, MetaResource{Name: name, Source: name, Interval: "manual"})
	}
	return cfg
}
