package policy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/open-policy-agent/opa/v1/bundle"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// A bundle is an archive of policies and data as OPA builds and signs it:
// https://www.openpolicyagent.org/docs/management-bundles. It is taken only with
// a signature that the module's key verifies, and only if it holds nothing but
// policies and data.

// maxBundleSize bounds the archive, and each file in it.
const maxBundleSize = maxTotalSize

// maxKeySize is more than any public key has in PEM.
const maxKeySize = 64 << 10

// bundleKeyID is what the one key is called; the archive does not choose.
const bundleKeyID = "policy"

// IsBundle reports whether the name is that of an archive.
func IsBundle(name string) bool {
	return strings.HasSuffix(name, ".tar.gz") || strings.HasSuffix(name, ".tgz")
}

// bundle reads an archive.
func (s *sources) bundle(name string) {
	archive, err := readBounded(name, maxBundleSize)
	if err != nil {
		s.mistake(name, err.Error(), "")
		return
	}
	if problem := strangeEntries(archive); problem != "" {
		s.mistake(name, problem, "build the bundle with `opa build`, of policies and data alone")
		return
	}
	files, err := verifiedFiles(archive, s.bundleKey)
	if err != nil {
		s.mistake(name, "the bundle is not trusted: "+err.Error(),
			"sign it with `opa sign` or `opa build --signing-key`, and name the public key in the policy block: key = \"/etc/policy.pem\"")
		return
	}
	s.digests[name] = reconcile.DigestBytes(archive)
	before := len(s.files)
	for _, f := range files {
		inner := strings.TrimPrefix(path.Clean("/"+f.Path), "/")
		file := File{Name: path.Join(name, inner), Text: string(f.Value)}
		if path.Base(inner) == dataName {
			s.addData(DataFile{File: file, At: dataAt(path.Dir(inner))})
			continue
		}
		s.add(file)
	}
	if len(s.files) == before {
		s.mistake(name, "the bundle holds no policy", "")
	}
}

func readBounded(name string, most int64) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("it has more than %d bytes", most)
	}
	return data, err
}

// strangeEntries says what an archive holds besides plain files of policies and
// data, each once; empty for nothing.
func strangeEntries(archive []byte) string {
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return "it is no gzip archive: " + err.Error()
	}
	seen := map[string]bool{}
	total := int64(0)
	for reader := tar.NewReader(unzipped); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return ""
		}
		if err != nil {
			return "it is no tar archive: " + err.Error()
		}
		clean := strings.TrimPrefix(path.Clean("/"+header.Name), "/")
		total += header.Size
		switch {
		case header.Typeflag == tar.TypeDir:
			continue
		case header.Typeflag != tar.TypeReg:
			return fmt.Sprintf("%q is a link or a special file", header.Name)
		case strings.Contains(header.Name, "..") || strings.Contains(header.Name, `\`):
			return fmt.Sprintf("the name %q leads elsewhere", header.Name)
		case seen[clean]:
			return fmt.Sprintf("%q stands in it twice", clean)
		case len(seen) >= maxFiles || total > maxTotalSize || header.Size > maxFileSize:
			return fmt.Sprintf("it has more than %d files, %d bytes, or %d bytes in one file", maxFiles, maxTotalSize, maxFileSize)
		case !expected(clean):
			return fmt.Sprintf("%q is neither a policy nor %s", clean, dataName)
		}
		seen[clean] = true
	}
}

func expected(name string) bool {
	switch base := path.Base(name); base {
	case dataName, ".manifest", ".signatures.json":
		return true
	default:
		return strings.HasSuffix(base, ".rego")
	}
}

// verifiedFiles are the files of an archive whose signature holds.
func verifiedFiles(archive []byte, keyFile string) ([]bundle.Raw, error) {
	if keyFile == "" {
		return nil, errors.New("no key is named that could verify its signature")
	}
	key, err := readBounded(keyFile, maxKeySize)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	algorithm, err := algorithmOf(key)
	if err != nil {
		return nil, err
	}
	config := bundle.NewVerificationConfig(map[string]*bundle.KeyConfig{
		bundleKeyID: {Key: string(key), Algorithm: algorithm},
	}, bundleKeyID, "", nil)
	found, err := bundle.NewReader(bytes.NewReader(archive)).
		WithBundleVerificationConfig(config).
		WithSizeLimitBytes(maxFileSize).
		WithLazyLoadingMode(true).
		Read()
	if err != nil {
		return nil, err
	}
	return found.Raw, nil
}

// algorithmOf is the one algorithm that signatures with a key are verified by.
// The key decides, not the archive: otherwise a public key could be taken for the
// secret of a symmetric one.
func algorithmOf(key []byte) (string, error) {
	block, rest := pem.Decode(key)
	if block == nil || block.Type != "PUBLIC KEY" || strings.TrimSpace(string(rest)) != "" {
		return "", errors.New("the key is not one public key in PEM (BEGIN PUBLIC KEY)")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("the key: %w", err)
	}
	switch parsed := parsed.(type) {
	case *rsa.PublicKey:
		if parsed.N.BitLen() < 2048 {
			return "", errors.New("the key is an RSA key of less than 2048 bits")
		}
		return "RS256", nil
	case *ecdsa.PublicKey:
		switch parsed.Curve.Params().BitSize {
		case 256:
			return "ES256", nil
		case 384:
			return "ES384", nil
		case 521:
			return "ES512", nil
		}
	}
	return "", errors.New("the key is neither RSA nor ECDSA on P-256, P-384 or P-521")
}
