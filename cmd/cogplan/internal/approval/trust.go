package approval

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

const keyPrefix = "ed25519:"

// Trust is who may approve: names and keys.
type Trust struct {
	keys  []*publicKey
	names map[string]string
}

// ReadTrust reads a trust file: on each line a name and a key, as keygen prints
// them. One person may have several keys; a key belongs to one person.
func ReadTrust(path string) (*Trust, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the trust file: %w", err)
	}
	trust, err := ParseTrust(string(data))
	if err != nil {
		return nil, fmt.Errorf("the trust file %s: %w", path, err)
	}
	return trust, nil
}

// ParseTrust reads the text of a trust file.
func ParseTrust(text string) (*Trust, error) {
	trust := &Trust{names: map[string]string{}}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := trust.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	if len(trust.keys) == 0 {
		return nil, errors.New("it holds no key, so nobody could approve anything")
	}
	return trust, nil
}

func (t *Trust) line(line string) error {
	fields := strings.Fields(line)
	if len(fields) != 2 {
		return errors.New("it is not a name and a key, as in ada " + keyPrefix + "… (the whole key)")
	}
	if err := checkName(fields[0]); err != nil {
		return err
	}
	encoded, ok := strings.CutPrefix(fields[1], keyPrefix)
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil || len(raw) != ed25519.PublicKeySize {
		return fmt.Errorf("%q is no key: it is %s and 32 bytes in base64", fields[1], keyPrefix)
	}
	key := &publicKey{raw}
	id := keyID(key.key)
	if other, there := t.names[id]; there {
		return fmt.Errorf("the key of %q is that of %q already", fields[0], other)
	}
	t.names[id] = fields[0]
	t.keys = append(t.keys, key)
	return nil
}

// checkName refuses names that two people could take for another one.
func checkName(name string) error {
	bad := func(c rune) bool { return c > unicode.MaxASCII || !unicode.IsPrint(c) || c == ' ' || c == '#' }
	if name == "" || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%q is no name: it has printable ASCII characters without spaces", name)
	}
	return nil
}

func (t *Trust) verifiers() []dsse.Verifier {
	out := make([]dsse.Verifier, len(t.keys))
	for i, key := range t.keys {
		out[i] = key
	}
	return out
}

// explain says why a signature was not accepted.
func (t *Trust) explain(id string) error {
	if name, ok := t.names[id]; ok {
		return fmt.Errorf("its signature is not the one that %s gave: somebody changed it", name)
	}
	return errors.New("it is signed with a key that is not in the trust file")
}
