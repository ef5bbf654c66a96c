// Package lockfile keeps what a module was trusted with: for each provider its
// source, version, digest and grants, and for each policy from elsewhere its
// digest.
//
// It compares and decides nothing: what is trusted is for a person to say, who is
// asked by `cogplan init`. It refuses a file that it does not understand whole.
package lockfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// Name is the file's name in the directory of a module. It is no part of the
// module.
const Name = "cogplan.lock.hcl"

// maxBytes bounds the file: a thousand providers fit.
const maxBytes = 1 << 20

// File is what a module was trusted with. The zero value trusts nothing.
type File struct {
	Providers []Provider `hcl:"provider,block"`
	Policies  []Policy   `hcl:"policy,block"`
}

// Provider is one provider that was trusted.
type Provider struct {
	// Name is the label of its block in the module.
	Name   string `hcl:"name,label"`
	Source string `hcl:"source"`
	// Version is what the provider calls itself; people read it, and the digest
	// decides.
	Version string `hcl:"version,optional"`
	// Digest is "sha256:" and the hex digest of the WebAssembly module.
	Digest string `hcl:"digest"`
	// Allow are the grants, one in each line; see [Grants].
	Allow []string `hcl:"allow"`
}

// Policy is a policy from outside of the module that was trusted.
type Policy struct {
	// Path is as the module writes it.
	Path string `hcl:"path,label"`
	// Digest is "sha256:" and a hex digest over all that the path holds.
	Digest string `hcl:"digest"`
}

var digest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// Read reads the lock file of a module. It returns nil without an error where
// there is none.
func Read(dir string) (*File, error) {
	path := filepath.Join(dir, Name)
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the lock file: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("read the lock file: %s is not a regular file", path)
	case info.Size() > maxBytes:
		return nil, fmt.Errorf("read the lock file: %s is larger than %d bytes", path, maxBytes)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the lock file: %w", err)
	}
	return Decode(text)
}

// Decode reads the text of a lock file.
func Decode(text []byte) (*File, error) {
	parsed, diags := hclparse.NewParser().ParseHCL(text, Name)
	if diags.HasErrors() {
		return nil, damaged(diags)
	}
	var f File
	// Without a context nothing in it can be computed.
	if diags := gohcl.DecodeBody(parsed.Body, nil, &f); diags.HasErrors() {
		return nil, damaged(diags)
	}
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("the lock file %s: %w", Name, err)
	}
	return &f, nil
}

// damaged is the first mistake, with its place.
func damaged(diags hcl.Diagnostics) error {
	d := diags[0]
	at := Name
	if d.Subject != nil {
		at = fmt.Sprintf("%s:%d", Name, d.Subject.Start.Line)
	}
	return fmt.Errorf("the lock file cannot be used: %s: %s; %s", at, d.Summary, strings.TrimSuffix(d.Detail, "."))
}

func (f *File) check() error {
	seen := map[string]bool{}
	for _, p := range f.Providers {
		if seen["provider "+p.Name] {
			return fmt.Errorf("provider %q stands in it twice", p.Name)
		}
		seen["provider "+p.Name] = true
		if !digest.MatchString(p.Digest) {
			return fmt.Errorf("the digest of provider %q is none", p.Name)
		}
	}
	for _, p := range f.Policies {
		if seen["policy "+p.Path] {
			return fmt.Errorf("policy %q stands in it twice", p.Path)
		}
		seen["policy "+p.Path] = true
		if !digest.MatchString(p.Digest) {
			return fmt.Errorf("the digest of policy %q is none", p.Path)
		}
	}
	return nil
}

const header = `# What this module trusts: written by "cogplan init", to be kept with the module.
# A provider or policy that is not as it stands here is refused.

`

// Encode is the text of the file, in the order of the names.
func (f *File) Encode() []byte {
	out := hclwrite.NewEmptyFile()
	body := out.Body()
	providers := slices.SortedFunc(slices.Values(f.Providers), func(a, b Provider) int { return strings.Compare(a.Name, b.Name) })
	for i, p := range providers {
		if i > 0 {
			body.AppendNewline()
		}
		inner := body.AppendNewBlock("provider", []string{p.Name}).Body()
		inner.SetAttributeValue("source", cty.StringVal(p.Source))
		inner.SetAttributeValue("version", cty.StringVal(p.Version))
		inner.SetAttributeValue("digest", cty.StringVal(p.Digest))
		inner.SetAttributeRaw("allow", lines(p.Allow))
	}
	policies := slices.SortedFunc(slices.Values(f.Policies), func(a, b Policy) int { return strings.Compare(a.Path, b.Path) })
	for i, p := range policies {
		if i > 0 || len(providers) > 0 {
			body.AppendNewline()
		}
		body.AppendNewBlock("policy", []string{p.Path}).Body().SetAttributeValue("digest", cty.StringVal(p.Digest))
	}
	return append([]byte(header), hclwrite.Format(out.Bytes())...)
}

// lines writes a list with a line for each element, so that a difference in
// version control shows one grant.
func lines(elems []string) hclwrite.Tokens {
	if len(elems) == 0 {
		return hclwrite.TokensForValue(cty.ListValEmpty(cty.String))
	}
	var text strings.Builder
	text.WriteString("[\n")
	for _, e := range elems {
		text.Write(hclwrite.TokensForValue(cty.StringVal(e)).Bytes())
		text.WriteString(",\n")
	}
	text.WriteString("]")
	return hclwrite.Tokens{{Bytes: []byte(text.String())}}
}

// Write puts the lock file in its place, whole or not at all.
func Write(dir string, f *File) (err error) {
	if err := f.check(); err != nil {
		return fmt.Errorf("write the lock file: %w", err)
	}
	file, err := os.CreateTemp(dir, ".cogplan-lock-*.tmp")
	if err != nil {
		return fmt.Errorf("write the lock file: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write the lock file: %w", err), os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(f.Encode())
	if err := errors.Join(err, file.Chmod(0o644), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), filepath.Join(dir, Name))
}
