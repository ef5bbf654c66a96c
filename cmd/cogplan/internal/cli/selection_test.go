package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/planfile"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// TestChoose holds which resources a selection is about: a part is closed.
func TestChoose(t *testing.T) {
	config := &reconcile.MetaConfig{Resources: []reconcile.MetaResource{
		{Name: "file.a"},
		{Name: `file.b["x"]`, DependsOn: []string{"file.a"}},
		{Name: `file.b["y"]`, DependsOn: []string{"file.a"}},
		{Name: "file.c", DependsOn: []string{`file.b["x"]`}},
		{Name: "file.bb"},
		{Name: "module.m.file.d"},
		{Name: "file.s", Suspended: true, DependsOn: []string{"file.bb"}},
	}}
	for _, test := range []struct {
		targets, excludes, replace string
		destroy                    bool
		want                       string
	}{
		{want: `file.a file.b["x"] file.b["y"] file.c file.bb module.m.file.d file.s`},
		{targets: "file.c", want: `file.a file.b["x"] file.c`},
		{targets: "file.b", want: `file.a file.b["x"] file.b["y"]`},
		{targets: "module.m", want: "module.m.file.d"},
		{targets: "file.c file.a", want: `file.a file.b["x"] file.c`},
		{excludes: "file.b", want: "file.a file.bb module.m.file.d file.s"},
		{targets: "file.c", excludes: `file.b["x"]`, want: "file.a"},
		{destroy: true, want: `file.a file.b["x"] file.b["y"] file.c module.m.file.d`},
		{destroy: true, targets: "file.a", want: `file.a file.b["x"] file.b["y"] file.c`},
		{destroy: true, targets: "file.c", want: "file.c"},
		{destroy: true, excludes: "file.c", want: `file.b["y"] module.m.file.d`},
		{targets: "file.b[", want: "usage"},
		{targets: "file", want: `file.a file.b["x"] file.b["y"] file.c file.bb file.s`},
		{targets: "fil", want: "usage"},
		{excludes: "file.nope", want: "usage"},
		{replace: `file.a.file["z"]`, want: `file.a file.b["x"] file.b["y"] file.c file.bb module.m.file.d file.s`},
		{replace: `file.b["x"]`, want: "usage"},
		{replace: `file.a.file["z"]`, targets: "file.bb", want: "usage"},
	} {
		part := selection{planfile.Selection{
			Targets: strings.Fields(test.targets), Excludes: strings.Fields(test.excludes), Replace: strings.Fields(test.replace),
		}}
		got := "usage"
		chosen, err := part.choose(config, test.destroy)
		if err == nil {
			var names []string
			for _, resource := range chosen.config.Resources {
				names = append(names, resource.Name)
			}
			got = strings.Join(names, " ")
			if _, err := reconcile.ResolveOrder(chosen.config.Resources); err != nil {
				t.Errorf("%+v: the part has no order: %v", test, err)
			}
		} else if _, usage := errors.AsType[*usageError](err); !usage {
			t.Errorf("%+v: %v is no mistake on the command line", test, err)
		}
		if got != test.want {
			t.Errorf("%+v: got %s", test, got)
		}
	}
}
