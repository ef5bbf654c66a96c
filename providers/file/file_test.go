package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/sdk"
	"github.com/cogplan/cogplan/sdk/sdktest"
)

const address = "file.site"

// world is a module's directory, the provider on it, and the recorded state.
type world struct {
	t     *testing.T
	dir   string
	state *reconcile.State
	// dial makes an instance: native here, a guest in guest_test.go.
	dial func(t *testing.T, dir string, write bool) sdktest.Caller
	// features that the host offers.
	features []string
	warnings []string
}

func native(_ *testing.T, dir string, _ bool) sdktest.Caller {
	return sdk.NewObjects(description(), open, sdk.WithData(readData), sdk.WithRoot(dir))
}

func newWorld(t *testing.T) *world {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the provider runs in the sandbox only")
	}
	return &world{t: t, dir: t.TempDir(), dial: native}
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) put(name, content string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.path(name), []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) want(name, content string) {
	w.t.Helper()
	got, err := os.ReadFile(w.path(name))
	if err != nil {
		w.t.Error(err)
	} else if string(got) != content {
		w.t.Errorf("%s holds %.80q, want %.80q", name, got, content)
	}
}

func (w *world) gone(name string) {
	w.t.Helper()
	if _, err := os.Lstat(w.path(name)); !errors.Is(err, os.ErrNotExist) {
		w.t.Errorf("%s is still there (%v)", name, err)
	}
}

func (w *world) wantMode(name string, mode os.FileMode) {
	w.t.Helper()
	info, err := os.Lstat(w.path(name))
	if err != nil {
		w.t.Error(err)
	} else if info.Mode().Perm() != mode {
		w.t.Errorf("%s has mode %o, want %o", name, info.Mode().Perm(), mode)
	}
}

// session opens one; the instance is new, as the host does it.
func (w *world) session(body map[string]any, phase abi.Phase) (*sdktest.Client, error) {
	w.t.Helper()
	c := sdktest.NewClient(w.dial(w.t, w.dir, phase == abi.PhaseWrite))
	err := c.Open(w.t.Context(), &abi.OpenRequest{
		Address: address, Kind: abi.KindResource, Phase: phase, Body: body, Features: w.features,
	})
	return c, err
}

// observed is what a read session tells.
type observed struct {
	client  *sdktest.Client
	desired []reconcile.Resource
	live    []reconcile.Resource
	plan    *reconcile.Plan
	actions []abi.ObjectAction
	effects [][]reconcile.Effect
}

func (w *world) observe(body map[string]any) (*observed, error) {
	w.t.Helper()
	ctx := w.t.Context()
	c, err := w.session(body, abi.PhaseRead)
	if err != nil {
		return nil, err
	}
	if w.state != nil {
		if err := c.Known(ctx, w.state.Resources); err != nil {
			return nil, err
		}
	}
	desired, err := c.LoadConfig(ctx)
	if err != nil {
		return nil, err
	}
	live, err := c.FetchLive(ctx)
	if err != nil {
		return nil, err
	}
	w.warnings = append(desired.Warnings, live.Warnings...)
	return &observed{client: c, desired: desired.Objects, live: live.Objects}, nil
}

// plan compares with the host's own planner.
func (w *world) plan(body map[string]any) (*observed, error) {
	w.t.Helper()
	o, err := w.observe(body)
	if err != nil {
		return nil, err
	}
	schema := description().Schema
	o.plan, err = reconcile.PlanObjects(reconcile.PlanInput{
		Address: address, Schema: &schema, Desired: o.desired, Live: o.live, State: w.state,
	})
	if err != nil {
		return nil, err
	}
	w.warnings = append(w.warnings, o.plan.Warnings...)
	for _, a := range o.plan.Actions {
		o.actions = append(o.actions, o.action(a))
	}
	o.effects, err = o.client.Effects(w.t.Context(), o.actions)
	return o, err
}

func (o *observed) action(a reconcile.Action) abi.ObjectAction {
	find := func(list []reconcile.Resource) *reconcile.Resource {
		for i := range list {
			if list[i].Type == a.ResourceType && list[i].Name == a.Name {
				return &list[i]
			}
		}
		return nil
	}
	out := abi.ObjectAction{Action: a.Action, Type: a.ResourceType, Name: a.Name}
	if a.Action != reconcile.ActionCreate {
		out.Before = find(o.live)
	}
	if a.Action != reconcile.ActionDelete {
		out.Desired = find(o.desired)
	}
	return out
}

