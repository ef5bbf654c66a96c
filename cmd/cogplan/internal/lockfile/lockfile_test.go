package lockfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/lockfile"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

const digest = "sha256:a7c5b3602c5361cdc46094a9616f608d4d8692079b4bef1495f58ed7eca40115"

func sample() *lockfile.File {
	return &lockfile.File{
		Providers: []lockfile.Provider{
			{Name: "dns", Source: "./dns.wasm", Version: "1.0", Digest: digest, Allow: []string{"http https://a.example GET /${x}%{y}\"\n", "read ./in"}},
			{Name: "file", Source: "file", Digest: digest, Allow: []string{}},
		},
		Policies: []lockfile.Policy{{Path: "../shared", Digest: digest}},
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	dir := t.TempDir()
	if got, err := lockfile.Read(dir); got != nil || err != nil {
		t.Fatalf("no file is read as %v, %v", got, err)
	}
	if err := lockfile.Write(dir, sample()); err != nil {
		t.Fatal(err)
	}
	got, err := lockfile.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), got); diff != "" {
		t.Error(diff)
	}
	if again := string(got.Encode()); again != string(sample().Encode()) {
		t.Errorf("written again it is another file:\n%s", again)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files are left behind, %v", len(entries), err)
	}
}

func TestRefused(t *testing.T) {
	provider := func(more string) string {
		return "provider \"file\" {\n  source = \"file\"\n  digest = \"" + digest + "\"\n  allow = []\n" + more + "}\n"
	}
	for name, text := range map[string]string{
		"no HCL":           "provider {",
		"unknown argument": provider("trust = \"grant\"\n"),
		"unknown block":    provider("") + "module \"x\" {}\n",
		"computed":         strings.ReplaceAll(provider(""), `source = "file"`, `source = env("HOME")`),
		"reference":        strings.ReplaceAll(provider(""), `source = "file"`, `source = file.x`),
		"twice":            provider("") + provider(""),
		"short digest":     strings.ReplaceAll(provider(""), digest, "sha256:abc"),
		"no digest":        "provider \"file\" {\n  source = \"file\"\n  allow = []\n}\n",
		"argument twice":   provider("allow = []\n"),
	} {
		if got, err := lockfile.Decode([]byte(text)); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
	if _, err := lockfile.Decode([]byte(provider(""))); err != nil {
		t.Errorf("the control: %v", err)
	}
}

func TestReadRefusesALink(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "elsewhere")
	if err := os.WriteFile(target, sample().Encode(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, filepath.Join(dir, lockfile.Name)); err != nil {
		t.Skip(err)
	}
	if _, err := lockfile.Read(dir); err == nil {
		t.Error("a symbolic link was followed")
	}
}

// Every field of a grant shows in its lines: one that did not could be widened
// unseen.
func TestGrantsShowWhatIsWider(t *testing.T) {
	base, conn := reconcile.HTTPGrant{Origin: "https://a.example"}, reconcile.TCPGrant{Address: "a.example:1"}
	narrow := lockfile.Grants(reconcile.Grants{HTTP: []reconcile.HTTPGrant{base}, TCP: []reconcile.TCPGrant{conn}}, "")
	if diff := cmp.Diff([]string{"http https://a.example GET,HEAD /", "tcp a.example:1"}, narrow); diff != "" {
		t.Error(diff)
	}
	for name, widen := range map[string]func(*reconcile.Grants) string{
		"methods":    func(g *reconcile.Grants) string { g.HTTP[0].Methods = []string{"GET", "HEAD", "PUT"}; return "" },
		"paths":      func(g *reconcile.Grants) string { g.HTTP[0].Paths = []string{"/v1"}; return "" },
		"routes":     func(g *reconcile.Grants) string { g.HTTP[0].ReadRoutes = []string{"POST /search"}; return "" },
		"private":    func(g *reconcile.Grants) string { g.HTTP[0].Private = true; return "" },
		"credential": func(g *reconcile.Grants) string { g.HTTP[0].Credential = "key"; return "" },
		"tcp":        func(g *reconcile.Grants) string { g.TCP[0].Address = "a.example:2"; return "" },
		"tcp read":   func(g *reconcile.Grants) string { g.TCP[0].Read = true; return "" },
		"tcp inside": func(g *reconcile.Grants) string { g.TCP[0].Private = true; return "" },
		"tcp tls":    func(g *reconcile.Grants) string { g.TCP[0].TLS = true; return "" },
		"tcp reader": func(g *reconcile.Grants) string { g.TCP[0].ReadCredential = "key"; return "" },
		"ca":         func(g *reconcile.Grants) string { g.HTTP[0].CA = "ca.pem"; return "" },
		"tcp ca":     func(g *reconcile.Grants) string { g.TCP[0].CA = "ca.pem"; return "" },
		"tcp login":  func(g *reconcile.Grants) string { g.TCP[0].Credential = "key"; return "" },
		"read":       func(g *reconcile.Grants) string { g.Read = []string{"./in"}; return "" },
		"write":      func(g *reconcile.Grants) string { g.Write = []string{"./out"}; return "" },
		"env":        func(g *reconcile.Grants) string { g.Env = []string{"HOME"}; return "" },
		"trust":      func(*reconcile.Grants) string { return "grant" },
	} {
		g := reconcile.Grants{HTTP: []reconcile.HTTPGrant{base}, TCP: []reconcile.TCPGrant{conn}}
		trust := widen(&g)
		if cmp.Equal(narrow, lockfile.Grants(g, trust)) {
			t.Errorf("%s does not show", name)
		}
	}
}

// Two paths are not one with a comma in it.
func TestGrantsShowTheirBorders(t *testing.T) {
	lines := map[string][]string{}
	for _, paths := range [][]string{{"/a", "/b"}, {"/a,/b"}, {"/a", "/b private"}, {"/a,/b private"}, {`/a","/b`}} {
		line := lockfile.Grants(reconcile.Grants{HTTP: []reconcile.HTTPGrant{{Origin: "https://a.example", Paths: paths}}}, "")[0]
		if other, taken := lines[line]; taken {
			t.Errorf("%q and %q are both %s", paths, other, line)
		}
		lines[line] = paths
	}
}

func TestCompare(t *testing.T) {
	if got := lockfile.Compare(sample(), sample()); len(got) != 0 {
		t.Errorf("nothing differs, and %v is told", got)
	}
	now := sample()
	now.Providers[0].Allow = []string{"read ./in", "write ./in"}
	now.Providers[1].Name = "disk"
	now.Policies = nil
	var got []string
	for _, c := range lockfile.Compare(sample(), now) {
		got = append(got, c.What+" "+map[bool]string{true: "new"}[c.New]+map[bool]string{true: "gone"}[c.Gone]+" "+strings.Join(c.Lines, "|"))
	}
	want := []string{
		`policy "../shared" gone `,
		`provider "disk" new source file|digest ` + digest,
		`provider "dns"  - http https://a.example GET /${x}%{y}"` + "\n|+ write ./in",
		`provider "file" gone `,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(sample().Encode())
	f.Add([]byte("provider \"a\" {}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := lockfile.Decode(text)
		if err != nil {
			return
		}
		again, err := lockfile.Decode(file.Encode())
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if len(lockfile.Compare(file, again)) != 0 {
			t.Error("what was written is read as another file")
		}
	})
}
