package cli

import (
	"context"
	"fmt"

	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm"
)

// guests are the modules of the providers, being loaded and described while the
// language is evaluated.
type guests struct {
	byName map[string]*guest
}

// guest is one provider block's module.
type guest struct {
	block       lang.ProviderConfig
	done        chan struct{}
	module      *wasm.Module
	description reconcile.Description
	err         error
}

func describeGuests(ctx context.Context, host *wasm.Host, module *lang.Module) *guests {
	g := &guests{byName: map[string]*guest{}}
	for _, block := range module.Providers() {
		one := &guest{block: block, done: make(chan struct{})}
		g.byName[block.Name] = one
		go one.describe(ctx, host, module.Dir())
	}
	return g
}

func (g *guest) describe(ctx context.Context, host *wasm.Host, dir string) {
	defer close(g.done)
	if g.module, g.err = loadGuest(g.block.Source, dir); g.err == nil {
		g.description, g.err = host.Describe(ctx, g.module)
	}
}

// schema is what the language checks bodies against.
func (g *guests) schema(provider string) (*reconcile.Schema, error) {
	one, ok := g.byName[provider]
	if !ok {
		return nil, fmt.Errorf("no provider block is named %q", provider)
	}
	<-one.done
	if one.err != nil {
		return nil, one.err
	}
	return &one.description.Schema, nil
}

func (g *guests) module(provider string) (*wasm.Module, error) {
	one := g.byName[provider]
	<-one.done
	return one.module, one.err
}
