// Command bare is a provider that declares no effects: nothing but its grant
// bounds what it does while an action is applied. It keeps notes in files of one
// directory and, where the module asks for it, writes one more file elsewhere.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/sdk"
)

func init() {
	sdk.ServeObjects(reconcile.Description{
		Name: "bare", Version: "0.1.0", Doc: "Keeps notes, and does not say where.",
		Schema: reconcile.Schema{
			Version: 1,
			Resource: reconcile.Block{
				Attributes: []reconcile.Attribute{
					{Name: "dir", Type: sdk.TypeString, Required: true},
					{Name: "also", Type: sdk.TypeString, Optional: true, Doc: "One more file that each change writes."},
					{Name: "notes", Type: sdk.MapOf(sdk.TypeString), Required: true},
					{Name: "variable", Type: sdk.TypeString, Optional: true, Doc: "Notes the value of a variable of the environment."},
				},
			},
			Objects: []reconcile.ObjectType{{Name: "note", Attributes: []reconcile.ObjectAttribute{{Name: "text"}}}},
		},
		Capabilities: []reconcile.Capability{{Kind: "write", Reason: "the directory of the notes"}},
	}, open)
}

func main() {}

type notes struct {
	dir, also string
	texts     map[string]any
}

func open(_ context.Context, session *sdk.Session) (*notes, error) {
	body := session.Body()
	n := &notes{dir: path.Join("/", body.String("dir"))}
	if body.Has("also") {
		n.also = path.Join("/", body.String("also"))
	}
	n.texts, _ = body.Value("notes").(map[string]any)
	if name := body.String("variable"); name != "" {
		value, ok := session.Env(name)
		n.texts["environment"] = fmt.Sprintf("granted=%v value=%q same=%v all=%q\n", ok, value, os.Getenv(name) == value, os.Environ())
	}
	return n, body.Err()
}

// Desired are the declared notes.
func (n *notes) Desired(context.Context) ([]reconcile.Resource, error) {
	var out []reconcile.Resource
	if n.texts["moving"] == "random" { // another one each time, against the rules
		n.texts["moving"] = rand.Text()
	}
	for _, name := range slices.Sorted(maps.Keys(n.texts)) {
		out = append(out, sdk.Object("note", name, map[string]any{"text": n.texts[name]}))
	}
	return out, nil
}

// Live are the files of the directory.
func (n *notes) Live(context.Context, sdk.Query) ([]reconcile.Resource, error) {
	entries, err := os.ReadDir(n.dir)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []reconcile.Resource
	for _, entry := range entries {
		data, err := os.ReadFile(path.Join(n.dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, sdk.Object("note", entry.Name(), map[string]any{"text": string(data)}))
	}
	return out, nil
}

// Create writes a note.
func (n *notes) Create(_ context.Context, change sdk.Change) (sdk.Applied, error) {
	return sdk.Applied{}, n.write(change)
}

// Update writes a note anew.
func (n *notes) Update(_ context.Context, change sdk.Change) (sdk.Applied, error) {
	return sdk.Applied{}, n.write(change)
}

// Delete removes a note.
func (n *notes) Delete(_ context.Context, change sdk.Change) error {
	return os.Remove(path.Join(n.dir, change.Name))
}

func (n *notes) write(change sdk.Change) error {
	if err := os.MkdirAll(n.dir, 0o755); err != nil {
		return err
	}
	if n.also != "" {
		if err := os.MkdirAll(path.Dir(n.also), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(n.also, []byte("also\n"), 0o644); err != nil {
			return err
		}
	}
	text, _ := change.Desired.Attributes["text"].(string)
	return os.WriteFile(path.Join(n.dir, change.Name), []byte(text), 0o644)
}
