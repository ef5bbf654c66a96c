package reconcile

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// SensitiveText stands for a value that is not shown.
	SensitiveText = "(sensitive value)"
	// longestShown is the most of one string that a plan shows; of more it says
	// how much, and its digest.
	longestShown = 64 << 10
	hashPrefix   = "hmac-sha256:"
)

// redactAttributes is what a plan shows of an object: JSON values without
// secrets.
func (p *planner) redactAttributes(rules *objectRules, attributes map[string]any) map[string]any {
	shown := make(map[string]any, len(attributes))
	for name, value := range attributes {
		if value != nil && (rules.of(name).Sensitive || p.tellsSecret(attributes, name) && !isContainer(value)) {
			shown[name] = SensitiveText
			continue
		}
		shown[name] = p.redactValue(value)
	}
	return shown
}

// isContainer reports whether parts of a value can be shown.
func isContainer(v any) bool {
	switch v.(type) {
	case []any, map[string]any:
		return true
	default:
		return false
	}
}

func (p *planner) redactValue(v any) any {
	switch v := v.(type) {
	case string:
		return p.redactText(v)
	case []byte:
		return summarize(string(v))
	case []any:
		shown := make([]any, len(v))
		for i := range v {
			shown[i] = p.redactValue(v[i])
		}
		return shown
	case map[string]any:
		shown := make(map[string]any, len(v))
		for key, value := range v {
			if p.redactText(key) != key {
				// Not even the number of such keys is shown.
				return SensitiveText
			}
			shown[key] = p.redactValue(value)
		}
		return shown
	default:
		if p.holdsSecret(v) {
			return SensitiveText
		}
		return v
	}
}

// redactText is the text, if it holds no secret and can be shown.
func (p *planner) redactText(text string) string {
	if p.input.Redact != nil {
		if _, secret := p.input.Redact(text); secret {
			return SensitiveText
		}
	}
	if len(text) > longestShown || !utf8.ValidString(text) {
		return summarize(text)
	}
	return text
}

// numberText is how a number stands among the secrets of a run.
func numberText(v any) (text string, ok bool) {
	n, ok := numberOf(v)
	switch {
	case !ok:
		return "", false
	case n.isWhole:
		return strconv.FormatInt(n.whole, 10), true
	default:
		return strconv.FormatFloat(n.fraction, 'f', -1, 64), true
	}
}

func summarize(text string) string {
	return fmt.Sprintf("(%d bytes, sha256:%s)", len(text), hashOf([]byte(text)))
}

// recordedAs reports whether the state says that a sensitive attribute has the
// wanted value.
func (p *planner) recordedAs(key objectKey, name string, want any) bool {
	recorded, ok := p.recorded[key]
	if !ok {
		return false
	}
	hash, ok := recorded.Attributes[name].(string)
	return ok && isHash(hash) && hash == hashValue(p.hashKey(), key, name, want)
}

// sameAsRecorded compares a live value with the recorded one, which may be a hash.
func (p *planner) sameAsRecorded(key objectKey, name string, have, recorded any, unordered bool) bool {
	if hash, ok := recorded.(string); ok && isHash(hash) {
		return hash == hashValue(p.hashKey(), key, name, have)
	}
	return sameValue(have, recorded, unordered)
}

func (p *planner) hashKey() []byte { return hashKeyFor(p.input.HashKey, p.input.State) }

// hashKeyFor falls back to the lineage where there is no key: that hides a value
// from readers, and not from somebody who can guess it.
func hashKeyFor(key []byte, state *State) []byte {
	if len(key) == 0 && state != nil {
		return []byte(state.Lineage)
	}
	return key
}

// RecordedAs reports whether a state says, by the hash that it holds, that an
// attribute of one of its objects has a value. The key is that of
// [FileStore.HashKey]; without one the lineage is. It is false where the state has
// no hash there.
func RecordedAs(state *State, key []byte, object *Resource, attribute string, value any) bool {
	hash, ok := object.Attributes[attribute].(string)
	return ok && isHash(hash) && hash == hashValue(hashKeyFor(key, state), keyOf(object), attribute, value)
}

func isHash(text string) bool {
	return strings.HasPrefix(text, hashPrefix) && len(text) == len(hashPrefix)+2*sha256.Size
}

// hashValue is the keyed hash that stands for a value in the state. It covers
// the object and the attribute, so that equal secrets do not look alike.
func hashValue(key []byte, object objectKey, attribute string, value any) string {
	digest, err := Digest(value)
	if err != nil {
		// What has no JSON form is stored nowhere; any text but a hash will do.
		return "unhashable"
	}
	mac := hmac.New(sha256.New, key)
	for _, part := range []string{object.kind, object.name, attribute, digest} {
		_, _ = fmt.Fprintf(mac, "%d:%s,", len(part), part) // a hash takes everything
	}
	return hashPrefix + hex.EncodeToString(mac.Sum(nil))
}
