package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/util"
	"github.com/rogpeppe/go-internal/testscript"
)

// signBundle builds a bundle of a folder as OPA does, and signs it: bundle folder
// archive key.pem. The key is made the first time; its secret stands beside it.
func signBundle(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: bundle folder archive key.pem")
	}
	folder, archive, key := ts.MkAbs(args[0]), ts.MkAbs(args[1]), ts.MkAbs(args[2])
	if _, err := os.Stat(key); err != nil {
		ts.Check(makeKey(key))
	}
	secret, err := os.ReadFile(key + ".secret")
	ts.Check(err)
	b := bundle.Bundle{Data: map[string]any{}}
	b.Manifest.Init()
	ts.Check(filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		if !strings.HasSuffix(name, ".rego") {
			return util.UnmarshalJSON(text, &b.Data)
		}
		parsed, err := ast.ParseModuleWithOpts(name, string(text), ast.ParserOptions{RegoVersion: ast.RegoV1})
		b.Modules = append(b.Modules, bundle.ModuleFile{URL: name, Path: "/" + name, Raw: text, Parsed: parsed})
		return err
	}))
	ts.Check(b.GenerateSignature(bundle.NewSigningConfig(string(secret), "ES256", ""), "", false))
	var out bytes.Buffer
	ts.Check(bundle.NewWriter(&out).DisableFormat(true).Write(b))
	ts.Check(os.WriteFile(archive, out.Bytes(), 0o600))
}

func makeKey(path string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".secret", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600)
}
