package render

import (
	"fmt"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// State writes what is recorded of a resource as text.
func (s Style) State(state *reconcile.State) string {
	p := &printer{style: s}
	p.line(p.style.bold(Escape(state.ResourceType)), "  ",
		p.style.dim(fmt.Sprintf("serial %d, recorded %s, lineage %s", state.Serial, Escape(state.GeneratedAt), Escape(state.Lineage))))
	for i := range state.Resources {
		p.object(&state.Resources[i])
	}
	return p.String()
}

func (p *printer) object(object *reconcile.Resource) {
	notes := ""
	if object.ExternalID != "" {
		notes += "  id " + Value(object.ExternalID)
	}
	if object.Mode != reconcile.ModeManaged {
		notes += "  " + Escape(string(object.Mode))
	}
	p.line("  ", Escape(object.Type), " ", quote(object.Name), p.style.dim(notes))
	p.newAttributes("      ", object.Attributes, false)
}