// carryOut applies the actions in a write session, and records.
func (w *world) carryOut(body map[string]any, o *observed) error {
	w.t.Helper()
	c, err := w.session(body, abi.PhaseWrite)
	if err != nil {
		return err
	}
	var failures error
	for i, a := range o.actions {
		_, err := c.Apply(w.t.Context(), &abi.ApplyRequest{ObjectAction: a, Effects: o.effects[i], Key: "run:" + address})
		failures = errors.Join(failures, err)
	}
	return errors.Join(failures, w.record(body))
}

func (w *world) record(body map[string]any) error {
	after, err := w.observe(body)
	if err != nil {
		return err
	}
	schema := description().Schema
	w.state, err = reconcile.BuildObjectsState(reconcile.ObjectsStateInput{
		Address: address, Schema: &schema, Desired: after.desired, Live: after.live, Existing: w.state,
	})
	return err
}

// apply plans, applies, and checks that a second plan is empty.
func (w *world) apply(body map[string]any) *observed {
	w.t.Helper()
	o, err := w.plan(body)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.carryOut(body, o); err != nil {
		w.t.Fatal(err)
	}
	again, err := w.plan(body)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(again.plan.Actions) != 0 {
		w.t.Fatalf("the second plan is not empty: %v", lines(again))
	}
	return o
}

// lines shows actions with their effects.
func lines(o *observed) []string {
	out := []string{}
	for i, a := range o.actions {
		line := fmt.Sprintf("%s %s %s:", a.Action, a.Type, a.Name)
		for _, e := range o.effects[i] {
			line += " " + e.String() + ";"
		}
		out = append(out, line)
	}
	return out
}

func files(root string, content map[string]any) map[string]any {
	return map[string]any{"root": root, "file": content}
}

func text(content string) map[string]any { return map[string]any{"content": content} }

