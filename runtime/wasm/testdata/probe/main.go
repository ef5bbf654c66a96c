//go:build wasip1

// Command probe is the provider that the tests of runtime/wasm run: an honest
// one for files, and, where its configuration says so, one that misbehaves in
// a phase of its life.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"runtime"
	"strings"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/sdk"
)

func init() {
	sdk.ServeObjects(reconcile.Description{
		Name: "probe", Version: "1.2.3",
		Schema: reconcile.Schema{
			Version: 1,
			Resource: reconcile.Block{Attributes: []reconcile.Attribute{
				{Name: "root", Type: `"string"`, Required: true},
				{Name: "files", Type: `["map","string"]`, Optional: true},
				{Name: "count", Type: `"number"`, Optional: true},
				{Name: "act", Type: `["map","string"]`, Optional: true},
			}},
			Objects: []reconcile.ObjectType{{Name: "file", Attributes: []reconcile.ObjectAttribute{
				{Name: "sha256"}, {Name: "content", Payload: true},
			}}},
		},
		Capabilities: []reconcile.Capability{{Kind: "write", Reason: "it writes files"}},
	}, open)
}

func main() {}

type probe struct {
	session *sdk.Session
	root    string
	act     map[string]string
	files   map[string]string
}

func open(_ context.Context, s *sdk.Session) (*probe, error) {
	b := s.Body()
	p := &probe{session: s, root: b.String("root"), act: b.Map("act"), files: b.Map("files")}
	if p.files == nil {
		p.files = map[string]string{}
	}
	for i := range b.Int("count") {
		p.files[fmt.Sprintf("d%d/f%05d", i%10, i)] = strings.Repeat(fmt.Sprintf("%08d", i), 128)
	}
	return p, p.misbehave("open")
}

func (p *probe) Desired(context.Context) ([]reconcile.Resource, error) {
	if err := p.misbehave("desired"); err != nil {
		return nil, err
	}
	var out []reconcile.Resource
	for name, content := range p.files {
		sum := p.session.SHA256([]byte(content))
		out = append(out, sdk.Object("file", name, map[string]any{
			"sha256": hex.EncodeToString(sum[:]), "content": content,
		}))
	}
	return out, nil
}

