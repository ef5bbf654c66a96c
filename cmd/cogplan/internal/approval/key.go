package approval

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// Key signs approvals. Its file is PEM with PKCS #8 inside, as OpenSSL writes it.
type Key struct{ private ed25519.PrivateKey }

var _ dsse.Signer = (*Key)(nil)

// pemType is that of a private key in PKCS #8.
const pemType = "PRIVATE KEY"

// Generate makes a key.
func Generate() (*Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return &Key{private}, nil
}

// Write puts the key into a new file that its owner alone can read.
func (k *Key) Write(path string) error {
	encoded, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there, and a key is never written over; name another file", path)
	}
	if err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	err = pem.Encode(file, &pem.Block{Type: pemType, Bytes: encoded})
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	return nil
}

// ReadKey reads a key, and refuses one that others can read.
func ReadKey(path string) (*Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others than you may read the key %s; take that from them (chmod 600), and think of a new key", path)
	}
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != pemType {
		return nil, fmt.Errorf("%s is no private key; make one with: cogplan approve keygen", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("%s is no Ed25519 key; make one with: cogplan approve keygen", path)
	}
	return &Key{private}, nil
}

// Sign signs data.
func (k *Key) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(k.private, data), nil
}

// KeyID identifies the key.
func (k *Key) KeyID() (string, error) { return keyID(k.public()), nil }

func (k *Key) public() ed25519.PublicKey {
	public, _ := k.private.Public().(ed25519.PublicKey)
	return public
}

// TrustLine is the line of a trust file for this key. What the key may be used for
// is empty, or as a trust file has it: approve, override, or both with a comma
// between them.
func (k *Key) TrustLine(name, may string) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	line := name + " " + keyPrefix + base64.StdEncoding.EncodeToString(k.public())
	if may == "" {
		return line, nil
	}
	if err := CheckRights(may); err != nil {
		return "", err
	}
	return line + " " + may, nil
}

func keyID(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// publicKey verifies signatures.
type publicKey struct{ key ed25519.PublicKey }

var _ dsse.Verifier = (*publicKey)(nil)

// Verify checks a signature.
func (k *publicKey) Verify(_ context.Context, data, sig []byte) error {
	if !ed25519.Verify(k.key, data, sig) {
		return errors.New("the signature is not of this key")
	}
	return nil
}

// KeyID identifies the key.
func (k *publicKey) KeyID() (string, error) { return keyID(k.key), nil }

// Public is the key itself.
func (k *publicKey) Public() crypto.PublicKey { return k.key }
