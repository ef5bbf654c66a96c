package wasm

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

var _ reconcile.ConfigExporter = (*Resource)(nil)

// Exported is what a provider says of what is live.
type Exported struct {
	// Schema is that of the bodies.
	Schema *reconcile.Block
	// Declared is the body as it is declared, and Live one that declares all that
	// is live: values as [reconcile.Config] holds them.
	Declared, Live map[string]any
	// Warnings are the provider's: what it left out.
	Warnings []string
	// Secret reports whether a text of the live body holds a secret of this run,
	// which then must not be written.
	Secret func(text string) bool
}

// ErrCannotExport says that a provider has no way to describe what is live.
var ErrCannotExport = errors.New("the provider cannot export")

// Export asks the provider for a body that declares what is live. The provider only
// reads. What it reads of the world may hold secrets that nobody knows of.
func (r *Resource) Export(ctx context.Context) (*Exported, error) {
	if r.isData() {
		return nil, fmt.Errorf("%s only reads; there is nothing to export", r.Type())
	}
	if !r.provider.answer.Can(abi.AbilityExport) {
		return nil, fmt.Errorf("provider %q: %w", r.provider.info.Name, ErrCannotExport)
	}
	config, err := r.LoadConfigContext(ctx, "")
	if err != nil {
		return nil, err
	}
	defer r.hangUp()
	if _, err := r.FetchLive(ctx, config); err != nil {
		return nil, err
	}
	var answer *abi.ExportAnswer
	err = r.reading(ctx, "describing what is live", func(s *session) error {
		data, err := s.ask(ctx, abi.OpExport, abi.Empty{})
		if err != nil {
			return err
		}
		if answer, err = abi.DecodeExportAnswer(data, r.provider.wireLimits()); err != nil {
			return fmt.Errorf("its answer is malformed: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, r.fail(err)
	}
	out := &Exported{Schema: &r.provider.answer.Description.Schema.Resource, Declared: r.config.body.Body, Live: answer.Body}
	out.Secret = func(text string) bool { _, holds := r.redactor.secret(text); return holds }
	for _, w := range answer.Warnings {
		out.Warnings = append(out.Warnings, r.redactor.show(w))
	}
	if shared := r.elsewhere(); len(shared) > 0 {
		out.Warnings = append(out.Warnings, "other resources manage these already; leave them out, because an object has one owner: "+enumerate(shared))
	}
	return out, nil
}

// elsewhere are the names of live objects that other resources manage.
func (r *Resource) elsewhere() []string {
	var names []string
	for i := range r.live.objects {
		if object := &r.live.objects[i]; r.managedElsewhere(object) {
			names = append(names, fmt.Sprintf("%s %q", object.Type, r.redactor.show(object.Name)))
		}
	}
	return names
}

// maxNamed is how many things a message names.
const maxNamed = 10

// enumerate names the first of them, and says how many there are beside.
func enumerate(names []string) string {
	if len(names) <= maxNamed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), len(names)-maxNamed)
}

// ExportConfig has what is live written by [ResourceSpec].WriteConfig.
func (r *Resource) ExportConfig(string) error {
	if r.spec.WriteConfig == nil {
		return fmt.Errorf("%s: nobody writes what is exported: %w", r.Type(), errors.ErrUnsupported)
	}
	exported, err := r.Export(context.Background()) //nolint:forbidigo // the documented signature has no context
	if err != nil {
		return err
	}
	return r.spec.WriteConfig(exported)
}