func (p *probe) Live(_ context.Context, q sdk.Query) ([]reconcile.Resource, error) {
	if err := p.misbehave("live"); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, list := range [][]reconcile.Resource{q.Desired, q.Known} {
		for i := range list {
			names[list[i].Name] = true
		}
	}
	var out []reconcile.Resource
	for name := range names {
		data, err := os.ReadFile(path.Join(p.root, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		sum := p.session.SHA256(data)
		out = append(out, sdk.Object("file", name, map[string]any{"sha256": hex.EncodeToString(sum[:])}))
	}
	return out, nil
}

func (p *probe) Outputs(context.Context) (map[string]any, error) {
	return map[string]any{"root": p.root}, nil
}

func (p *probe) Effects(_ context.Context, c sdk.Change) ([]reconcile.Effect, error) {
	if err := p.misbehave("effects"); err != nil {
		return nil, err
	}
	target := path.Join(p.root, c.Name)
	if t := p.act["declare"]; t != "" {
		target = t
	}
	op := "write"
	if c.Action == reconcile.ActionDelete {
		op = "delete"
	}
	list := []reconcile.Effect{{Capability: "file", Operation: op, Target: target}}
	for dir := path.Dir(target); op == "write" && dir != "." && dir != "/"; dir = path.Dir(dir) {
		list = append(list, reconcile.Effect{Capability: "file", Operation: "mkdir", Target: dir})
		if dir == p.act["top"] {
			break
		}
	}
	return list, nil
}

func (p *probe) Create(_ context.Context, c sdk.Change) (sdk.Applied, error) {
	if only := p.act["only"]; only == "" || only == c.Name {
		if err := p.misbehave("apply"); err != nil {
			return sdk.Applied{}, err
		}
	}
	target := path.Join(p.root, c.Name)
	content, _ := c.Desired.Attributes["content"].(string)
	err := os.WriteFile(target, []byte(content), 0o644)
	if os.IsNotExist(err) {
		if err = mkdirs(path.Dir(target)); err == nil {
			err = os.WriteFile(target, []byte(content), 0o644)
		}
	}
	return sdk.Applied{ID: "id-" + c.Name}, err
}

func mkdirs(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := mkdirs(path.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
		return err
	}
	return nil
}

func (p *probe) Update(ctx context.Context, c sdk.Change) (sdk.Applied, error) {
	return p.Create(ctx, c)
}

func (p *probe) Delete(_ context.Context, c sdk.Change) error {
	if err := p.misbehave("apply"); err != nil {
		return err
	}
	return os.Remove(path.Join(p.root, c.Name))
}

var (
	held [][]byte
	// sessions counts, against the rules, in what a session should not see.
	sessions int
	kept     *os.File
)

// misbehave does what the configuration says for this moment: "verb argument".
// An error of the operating system is swallowed, as a hostile provider would.
func (p *probe) misbehave(when string) error {
	verb, arg, _ := strings.Cut(p.act[when], " ")
	switch verb {
	case "":
	case "panic":
		panic(arg)
	case "exit":
		os.Exit(7)
	case "crash":
		go func() { panic("in another goroutine: " + arg) }()
		time.Sleep(time.Second)
	case "loop":
		for i := 0; ; i++ {
			if i < 0 {
				break
			}
		}
	case "sleep":
		time.Sleep(1000 * time.Hour)
	case "print":
		line := strings.Repeat("x", 1023) + "\n"
		for range 1 << 20 {
			fmt.Print(line)
		}
	case "allocate":
		for {
			held = append(held, make([]byte, 16<<20))
			held[len(held)-1][0] = 1
		}
	case "recurse":
		fmt.Println(recurse(1))
	case "fail":
		return fmt.Errorf("%s", strings.ReplaceAll(arg, "ESC", "\x1b"))
	case "linger":
		go func() {
			for {
				_ = os.WriteFile(arg, []byte("late"), 0o644)
				runtime.Gosched()
			}
		}()
		runtime.Gosched()
	case "until":
		if _, err := os.Stat(arg); err != nil {
			return sdk.Temporary("there is no "+arg+" yet", 0)
		}
	case "later":
		return sdk.Temporary(arg, time.Hour)
	case "log":
		sdk.Log(abi.LogInfo, arg)
	case "random":
		var b [8]byte
		_, _ = rand.Read(b[:])
		sdk.Log(abi.LogInfo, fmt.Sprintf("random %x at %s", b, time.Now().UTC().Format(time.RFC3339)))
	case "sessions":
		sessions++
		sdk.Log(abi.LogInfo, fmt.Sprintf("session %d", sessions))
	case "environ":
		sdk.Log(abi.LogInfo, fmt.Sprintf("env=%d args=%d", len(os.Environ()), len(os.Args)))
	case "open":
		kept, _ = os.Open(arg)
	case "handles":
		for range 1000 {
			if _, err := os.Open("/"); err != nil {
				break
			}
		}
	case "usekept":
		buf := make([]byte, 10)
		n, err := kept.Read(buf)
		sdk.Log(abi.LogInfo, fmt.Sprintf("kept read %d %v", n, err))
	case "leave":
		f, err := os.Create(arg)
		if err == nil {
			_, _ = f.WriteString("half")
			held = append(held, nil)
			kept = f
		}
	default:
		files(verb, arg)
	}
	return nil
}

func recurse(n int) int {
	if n == 0 {
		return 0
	}
	return recurse(n+1) + 1
}

// files tries one thing on the file system and logs what came of it.
func files(verb, arg string) {
	from, to, _ := strings.Cut(arg, " ")
	var err error
	switch verb {
	case "read":
		var data []byte
		data, err = os.ReadFile(arg)
		sdk.Log(abi.LogInfo, "read: "+string(data))
	case "list":
		var entries []os.DirEntry
		entries, err = os.ReadDir(arg)
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		sdk.Log(abi.LogInfo, "list: "+strings.Join(names, ","))
	case "stat":
		var info os.FileInfo
		if info, err = os.Stat(arg); err == nil {
			sdk.Log(abi.LogInfo, fmt.Sprintf("stat: %d", info.Size()))
		}
	case "lstat":
		_, err = os.Lstat(arg)
	case "readlink":
		_, err = os.Readlink(arg)
	case "write":
		err = os.WriteFile(from, []byte("evil"), 0o644)
	case "append":
		var f *os.File
		if f, err = os.OpenFile(arg, os.O_APPEND|os.O_WRONLY, 0o644); err == nil {
			_, err = f.WriteString("evil")
			f.Close()
		}
	case "rdwr":
		var f *os.File
		if f, err = os.OpenFile(arg, os.O_RDWR, 0); err == nil {
			f.Close()
		}
	case "truncate":
		err = os.Truncate(arg, 0)
	case "rdtrunc":
		var f *os.File
		if f, err = os.OpenFile(arg, os.O_RDONLY|os.O_TRUNC, 0); err == nil {
			f.Close()
		}
	case "rdcreate":
		var f *os.File
		if f, err = os.OpenFile(arg, os.O_RDONLY|os.O_CREATE, 0o644); err == nil {
			f.Close()
		}
	case "ftruncate":
		var f *os.File
		if f, err = os.Open(arg); err == nil {
			err = f.Truncate(0)
			f.Close()
		}
	case "remove":
		err = os.Remove(arg)
	case "mkdir":
		err = os.Mkdir(arg, 0o755)
	case "rename":
		err = os.Rename(from, to)
	case "link":
		err = os.Link(from, to)
	case "symlink":
		err = os.Symlink(from, to)
	case "chtimes":
		err = os.Chtimes(arg, time.Unix(1, 0), time.Unix(1, 0))
	case "big":
		var f *os.File
		if f, err = os.Create(arg); err == nil {
			_, err = f.WriteAt([]byte("x"), 2<<30)
			f.Close()
		}
	default:
		panic("probe: unknown act " + verb)
	}
	sdk.Log(abi.LogInfo, fmt.Sprintf("%s %s: %v", verb, arg, err))
}
