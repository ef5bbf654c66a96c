package planfile

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// iterations of the key derivation: about a fifth of a second for each guess at
// all the secrets together.
const iterations = 600_000

// Key is derived from the salt of a file and the sensitive variables.
type Key struct {
	salt []byte
	key  []byte
}

// NewSalt returns the salt of a new file.
func NewSalt() string {
	var salt [32]byte
	_, _ = rand.Read(salt[:]) // it never fails
	return hex.EncodeToString(salt[:])
}

// Bind derives the key of a file from its salt and the digests of the sensitive
// variables by name. All of them together go through one slow derivation, so that
// whoever has the file can only guess them all at once, and slowly. Where there
// are none there is nothing to hide.
func Bind(salt string, secrets map[string]string) (Key, error) {
	raw, err := hex.DecodeString(salt)
	if err != nil || len(raw) != 32 {
		return Key{}, errors.New("its salt is damaged")
	}
	k := Key{salt: raw, key: raw}
	if len(secrets) == 0 {
		return k, nil
	}
	var all strings.Builder
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		fmt.Fprintf(&all, "%d:%s=%d:%s\n", len(name), name, len(secrets[name]), secrets[name])
	}
	k.key, err = pbkdf2.Key(sha256.New, all.String(), raw, iterations, sha256.Size)
	return k, err
}

// Binding is what the file keeps of the key.
func (k Key) Binding() Binding {
	return Binding{Salt: hex.EncodeToString(k.salt), Check: hex.EncodeToString(k.derive("check"))}
}

// Matches reports whether the key was derived from the variables that the file
// was made with.
func (k Key) Matches(binding Binding) bool {
	check, err := hex.DecodeString(binding.Check)
	return err == nil && hmac.Equal(check, k.derive("check"))
}

// ForDigests is the key of the digests in the file that cover secrets.
func (k Key) ForDigests() []byte { return k.derive("digests") }

func (k Key) derive(purpose string) []byte {
	mac := hmac.New(sha256.New, k.key)
	_, _ = mac.Write([]byte("cogplan plan " + purpose)) // a hash takes everything
	return mac.Sum(nil)
}
