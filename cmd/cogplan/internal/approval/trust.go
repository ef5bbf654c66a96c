package approval

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

const keyPrefix = "ed25519:"

// right is what a key may be used for.
type right string

// The rights. A line of a trust file that names none has the first.
const (
	rightApprove  right = "approve"
	rightOverride right = "override"
)

// Trust is who may do what: names, keys and rights.
type Trust struct {
	keys   []*publicKey
	names  map[string]string
	rights map[string][]right
}

// ReadTrust reads a trust file: on each line a name and a key, as keygen prints
// them, and perhaps what the key may be used for: approve, override, or both with
// a comma between them. One person may have several keys; a key belongs to one
// person.
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
	trust := &Trust{names: map[string]string{}, rights: map[string][]right{}}
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
	if len(fields) != 2 && len(fields) != 3 {
		return errors.New("it is not a name and a key, as in ada " + keyPrefix + "… (the whole key)")
	}
	rights := []right{rightApprove}
	if len(fields) == 3 {
		var err error
		if rights, err = parseRights(fields[2]); err != nil {
			return err
		}
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
	t.names[id], t.rights[id] = fields[0], rights
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

// CheckRights refuses what a trust file would not understand as what a key may be
// used for.
func CheckRights(text string) error {
	_, err := parseRights(text)
	return err
}

func parseRights(text string) ([]right, error) {
	var rights []right
	for word := range strings.SplitSeq(text, ",") {
		r := right(word)
		if r != rightApprove && r != rightOverride || slices.Contains(rights, r) {
			return nil, fmt.Errorf("%q is not what a key may be used for: %s, %s, or %[2]s,%[3]s", text, rightApprove, rightOverride)
		}
		rights = append(rights, r)
	}
	return rights, nil
}

// verifiers are the keys that have a right.
func (t *Trust) verifiers(r right) []dsse.Verifier {
	var out []dsse.Verifier
	for _, key := range t.keys {
		if slices.Contains(t.rights[keyID(key.key)], r) {
			out = append(out, key)
		}
	}
	return out
}

// explain says why a signature was not accepted.
func (t *Trust) explain(id string, r right) error {
	name, known := t.names[id]
	switch {
	case known && !slices.Contains(t.rights[id], r):
		return fmt.Errorf("it is signed with a key of %s that may not %s; the trust file says what each key may be used for", name, r)
	case known:
		return fmt.Errorf("its signature is not the one that %s gave: somebody changed it", name)
	default:
		return errors.New("it is signed with a key that is not in the trust file")
	}
}
