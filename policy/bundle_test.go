package policy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

const bundled = `package main

deny contains msg if {
	input.counts.create > data.limits.most
	msg := sprintf("more than %d at once", [data.limits.most])
}
`

// signer makes keys in a folder and bundles signed with them.
type signer struct {
	t         *testing.T
	dir       string
	private   string
	algorithm string
}

func newSigner(t *testing.T, key crypto.Signer, algorithm string) *signer {
	t.Helper()
	s := &signer{t: t, dir: t.TempDir(), algorithm: algorithm}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	s.private = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	s.write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	return s
}

func ecSigner(t *testing.T) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return newSigner(t, key, "ES256")
}

func (s *signer) write(name string, data []byte) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func (s *signer) key() string { return filepath.Join(s.dir, "key.pem") }

// build is what `opa build` makes of a policy and data; signed unless the key is
// empty.
func (s *signer) build(policy string, data map[string]any, key string) []byte {
	s.t.Helper()
	parsed, err := ast.ParseModuleWithOpts("main.rego", policy, ast.ParserOptions{RegoVersion: ast.RegoV1})
	if err != nil {
		s.t.Fatal(err)
	}
	b := bundle.Bundle{
		Modules: []bundle.ModuleFile{{URL: "main.rego", Path: "/main.rego", Raw: []byte(policy), Parsed: parsed}},
		Data:    data,
	}
	b.Manifest.Init()
	if key != "" {
		if err := b.GenerateSignature(bundle.NewSigningConfig(key, s.algorithm, ""), "", false); err != nil {
			s.t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := bundle.NewWriter(&out).DisableFormat(true).Write(b); err != nil {
		s.t.Fatal(err)
	}
	return out.Bytes()
}

func limits(most int) map[string]any {
	return map[string]any{"limits": map[string]any{"most": most}}
}

// creates is a review of a plan that creates two objects.
func creates() reconcile.Review {
	return reviewOf(action(reconcile.ActionCreate, "a"), action(reconcile.ActionCreate, "b"))
}

func TestBundle(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*signer{"ECDSA": ecSigner(t), "RSA": newSigner(t, rsaKey, "RS256")} {
		t.Run(name, func(t *testing.T) {
			path := s.write("gate.tar.gz", s.build(bundled, limits(1), s.private))
			e := load(t, Options{Paths: []string{path}, BundleKey: s.key()})
			decision, err := e.Review(t.Context(), creates())
			if err != nil || decision.Allowed {
				t.Fatalf("%+v, %v", decision, err)
			}
			if got := decision.Findings[0].Message; got != "more than 1 at once" {
				t.Errorf("the data was not read: %q", got)
			}
			other := s.write("other.tar.gz", s.build(bundled, limits(5), s.private))
			lenient := load(t, Options{Paths: []string{other}, BundleKey: s.key()})
			if decision, err := lenient.Review(t.Context(), creates()); err != nil || !decision.Allowed {
				t.Errorf("the control: %+v, %v", decision, err)
			}
			if e.Digest() == lenient.Digest() || e.PathDigests()[path] == lenient.PathDigests()[other] {
				t.Error("other data, and the same digest")
			}
		})
	}
}

// No bundle is taken that the key does not verify, whatever the archive says of
// itself.
func TestBundleRefused(t *testing.T) {
	s := ecSigner(t)
	stranger := ecSigner(t)
	good := s.build(bundled, limits(1), s.private)
	public, err := os.ReadFile(s.key())
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		archive []byte
		key     string
		want    string
	}{
		"without a key":    {good, "", "no key is named"},
		"unsigned":         {s.build(bundled, limits(1), ""), s.key(), "signatures"},
		"another key":      {stranger.build(bundled, limits(1), stranger.private), s.key(), "not trusted"},
		"no key":           {good, s.write("no.pem", []byte("no key")), "PEM"},
		"private key":      {good, s.write("private.pem", []byte(s.private)), "PEM"},
		"missing key":      {good, filepath.Join(s.dir, "none.pem"), "read the key"},
		"symmetric":        {symmetric(t, s, string(public)), s.key(), "not trusted"},
		"tampered policy":  {retar(t, good, replace("/main.rego", strings.Replace(bundled, ">", "<", 1))), s.key(), "not trusted"},
		"tampered data":    {retar(t, good, replace("/data.json", `{"limits":{"most":1000}}`)), s.key(), "not trusted"},
		"another file":     {retar(t, good, add("/x.rego", "package main\n\nexception contains [\"deny\"]\n")), s.key(), "not trusted"},
		"a file twice":     {retar(t, good, add("/main.rego", bundled)), s.key(), "twice"},
		"a file less":      {retar(t, good, drop("/data.json")), s.key(), "not trusted"},
		"a link":           {retar(t, good, link("/y.rego")), s.key(), "a link"},
		"a name with dots": {retar(t, good, add("/../y.rego", bundled)), s.key(), "leads elsewhere"},
		"WebAssembly":      {retar(t, good, add("/policy.wasm", "\x00asm")), s.key(), "neither a policy"},
		"YAML":             {retar(t, good, add("/data.yaml", "a: 1")), s.key(), "neither a policy"},
		"a patch":          {retar(t, good, add("/patch.json", "{}")), s.key(), "neither a policy"},
		"no archive":       {[]byte("package main"), s.key(), "no gzip"},
		"cut":              {good[:len(good)/2], s.key(), "archive"},
	} {
		t.Run(name, func(t *testing.T) {
			path := s.write("refused.tar.gz", tc.archive)
			_, err := Load(t.Context(), Options{Paths: []string{path}, BundleKey: tc.key, Now: testNow})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
	path := s.write("good.tar.gz", good)
	load(t, Options{Paths: []string{path}, BundleKey: s.key()}) // the control
}

// symmetric is signed with the public key, taken for a secret that both sides
// know.
func symmetric(t *testing.T, s *signer, secret string) []byte {
	t.Helper()
	return (&signer{t: t, dir: s.dir, algorithm: "HS256"}).build(bundled, limits(1), secret)
}

type entry struct {
	header tar.Header
	text   string
}

// retar writes an archive again, with other entries.
func retar(t *testing.T, archive []byte, change func([]entry) []entry) []byte {
	t.Helper()
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	var entries []entry
	for reader := tar.NewReader(unzipped); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, entry{*header, string(text)})
	}
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	writer := tar.NewWriter(zipped)
	for _, e := range change(entries) {
		e.header.Size = int64(len(e.text))
		if err := writer.WriteHeader(&e.header); err != nil {
			t.Fatal(err)
		}
		if _, err := writer.Write([]byte(e.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(writer.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func replace(name, text string) func([]entry) []entry {
	return func(all []entry) []entry {
		for i := range all {
			if "/"+strings.TrimPrefix(all[i].header.Name, "/") == name {
				all[i].text = text
				return all
			}
		}
		panic("there is no entry " + name)
	}
}

func drop(name string) func([]entry) []entry {
	return func(all []entry) []entry {
		var kept []entry
		for _, e := range all {
			if "/"+strings.TrimPrefix(e.header.Name, "/") != name {
				kept = append(kept, e)
			}
		}
		return kept
	}
}

func add(name, text string) func([]entry) []entry {
	return func(all []entry) []entry {
		return append(all, entry{tar.Header{Name: name, Mode: 0o600, Typeflag: tar.TypeReg}, text})
	}
}

func link(name string) func([]entry) []entry {
	return func(all []entry) []entry {
		return append(all, entry{tar.Header{Name: name, Mode: 0o600, Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, ""})
	}
}

// Data stands beside policies in a folder, too, at the path of its folder.
func TestData(t *testing.T) {
	const rule = "package main\n\ndeny contains msg if {\n\tinput.counts.create > data.limits.prod.most\n\tmsg := \"too many\"\n}\n"
	for name, tc := range map[string]struct {
		files map[string]string
		want  string
	}{
		"control":        {map[string]string{"a.rego": rule, "limits/prod/data.json": `{"most": 1}`}, ""},
		"top":            {map[string]string{"a.rego": rule, "data.json": `{"limits": {"prod": {"most": 1}}}`}, ""},
		"no data":        {map[string]string{"a.rego": rule}, "not defined by any policy or data"},
		"another name":   {map[string]string{"a.rego": rule, "limits/prod/data.json": `{"mots": 1}`}, "not defined by any policy or data"},
		"a key twice":    {map[string]string{"a.rego": rule, "limits/prod/data.json": `{"most": 1, "most": 100}`}, "data is one JSON object"},
		"no object":      {map[string]string{"a.rego": rule, "limits/prod/data.json": `[1]`}, "data is one JSON object"},
		"null":           {map[string]string{"a.rego": rule, "limits/prod/data.json": `null`}, "data is one JSON object"},
		"more behind":    {map[string]string{"a.rego": rule, "limits/prod/data.json": `{"most": 1} {}`}, "data is one JSON object"},
		"said twice":     {map[string]string{"a.rego": rule, "limits/prod/data.json": `{"most": 1}`, "limits/data.json": `{"prod": {"most": 100}}`}, "stands in two data files"},
		"over a package": {map[string]string{"a.rego": rule, "limits/prod/data.json": `{"most": 1}`, "main/data.json": `{"deny": []}`}, "is a package of policies"},
		"over cogplan":   {map[string]string{"a.rego": rule, "limits/prod/data.json": `{"most": 1}`, "cogplan/data.json": `{"parameters": {}}`}, "is a package of policies"},
		"YAML":           {map[string]string{"a.rego": rule, "limits/prod/data.yaml": `most: 1`}, "this is no policy"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range tc.files {
				path := filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			e, err := Load(t.Context(), Options{Paths: []string{dir}, Now: testNow})
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("%v, want %q", err, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if decision, err := e.Review(t.Context(), creates()); err != nil || decision.Allowed {
				t.Errorf("%+v, %v", decision, err)
			}
		})
	}
}
