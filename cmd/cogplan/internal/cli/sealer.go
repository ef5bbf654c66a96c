package cli

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"filippo.io/age"

	"github.com/cogplan/cogplan/runtime/wasm"
)

// The arguments of a state block that encrypt what providers need back.
const (
	argRecipients    = "recipients"
	argIdentityFile  = "identity_file"
	argIdentityEnv   = "identity_env"
	argPassphraseEnv = "passphrase_env"
)

// ageSealer encrypts with age, https://age-encryption.org/v1.
type ageSealer struct {
	recipients []age.Recipient
	// identities reads the keys when something is to be decrypted: a plan that needs
	// none of them does not ask for them.
	identities func() ([]age.Identity, error)
}

// newSealer is that of the arguments of a state block; nil where there are none.
func newSealer(config map[string]any, environ map[string]string) (wasm.Sealer, error) {
	if len(config) == 0 {
		return nil, nil //nolint:nilnil // nothing is encrypted
	}
	text := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(config)) {
		switch name {
		case argRecipients:
		case argIdentityFile, argIdentityEnv, argPassphraseEnv:
			value, ok := config[name].(string)
			if !ok || value == "" {
				return nil, fmt.Errorf("%s is a text", name)
			}
			text[name] = value
		default:
			return nil, fmt.Errorf("a state in files has no argument %q; it has %s, %s, %s and %s",
				name, argRecipients, argIdentityFile, argIdentityEnv, argPassphraseEnv)
		}
	}
	recipients, given := config[argRecipients]
	switch _, phrase := text[argPassphraseEnv]; {
	case phrase && (given || len(text) > 1):
		return nil, fmt.Errorf("%s goes with none of the others", argPassphraseEnv)
	case phrase:
		return passphraseSealer(text[argPassphraseEnv], environ)
	case !given:
		return nil, fmt.Errorf("it has no %s and no %s, so that nothing could be encrypted", argRecipients, argPassphraseEnv)
	}
	return recipientSealer(recipients, text, environ)
}

func passphraseSealer(name string, environ map[string]string) (wasm.Sealer, error) {
	phrase := environ[name]
	if phrase == "" {
		return nil, fmt.Errorf("the environment variable %s, which has the passphrase, is not set", name)
	}
	recipient, err := age.NewScryptRecipient(phrase)
	if err != nil {
		return nil, err
	}
	return &ageSealer{
		recipients: []age.Recipient{recipient},
		identities: func() ([]age.Identity, error) {
			identity, err := age.NewScryptIdentity(phrase)
			return []age.Identity{identity}, err
		},
	}, nil
}

func recipientSealer(list any, text map[string]string, environ map[string]string) (wasm.Sealer, error) {
	s := &ageSealer{}
	items, _ := list.([]any)
	for _, item := range items {
		key, _ := item.(string)
		recipients, err := age.ParseRecipients(strings.NewReader(key))
		if err != nil {
			return nil, fmt.Errorf("%q is no recipient of age: %w", key, err)
		}
		s.recipients = append(s.recipients, recipients...)
	}
	if len(s.recipients) == 0 {
		return nil, fmt.Errorf("%s is a list of recipients of age: \"age1…\", as age-keygen prints them", argRecipients)
	}
	file, env := text[argIdentityFile], text[argIdentityEnv]
	if file != "" && env != "" {
		return nil, fmt.Errorf("%s and %s are two places for one key", argIdentityFile, argIdentityEnv)
	}
	s.identities = func() ([]age.Identity, error) {
		switch {
		case file != "":
			key, err := os.Open(file)
			if err != nil {
				return nil, err
			}
			defer key.Close() //nolint:errcheck // it was only read
			return age.ParseIdentities(key)
		case env != "" && environ[env] == "":
			return nil, fmt.Errorf("the environment variable %s, which has the identity, is not set", env)
		case env != "":
			return age.ParseIdentities(strings.NewReader(environ[env]))
		default:
			return nil, fmt.Errorf("the state block has no %s and no %s: there is no key to decrypt with", argIdentityFile, argIdentityEnv)
		}
	}
	return s, nil
}

// Seal encrypts for all recipients.
func (s *ageSealer) Seal(plain []byte) (string, error) {
	var out bytes.Buffer
	in, err := age.Encrypt(&out, s.recipients...)
	if err != nil {
		return "", err
	}
	_, err = in.Write(plain)
	if err := errors.Join(err, in.Close()); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(out.Bytes()), nil
}

// Open decrypts with the key of this machine.
func (s *ageSealer) Open(sealed string) ([]byte, error) {
	identities, err := s.identities()
	if err != nil {
		return nil, err
	}
	data, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return nil, err
	}
	plain, err := age.Decrypt(bytes.NewReader(data), identities...)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(plain)
}
