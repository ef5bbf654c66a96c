package reconcile_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/pkg/reconcile/reconciletest"
)

func ExampleEngine() {
	registry := &reconcile.Registry{}
	registry.Register("notes.inbox", &reconciletest.Model{
		Address: "notes.inbox",
		World:   &reconciletest.World{},
		Desired: []reconcile.Resource{{Type: "note", Name: "hello", Attributes: map[string]any{"text": "hi"}}},
	})
	cfg := &reconcile.MetaConfig{Resources: []reconcile.MetaResource{{Name: "notes.inbox", Prune: true}}}
	engine := reconcile.NewEngine(".", reconcile.PruneGate{},
		reconcile.WithRegistry(registry),
		reconcile.WithStore(&reconciletest.MemoryStore{}),
		reconcile.WithEvents(reconcile.EventSinkFunc(func(*reconcile.Event) {})),
	)
	ctx := context.Background()
	proposal, err := engine.Propose(ctx, cfg, reconcile.MetaOpts{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, action := range proposal.Resources[0].Review.Plan.Actions {
		fmt.Println("plan:", action.Action, action.ResourceType, action.Name)
	}
	results, err := engine.Execute(ctx, cfg, reconcile.MetaOpts{}, proposal)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("apply:", results[0].Resource, results[0].Status)
	// Output:
	// plan: create note hello
	// apply: notes.inbox applied
}

func ExamplePlanObjects() {
	plan, err := reconcile.PlanObjects(reconcile.PlanInput{
		Address: "file.site",
		Desired: []reconcile.Resource{
			{Type: "file", Name: "index.html", Attributes: map[string]any{"size": 120}},
			{Type: "file", Name: "about.html", Attributes: map[string]any{"size": 80}},
		},
		Live: []reconcile.Resource{
			{Type: "file", Name: "index.html", Attributes: map[string]any{"size": 100}},
			{Type: "file", Name: "old.html"},
			{Type: "file", Name: "notes.txt"},
		},
		State: &reconcile.State{Resources: []reconcile.Resource{
			{Type: "file", Name: "index.html", Mode: reconcile.ModeManaged, Attributes: map[string]any{"size": 100}},
			{Type: "file", Name: "old.html", Mode: reconcile.ModeManaged},
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, action := range plan.Actions {
		fmt.Println(action.Action, action.Name+":", action.Details[reconcile.DetailReason])
	}
	for _, warning := range plan.Warnings {
		fmt.Println("warning:", warning)
	}
	// Output:
	// delete old.html: it is ours and not declared
	// create about.html: it is declared and does not exist
	// update index.html: the declaration changed
	// warning: file "notes.txt" is not ours and is left alone
}

func ExampleResolveOrder() {
	levels, err := reconcile.ResolveOrder([]reconcile.MetaResource{
		{Name: "web", DependsOn: []string{"dns", "db"}},
		{Name: "dns", Wave: 1},
		{Name: "db"},
	})
	fmt.Println(printLevels(levels), err)
	_, err = reconcile.ResolveOrder([]reconcile.MetaResource{
		{Name: "web", DependsOn: []string{"db"}},
		{Name: "db", DependsOn: []string{"web"}},
	})
	fmt.Println(err)
	// Output:
	// db dns | web <nil>
	// dependency cycle: db -> web -> db; remove one of these dependencies
}

func ExampleWriteState() {
	root, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(root) }()
	state := reconcile.NewState("github")
	fmt.Println(reconcile.WriteState(root, "github", state), state.Serial)
	loaded, err := reconcile.LoadState(root, "github")
	fmt.Println(loaded.Serial, err)
	path, err := filepath.Rel(root, reconcile.StatePath(root, `file.site["eu"]`))
	fmt.Println(filepath.ToSlash(path), err)
	// Output:
	// <nil> 1
	// 1 <nil>
	// .cog/config/file.site%5b%22eu%22%5d/.state.json <nil>
}

func ExampleRunMeta() {
	reconcile.RegisterProvider("notes", &reconciletest.Model{Address: "notes", World: &reconciletest.World{}})
	defer reconcile.ResetProviders()
	results, err := reconcile.RunMeta(".", reconcile.AutoDiscoverResources(), reconcile.MetaOpts{DryRun: true})
	fmt.Println(results[0].Resource, results[0].Status, err)
	// Output: notes synced <nil>
}
