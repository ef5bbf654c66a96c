//go:build wasip1

// Command github manages the labels of one repository with go-github as it is:
// the library knows nothing of a sandbox, and its http.Client goes through
// sdk/nethttp. It proves that package; it is no provider for use.
package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/go-github/v74/github"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/sdk"
	"github.com/cogplan/cogplan/sdk/nethttp"
)

func init() {
	sdk.ServeObjects(reconcile.Description{
		Name: "github", Version: "0.0.1",
		Schema: reconcile.Schema{
			Version: 1,
			Resource: reconcile.Block{Attributes: []reconcile.Attribute{
				{Name: "base", Type: sdk.TypeString, Required: true},
				{Name: "labels", Type: sdk.MapOf(sdk.TypeString), Optional: true},
			}},
			Objects: []reconcile.ObjectType{{Name: "label", Attributes: []reconcile.ObjectAttribute{{Name: "color"}}}},
		},
	}, open)
}

func main() {}

type labels struct {
	base   string
	want   map[string]string
	client *github.Client
}

const owner, repo = "cog", "plan"

func open(_ context.Context, s *sdk.Session) (*labels, error) {
	l := &labels{base: s.Body().String("base"), want: s.Body().Map("labels")}
	var err error
	l.client, err = github.NewClient(nethttp.Client()).WithEnterpriseURLs(l.base, l.base)
	return l, errors.Join(err, s.Body().Err())
}

func (l *labels) Desired(context.Context) ([]reconcile.Resource, error) {
	var out []reconcile.Resource
	for name, color := range l.want {
		out = append(out, sdk.Object("label", name, map[string]any{"color": color}))
	}
	return out, nil
}

func (l *labels) Live(ctx context.Context, _ sdk.Query) ([]reconcile.Resource, error) {
	var out []reconcile.Resource
	for label, err := range l.all(ctx) {
		if err != nil {
			return nil, err
		}
		out = append(out, sdk.Unmanaged("label", label.GetName(), "it exists", map[string]any{"color": label.GetColor()}))
	}
	return out, nil
}

func (l *labels) all(ctx context.Context) func(func(*github.Label, error) bool) {
	return func(yield func(*github.Label, error) bool) {
		opts := &github.ListOptions{PerPage: 2}
		for {
			page, resp, err := l.client.Issues.ListLabels(ctx, owner, repo, opts)
			if missing, ok := errors.AsType[*github.ErrorResponse](err); ok && missing.Response.StatusCode == http.StatusNotFound {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, label := range page {
				if !yield(label, nil) {
					return
				}
			}
			if opts.Page = resp.NextPage; opts.Page == 0 {
				return
			}
		}
	}
}

func (l *labels) Effects(_ context.Context, c sdk.Change) ([]reconcile.Effect, error) {
	e := reconcile.Effect{Capability: reconcile.CapabilityHTTP, Operation: "POST", Target: l.base + "/api/v3/repos/cog/plan/labels"}
	if c.Action != reconcile.ActionCreate {
		e.Operation, e.Target = "PATCH", e.Target+"/"+c.Name
	}
	if c.Action == reconcile.ActionDelete {
		e.Operation = "DELETE"
	}
	return []reconcile.Effect{e}, nil
}

func label(c sdk.Change) *github.Label {
	color, _ := c.Desired.Attributes["color"].(string)
	return &github.Label{Name: &c.Name, Color: &color}
}

func (l *labels) Create(ctx context.Context, c sdk.Change) (sdk.Applied, error) {
	made, _, err := l.client.Issues.CreateLabel(ctx, owner, repo, label(c))
	return sdk.Applied{ID: made.GetNodeID()}, err
}

func (l *labels) Update(ctx context.Context, c sdk.Change) (sdk.Applied, error) {
	_, _, err := l.client.Issues.EditLabel(ctx, owner, repo, c.Name, label(c))
	return sdk.Applied{}, err
}

func (l *labels) Delete(ctx context.Context, c sdk.Change) error {
	_, err := l.client.Issues.DeleteLabel(ctx, owner, repo, c.Name)
	return err
}
