// Command thing is a provider for the scripts of the command line: it keeps
// things in files of one directory, and goes wrong in the way that the module
// asks for.
package main

import (
	"context"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/sdk"
)

func init() {
	sdk.ServeObjects(reconcile.Description{
		Name: "thing", Version: "1.2.3", Doc: "Keeps things.",
		Schema: reconcile.Schema{
			Version: 1,
			Resource: reconcile.Block{
				Attributes: []reconcile.Attribute{
					{Name: "dir", Type: sdk.TypeString, Required: true},
					{Name: "fault", Type: sdk.TypeString, Optional: true},
					{Name: "when", Type: sdk.TypeString, Optional: true, Default: "desired"},
					{Name: "count_of_things", Type: sdk.TypeNumber, Computed: true},
				},
				Blocks: []reconcile.NestedBlock{{Type: "thing", Nesting: reconcile.NestingMap, Label: "name", Block: reconcile.Block{
					Attributes: []reconcile.Attribute{
						{Name: "value", Type: sdk.TypeDynamic, Optional: true},
						{Name: "zone", Type: sdk.TypeString, Optional: true},
						{Name: "secret", Type: sdk.TypeString, Optional: true, Sensitive: true},
						{Name: "token", Type: sdk.TypeString, Optional: true, Sensitive: true},
					},
				}}},
			},
			Config: &reconcile.Block{Attributes: []reconcile.Attribute{{Name: "owner", Type: sdk.TypeString, Optional: true}}},
			Objects: []reconcile.ObjectType{{Name: "thing", Attributes: []reconcile.ObjectAttribute{
				{Name: "value"}, {Name: "zone", Immutable: true}, {Name: "secret", Sensitive: true}, {Name: "token", Sensitive: true, Recall: true},
			}}},
		},
		Capabilities: []reconcile.Capability{{Kind: "write", Reason: "the directory of the things"}},
	}, open)
}

func main() {}

type things struct {
	session *sdk.Session
	dir     string
	fault   string
	when    string
}

func open(_ context.Context, session *sdk.Session) (*things, error) {
	body := session.Body()
	t := &things{session: session, dir: body.String("dir"), fault: body.String("fault"), when: body.String("when")}
	return t, body.Err()
}

// at goes wrong if the module asks for it at this moment.
func (t *things) at(moment string) error {
	if t.when != moment {
		return nil
	}
	switch t.fault {
	case "panic":
		panic("the thing is broken \x1b[31m")
	case "exit":
		os.Exit(3)
	case "hang":
		for n := 0; ; n++ {
			sink = n
		}
	case "slow":
		for n := range 500_000_000 { // about a second; the clock stands still in here
			sink = n
		}
	case "flood":
		text := strings.Repeat("0123456789abcdef", 1<<16)
		for range 1 << 10 { // a gigabyte
			_, _ = os.Stdout.WriteString(text)
		}
	case "greedy":
		for {
			hoard = append(hoard, make([]byte, 64<<20))
		}
	case "error":
		return errors.New("no thing today\n\x1b[2Jreally")
	case "config":
		return t.session.Body().Error("dir", "this directory is not to my taste")
	case "write":
		return os.WriteFile(path.Join("/", t.dir, "intruder"), []byte("x"), 0o644)
	case "escape":
		return os.WriteFile("/elsewhere/intruder", []byte("x"), 0o644)
	}
	return nil
}

var (
	sink  int
	hoard [][]byte
)

// Desired are the declared things.
func (t *things) Desired(context.Context) ([]reconcile.Resource, error) {
	if err := t.at("desired"); err != nil {
		return nil, err
	}
	var out []reconcile.Resource
	for _, block := range t.session.Body().LabeledBlocks("thing") {
		attributes := map[string]any{}
		for _, name := range []string{"value", "zone", "secret", "token"} {
			if block.Body.Has(name) {
				attributes[name] = block.Body.Value(name)
			}
		}
		out = append(out, sdk.Object("thing", block.Label, attributes))
	}
	return out, nil
}