func TestCreateUpdateDelete(t *testing.T) {
	w := newWorld(t)
	got := lines(w.apply(files("./out/eu", map[string]any{"index.html": text("one\n"), "a/b/c.txt": text("c")})))
	want := []string{
		"create directory .: mkdir out; mkdir out/eu;",
		"create directory a: mkdir out/eu/a;",
		"create file index.html: write out/eu/index.html;",
		"create directory a/b: mkdir out/eu/a/b;",
		"create file a/b/c.txt: write out/eu/a/b/c.txt;",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	w.want("out/eu/index.html", "one\n")
	w.want("out/eu/a/b/c.txt", "c")
	w.wantMode("out/eu/index.html", 0o644)

	o := w.apply(files("out/eu/", map[string]any{"index.html": text("two\n")}))
	want = []string{
		"delete file a/b/c.txt: delete out/eu/a/b/c.txt;",
		"delete directory a/b: rmdir out/eu/a/b;",
		"delete directory a: rmdir out/eu/a;",
		"update file index.html: write out/eu/index.html;",
	}
	if diff := cmp.Diff(want, lines(o)); diff != "" {
		t.Error(diff)
	}
	details := o.plan.Actions[3].Details
	before, _ := details[reconcile.DetailBefore].(map[string]any)
	after, _ := details[reconcile.DetailAfter].(map[string]any)
	if before["content"] != "one\n" || after["content"] != "two\n" {
		t.Errorf("the plan cannot show the lines: %v", details)
	}
	if diff := cmp.Diff([]any{"sha256"}, details[reconcile.DetailChanged]); diff != "" {
		t.Error(diff)
	}
	w.want("out/eu/index.html", "two\n")
	w.gone("out/eu/a")
}

func TestDriftIsSeenAndMended(t *testing.T) {
	w := newWorld(t)
	body := files("out", map[string]any{"a": text("a"), "b": text("b"), "d/c": text("c")})
	w.apply(body)
	w.put("out/a", "changed by hand")
	if err := os.RemoveAll(w.path("out/d")); err != nil {
		t.Fatal(err)
	}
	got := lines(w.apply(body))
	want := []string{
		"create directory d: mkdir out/d;",
		"update file a: write out/a;",
		"create file d/c: write out/d/c;",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	w.want("out/a", "a")
	w.want("out/d/c", "c")
}

func TestWhatIsNotOursIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	body := files("out", map[string]any{"d/ours": text("x"), "top": text("y")})
	w.apply(body)
	w.put("out/d/theirs", "hands off")
	w.put("out/theirs/deep", "hands off")
	if err := os.Symlink("/etc", w.path("out/link")); err != nil {
		t.Fatal(err)
	}
	o, err := w.plan(body)
	if err != nil || len(o.plan.Actions) != 0 {
		t.Fatalf("%v %v", lines(o), err)
	}
	var unmanaged []string
	for _, l := range o.live {
		if l.Mode == reconcile.ModeUnmanaged {
			unmanaged = append(unmanaged, l.Type+" "+l.Name)
		}
	}
	slices.Sort(unmanaged)
	if diff := cmp.Diff([]string{"directory theirs", "file d/theirs", "file link"}, unmanaged); diff != "" {
		t.Error(diff)
	}
	// The directory stays, because something is in it that is not ours.
	w.apply(files("out", map[string]any{"top": text("y")}))
	w.gone("out/d/ours")
	w.want("out/d/theirs", "hands off")
	w.apply(files("out", nil))
	w.want("out/theirs/deep", "hands off")
}

func TestExistingFileIsTakenOverByDeclaration(t *testing.T) {
	w := newWorld(t)
	w.put("out/a", "was here")
	o := w.apply(files("out", map[string]any{"a": text("new")}))
	if got := lines(o); !slices.Contains(got, "update file a: write out/a;") {
		t.Error(got)
	}
	w.want("out/a", "new")
}

func TestModes(t *testing.T) {
	w := newWorld(t)
	body := map[string]any{
		"root":      "out",
		"file":      map[string]any{"run.sh": map[string]any{"content": "#!", "mode": "0755"}, "plain": map[string]any{"content": "p", "mode": "0644"}, "any": text("a")},
		"directory": map[string]any{"private": map[string]any{"mode": "700"}},
	}
	got := lines(w.apply(body))
	want := []string{
		"create directory .: mkdir out;",
		"create directory private: mkdir out/private; chmod out/private;",
		"create file any: write out/any;",
		"create file plain: write out/plain;",
		"create file run.sh: write out/run.sh; chmod out/run.sh;",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	w.wantMode("out/run.sh", 0o755)
	w.wantMode("out/private", 0o700)
	for name, mode := range map[string]os.FileMode{"out/run.sh": 0o600, "out/any": 0o600, "out/private": 0o755} {
		if err := os.Chmod(w.path(name), mode); err != nil {
			t.Fatal(err)
		}
	}
	got = lines(w.apply(body))
	want = []string{"update directory private: chmod out/private;", "update file run.sh: chmod out/run.sh;"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	w.wantMode("out/run.sh", 0o755)
	w.wantMode("out/any", 0o600) // not declared, not managed
}

func TestTree(t *testing.T) {
	w := newWorld(t)
	w.put("site/index.html", "i")
	w.put("site/css/a.css", "a")
	w.put("site/css/draft/b.css", "b")
	w.put("site/notes.md", "n")
	if err := os.Symlink("index.html", w.path("site/link")); err != nil {
		t.Fatal(err)
	}
	tree := map[string]any{"from": "./site", "to": "www", "exclude": []any{"**/draft", "link", "*.md"}}
	body := map[string]any{"root": "out", "tree": []any{tree}}
	w.apply(body)
	w.want("out/www/index.html", "i")
	w.want("out/www/css/a.css", "a")
	w.gone("out/www/css/draft")
	w.gone("out/www/notes.md")

	w.put("site/index.html", "changed")
	if err := os.Remove(w.path("site/css/a.css")); err != nil {
		t.Fatal(err)
	}
	got := lines(w.apply(body))
	want := []string{
		"delete file www/css/a.css: delete out/www/css/a.css;",
		"delete directory www/css: rmdir out/www/css;",
		"update file www/index.html: write out/www/index.html;",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	tree["include"] = []any{"**/*.css"}
	w.apply(body)
	w.gone("out/www")
}

func TestBinaryAndOddContent(t *testing.T) {
	w := newWorld(t)
	random := make([]byte, 100_000)
	_, _ = rand.Read(random)
	w.put("src/random", string(random))
	body := files("out", map[string]any{
		"base64": map[string]any{"content_base64": "AP8BCg=="},
		"empty":  text(""),
		"crlf":   text("a\r\nb\x00c"),
		"random": map[string]any{"source": "src/random"},
	})
	w.apply(body)
	w.want("out/base64", "\x00\xff\x01\n")
	w.want("out/empty", "")
	w.want("out/crlf", "a\r\nb\x00c")
	w.want("out/random", string(random))
}

func TestHugeSourceIsCopiedInPieces(t *testing.T) {
	w := newWorld(t)
	w.put("src", strings.Repeat("0123456789abcdef", 1<<20)+"end") // 16 MiB
	body := files("out", map[string]any{"big": map[string]any{"source": "src"}})
	w.apply(body)
	a, _ := os.ReadFile(w.path("src"))
	b, _ := os.ReadFile(w.path("out/big"))
	if !bytes.Equal(a, b) {
		t.Error("the copy differs")
	}
}

func TestOddNames(t *testing.T) {
	w := newWorld(t)
	names := map[string]any{}
	for _, name := range []string{"sp ace", "ü", "日本", "-rf", "quote\"'`", "..dots", "a.b..c", strings.Repeat("x", 255)} {
		names[name] = text("content of " + name)
	}
	w.apply(files("out", names))
	for name := range names {
		w.want("out/"+name, "content of "+name)
	}
	w.apply(files("out", nil))
	w.gone("out/ü")
}

// Nobody can read such names in a plan, and the host takes none of them.
func TestInvisibleNames(t *testing.T) {
	odd := []string{"new\nline", "tab\t", "\x1b[31mred", "back\\slash", "no\u00a0break", "\u202eturned", "\ufffd"}
	for _, name := range odd {
		w := newWorld(t)
		body := files("out", map[string]any{"d/a": text("a")})
		w.apply(body)
		w.put("out/d/"+name, "not ours")
		o, err := w.plan(body)
		if err != nil || len(o.actions) != 0 {
			t.Errorf("%q: %v %v", name, o, err)
			continue
		}
		unmanaged := slices.IndexFunc(o.live, func(r reconcile.Resource) bool { return r.Mode == reconcile.ModeUnmanaged })
		if unmanaged < 0 || visible(o.live[unmanaged].Name) != o.live[unmanaged].Name {
			t.Errorf("%q is reported as %v", name, o.live)
		}
		w.apply(files("out", nil))
		w.want("out/d/"+name, "not ours")

		w.refuse(files("out", map[string]any{name: text("x")}), "rename it", "file", name)
		tree := map[string]any{"from": "out"}
		w.refuse(map[string]any{"root": "copy", "tree": []any{tree}}, "rename it", "tree", int64(0))
		tree["exclude"] = []any{"d/*"}
		w.apply(map[string]any{"root": "copy", "tree": []any{tree}})
	}
}

func TestNamesThatAreNotUTF8(t *testing.T) {
	w := newWorld(t)
	body := files("out", map[string]any{"d/a": text("a")})
	w.apply(body)
	if err := os.WriteFile(w.path("out/d/bad\xff"), nil, 0o644); err != nil {
		t.Skip("the file system refuses such names")
	}
	if o, err := w.plan(body); err != nil || len(o.actions) != 0 {
		t.Errorf("%v %v", o, err)
	}
	w.apply(files("out", nil))
	if _, err := os.Stat(w.path("out/d/bad\xff")); err != nil {
		t.Error("what is not ours was removed")
	}
	if err := os.WriteFile(w.path("bad\xff"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	w.refuse(map[string]any{"root": "out", "tree": []any{map[string]any{"from": "."}}}, "not UTF-8", "tree", int64(0), "from")
}

// refuse wants an error that blames that argument.
func (w *world) refuse(body map[string]any, want string, path ...any) {
	w.t.Helper()
	_, err := w.plan(body)
	e, ok := errors.AsType[*abi.Error](err)
	if !ok || e.Kind != abi.KindConfig {
		w.t.Errorf("%v: %v, want a config error with %q", body, err, want)
		return
	}
	if !strings.Contains(e.Message, want) {
		w.t.Errorf("%q, want %q", e.Message, want)
	}
	if diff := cmp.Diff(path, e.Path); diff != "" {
		w.t.Errorf("%q blames another argument: %s", e.Message, diff)
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	w.put("src/a", "a")
	w.put("src/sub/b", "b")
	w.put("plain", "p")
	for link, to := range map[string]string{"link": "plain", "srclink": "src", "tree/link": "../plain"} {
		if err := os.MkdirAll(filepath.Dir(w.path(link)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, w.path(link)); err != nil {
			t.Fatal(err)
		}
	}
	file := func(name string, block map[string]any) map[string]any {
		return files("out", map[string]any{name: block})
	}
	for _, name := range []string{"..", "../x", "a/../b", "a/..", "/etc/passwd", "a//b", "./a", "a/", "", ".", "nul\x00", strings.Repeat("x", 256), strings.Repeat("x/", 2100) + "x"} {
		w.refuse(file(name, text("x")), "path", "file", name)
	}
	long := strings.Repeat("n", 256)
	w.refuse(file(long, text("x")), "longer than 255 bytes", "file", long)
	w.refuse(file("a", map[string]any{}), "exactly one of", "file", "a")
	w.refuse(file("a", map[string]any{"content": "x", "source": "y"}), "it has 2", "file", "a")
	w.refuse(file("a", map[string]any{"content_base64": "***"}), "not base64", "file", "a", "content_base64")
	for _, mode := range []string{"999", "7", "4755", "01755", "rwx", "", "00644"} {
		w.refuse(file("a", map[string]any{"content": "x", "mode": mode}), "mode", "file", "a", "mode")
	}
	w.refuse(file("a", map[string]any{"source": "../x"}), "leaves the module's directory", "file", "a", "source")
	w.refuse(file("a", map[string]any{"source": "missing"}), "no such file", "file", "a", "source")
	w.refuse(file("a", map[string]any{"source": "src"}), "is a directory", "file", "a", "source")
	w.refuse(file("a", map[string]any{"source": "link"}), "symbolic link", "file", "a", "source")
	w.refuse(file("a", map[string]any{"source": "srclink/a"}), "symbolic link", "file", "a", "source")
	w.refuse(files("../out", nil), "leaves the module's directory", "root")
	w.refuse(files("", nil), "empty", "root")
	w.refuse(files("a/../../b", nil), "leaves", "root")

	tree := func(block ...any) map[string]any { return map[string]any{"root": "out", "tree": block} }
	from := func(dir string, more ...string) map[string]any {
		m := map[string]any{"from": dir}
		for i := 0; i+1 < len(more); i += 2 {
			m[more[i]] = []any{more[i+1]}
		}
		return m
	}
	w.refuse(tree(from("missing")), "no such directory", "tree", int64(0), "from")
	w.refuse(tree(from("plain")), "is a file, want a directory", "tree", int64(0), "from")
	w.refuse(tree(from("srclink")), "symbolic link", "tree", int64(0), "from")
	w.refuse(tree(from("tree")), "tree/link is a symbolic link", "tree", int64(0), "from")
	w.refuse(tree(from("src", "include", "[")), "malformed", "tree", int64(0), "include")
	w.refuse(tree(from("src", "exclude", "a**")), "stands beside", "tree", int64(0), "exclude")
	w.refuse(tree(from("src"), from("src")), "declared twice", "tree", int64(1))
	w.refuse(tree(map[string]any{"from": "src", "to": "../x"}), "leaves the root", "tree", int64(0), "to")
	both := tree(from("src"))
	both["file"] = map[string]any{"a": text("x")}
	w.refuse(both, `"a" is declared twice`, "tree", int64(0))
	both["file"] = map[string]any{"sub": text("x")}
	w.refuse(both, `"sub/b" cannot lie in "sub", which is declared as a file`, "tree", int64(0))
	same := files("out", map[string]any{"x": text("x")})
	same["directory"] = map[string]any{"x": map[string]any{}}
	w.refuse(same, "declared twice", "directory", "x")
}

func TestLinksInTheRootAreNotFollowed(t *testing.T) {
	w := newWorld(t)
	w.put("secret/a", "untouched")
	body := files("out", map[string]any{"d/a": text("overwritten?")})
	if err := os.MkdirAll(w.path("out"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../secret", w.path("out/d")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.plan(body); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("a directory that is a link: %v", err)
	}
	w.want("secret/a", "untouched")
	if err := os.Remove(w.path("out/d")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../secret/a", w.path("out/f")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.plan(files("out", map[string]any{"f": text("x")})); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("a file that is a link: %v", err)
	}
	if err := os.Symlink("secret", w.path("rootlink")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.plan(files("rootlink", map[string]any{"a": text("x")})); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("a root that is a link: %v", err)
	}
	w.want("secret/a", "untouched")
}

// A link that appears between plan and apply is not followed either.
func TestLinkThatAppearsAfterThePlan(t *testing.T) {
	w := newWorld(t)
	w.put("secret/a", "untouched")
	body := files("out", map[string]any{"a": text("x")})
	o, err := w.plan(body)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("secret", w.path("out")); err != nil {
		t.Fatal(err)
	}
	if err := w.carryOut(body, o); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("%v", err)
	}
	w.want("secret/a", "untouched")
}

func kindOf(err error) abi.ErrorKind {
	if e, ok := errors.AsType[*abi.Error](err); ok {
		return e.Kind
	}
	return ""
}

func TestStale(t *testing.T) {
	w := newWorld(t)
	w.put("src", "source")
	body := files("out", map[string]any{"upd": text("1"), "del": text("1")})
	w.apply(body)
	next := files("out", map[string]any{"upd": text("2"), "new": text("n"), "copy": map[string]any{"source": "src"}})
	o, err := w.plan(next)
	if err != nil {
		t.Fatal(err)
	}
	w.put("out/upd", "by hand")
	w.put("out/del", "by hand")
	w.put("out/new", "by hand")
	w.put("src", "changed")
	c, err := w.session(next, abi.PhaseWrite)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range o.actions {
		_, err := c.Apply(t.Context(), &abi.ApplyRequest{ObjectAction: a, Effects: o.effects[i], Key: "k"})
		if kindOf(err) != abi.KindStale {
			t.Errorf("%s %s: %v, want it stale", a.Action, a.Name, err)
		}
	}
	w.want("out/upd", "by hand")
	w.want("out/del", "by hand")
	w.want("out/new", "by hand")
	w.gone("out/copy")
}

// An action that is tried again after it succeeded succeeds.
func TestApplyTwice(t *testing.T) {
	w := newWorld(t)
	w.apply(files("out", map[string]any{"upd": text("1"), "d/del": text("1")}))
	next := map[string]any{"root": "out", "file": map[string]any{"upd": map[string]any{"content": "2", "mode": "0600"}, "e/new": map[string]any{"content": "n", "mode": "0600"}}}
	o, err := w.plan(next)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.carryOut(next, o); err != nil {
			t.Fatal(err)
		}
	}
	w.want("out/upd", "2")
	w.wantMode("out/e/new", 0o600)
}

// Resources with one root are applied at the same time: each may be the one that
// makes it.
func TestSharedRootIsMadeByWhoeverComesFirst(t *testing.T) {
	for range 30 {
		first := newWorld(t)
		start, done := make(chan struct{}), make(chan error)
		const together = 8
		for n := range together {
			w := &world{t: t, dir: first.dir, dial: native}
			body := files("out/deep", map[string]any{fmt.Sprintf("sub/file%d", n): text("x")})
			o, err := w.plan(body)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				<-start
				done <- w.carryOut(body, o)
			}()
		}
		close(start)
		for range together {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if t.Failed() {
			return
		}
	}
}

func TestReadOnlyDirectory(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	w := newWorld(t)
	body := files("out", map[string]any{"a": text("a")})
	if err := os.Mkdir(w.path("out"), 0o555); err != nil {
		t.Fatal(err)
	}
	o, err := w.plan(body)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.carryOut(body, o); err == nil || !strings.Contains(err.Error(), "write out/a: permission denied") {
		t.Errorf("%v", err)
	}
}

func TestChangeOfTheRootMovesEverything(t *testing.T) {
	w := newWorld(t)
	w.apply(files("one", map[string]any{"d/a": text("a")}))
	got := lines(w.apply(files("two", map[string]any{"d/a": text("a")})))
	want := []string{
		"delete file d/a: delete one/d/a;",
		"delete directory d: rmdir one/d;",
		"delete directory .: rmdir one;",
		"create directory .: mkdir two;",
		"create directory d: mkdir two/d;",
		"create file d/a: write two/d/a;",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	w.gone("one")
	w.want("two/d/a", "a")
	// Where something else lies in the old root, that stays.
	w.put("two/d/theirs", "x")
	w.apply(files("three", map[string]any{"d/a": text("a")}))
	w.want("two/d/theirs", "x")
	w.want("three/d/a", "a")
	w.gone("two/d/a")
}

func TestFileBecomesDirectoryAndBack(t *testing.T) {
	w := newWorld(t)
	w.apply(files("out", map[string]any{"x": text("file")}))
	w.apply(files("out", map[string]any{"x/y": text("inside")}))
	w.want("out/x/y", "inside")
	w.apply(files("out", map[string]any{"x": text("file")}))
	w.want("out/x", "file")
}

func TestCaseCollisionWarns(t *testing.T) {
	w := newWorld(t)
	if _, err := w.plan(files("out", map[string]any{"Readme": text("a"), "README": text("b")})); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(w.warnings, func(s string) bool { return strings.Contains(s, "differ only in case") }) {
		t.Errorf("no warning: %q", w.warnings)
	}
}

func TestManyStrangersAreCapped(t *testing.T) {
	w := newWorld(t)
	w.apply(files("out", map[string]any{"a": text("a")}))
	for i := range maxUnmanaged + 50 {
		w.put(fmt.Sprintf("out/x%d", i), "")
	}
	o, err := w.plan(files("out", map[string]any{"a": text("a")}))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(o.live); n != maxUnmanaged+2 {
		t.Errorf("%d live objects", n)
	}
	if !slices.ContainsFunc(w.warnings, func(s string) bool { return strings.Contains(s, "50 more files") }) {
		t.Errorf("no warning: %q", w.warnings)
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"*.css", "a.css", true},
		{"*.css", "d/a.css", false},
		{"**/*.css", "a.css", true},
		{"**/*.css", "d/e/a.css", true},
		{"d/**", "d/e/f", true},
		{"d/**", "d", false},
		{"**", "x", true},
		{"a/**/b", "a/b", true},
		{"a/**/b", "a/x/y/b", true},
		{"a/**/b", "a/x", false},
		{"[ab].txt", "b.txt", true},
		{"?", "ab", false},
		{"**/**/x", "x", true},
	} {
		if got := match(tt.pattern, tt.name); got != tt.want {
			t.Errorf("match(%q, %q) = %v", tt.pattern, tt.name, got)
		}
	}
}

func BenchmarkPlan5000Native(b *testing.B) { benchmarkPlan(b, native) }

// benchmarkPlan reads 5,000 files of 1 KiB that are as declared.
func benchmarkPlan(b *testing.B, dial func(*testing.T, string, bool) sdktest.Caller, features ...string) {
	dir := b.TempDir()
	content := strings.Repeat("0123456789abcde\n", 64)
	for i := range 5000 {
		for _, side := range []string{"src", "out"} {
			name := filepath.Join(dir, side, fmt.Sprintf("%02d", i%50), fmt.Sprintf("f%d", i))
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		c := sdktest.NewClient(dial(nil, dir, false))
		ctx := b.Context()
		body := map[string]any{"root": "out", "tree": []any{map[string]any{"from": "src"}}}
		if err := c.Open(ctx, &abi.OpenRequest{Address: address, Kind: abi.KindResource, Phase: abi.PhaseRead, Body: body, Features: features}); err != nil {
			b.Fatal(err)
		}
		if _, err := c.LoadConfig(ctx); err != nil {
			b.Fatal(err)
		}
		live, err := c.FetchLive(ctx)
		if err != nil || len(live.Objects) != 5051 {
			b.Fatal(len(live.Objects), err)
		}
	}
}