// Live are the things in the directory; a name that ends in ".foreign" is not
// ours.
func (t *things) Live(_ context.Context, query sdk.Query) ([]reconcile.Resource, error) {
	if err := t.at("live"); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(path.Join("/", t.dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []reconcile.Resource
	for _, entry := range entries {
		object, err := t.read(entry.Name())
		if err != nil {
			return nil, err
		}
		t.remember(&object, query.Known)
		out = append(out, object)
	}
	return out, nil
}

// remember gives a thing the token that it was made with, which no file tells.
func (t *things) remember(object *reconcile.Resource, known []reconcile.Resource) {
	for i := range known {
		if token, ok := known[i].Attributes["token"].(string); ok && known[i].Name == object.Name {
			object.Attributes["token"] = token
			if t.fault == "tell" {
				t.session.Warn("the token of " + object.Name + " is " + token)
			}
		}
	}
}

func (t *things) read(file string) (reconcile.Resource, error) {
	if name, foreign := strings.CutSuffix(file, ".foreign"); foreign {
		return sdk.Unmanaged("thing", name, "it belongs to somebody else", nil), nil
	}
	data, err := os.ReadFile(path.Join("/", t.dir, file))
	if err != nil {
		return reconcile.Resource{}, err
	}
	name, err := base64.RawURLEncoding.DecodeString(file)
	if err != nil {
		return reconcile.Resource{}, err
	}
	attributes := map[string]any{}
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		text, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return reconcile.Resource{}, err
		}
		attributes[key] = string(text)
	}
	return sdk.Object("thing", string(name), attributes), nil
}

// Outputs are the computed arguments.
func (t *things) Outputs(context.Context) (map[string]any, error) {
	live, err := t.Live(context.Background(), sdk.Query{})
	return map[string]any{"count_of_things": int64(len(live))}, err
}

func (t *things) words(name string) string {
	return path.Join(t.dir, base64.RawURLEncoding.EncodeToString([]byte(name)))
}

// Effects are one file.
func (t *things) Effects(_ context.Context, change sdk.Change) ([]reconcile.Effect, error) {
	operation := "write"
	if change.Action == reconcile.ActionDelete {
		operation = "delete"
	}
	effects := []reconcile.Effect{{Capability: reconcile.CapabilityFile, Operation: operation, Target: t.words(change.Name)}}
	if change.Action == reconcile.ActionCreate {
		effects = append(effects, reconcile.Effect{Capability: reconcile.CapabilityFile, Operation: "mkdir", Target: path.Clean(t.dir)})
	}
	return effects, nil
}

// Create keeps a thing.
func (t *things) Create(_ context.Context, change sdk.Change) (sdk.Applied, error) {
	if err := t.at("create " + change.Name); err != nil {
		return sdk.Applied{}, err
	}
	if err := os.MkdirAll(path.Join("/", t.dir), 0o755); err != nil {
		return sdk.Applied{}, err
	}
	return sdk.Applied{ID: "id-" + change.Name}, t.write(change)
}

// Update keeps a thing anew.
func (t *things) Update(_ context.Context, change sdk.Change) (sdk.Applied, error) {
	return sdk.Applied{}, t.write(change)
}

func (t *things) write(change sdk.Change) error {
	var out strings.Builder
	for key, value := range change.Desired.Attributes {
		if key == "token" {
			continue // the thing does not give it away again
		}
		text, _ := value.(string)
		out.WriteString(key + "=" + base64.StdEncoding.EncodeToString([]byte(text)) + "\n")
	}
	return os.WriteFile(path.Join("/", t.words(change.Name)), []byte(out.String()), 0o644)
}

// Delete forgets a thing.
func (t *things) Delete(_ context.Context, change sdk.Change) error {
	err := os.Remove(path.Join("/", t.words(change.Name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
