package reconcile

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
)

// A secret that changed is unknown to this run: what an object held before is
// told only where nothing says that it was a secret.

// secretive reports whether an attribute of an object is a secret, holds one, or
// held one when it was recorded.
func (p *planner) secretive(key objectKey, name string, desired *Resource) bool {
	if p.rules(key.kind).of(name).Sensitive || desired != nil && p.tellsSecret(desired.Attributes, name) {
		return true
	}
	recorded, ok := p.recorded[key]
	if !ok {
		return false
	}
	hash, ok := recorded.Attributes[name].(string)
	return ok && isHash(hash)
}

// tellsSecret reports whether an attribute holds a secret, or is the SHA-256 of
// one that does: by it the secret can be guessed.
func (p *planner) tellsSecret(attributes map[string]any, name string) bool {
	if p.holdsSecret(attributes[name]) {
		return true
	}
	digest, ok := attributes[name].(string)
	if !ok || len(digest) != hex.EncodedLen(sha256.Size) {
		return false
	}
	for other, value := range attributes {
		if text, ok := value.(string); ok && other != name && p.holdsSecret(text) && hashOf([]byte(text)) == digest {
			return true
		}
	}
	return false
}

// recordedHidden reports whether the state holds a hash of a live value. What
// was a secret when it was recorded may be told once it is as desired, and no
// secret.
func (p *planner) recordedHidden(live, desired *Resource, name string) bool {
	value := live.Attributes[name]
	switch {
	case value == nil:
		return false
	case p.holdsSecret(value):
		return true
	case !p.secretive(keyOf(live), name, desired):
		return false
	case p.rules(live.Type).of(name).Sensitive || desired == nil || p.tellsSecret(desired.Attributes, name):
		return true
	default:
		return !sameValue(value, desired.Attributes[name], false)
	}
}

// redactBefore is what a plan shows of an object as it is: of an attribute that
// is secretive, what a plan shows as desired too, and nothing else.
func (p *planner) redactBefore(live, desired *Resource) map[string]any {
	key := keyOf(live)
	rules := p.rules(live.Type)
	shown := p.redactAttributes(rules, live.Attributes)
	var after map[string]any
	for name, value := range shown {
		if value == nil || !p.secretive(key, name, desired) {
			continue
		}
		if after == nil && desired != nil {
			after = p.redactAttributes(rules, desired.Attributes)
		}
		shown[name] = hideUnlike(value, after[name])
	}
	return shown
}

// hideUnlike leaves of a value what the other one has at the same place. A map
// with a key that the other one lacks is hidden whole: the key may be a secret.
func hideUnlike(v, other any) any {
	m, isMap := v.(map[string]any)
	others, both := other.(map[string]any)
	switch {
	case v == nil:
		return nil
	case !isMap || !both:
		if reflect.DeepEqual(v, other) {
			return v
		}
		return SensitiveText
	}
	hidden := make(map[string]any, len(m))
	for key, value := range m {
		if _, known := others[key]; !known {
			return SensitiveText
		}
		hidden[key] = hideUnlike(value, others[key])
	}
	return hidden
}

// changedPaths are the paths that a plan names: in a secretive attribute only
// such as the desired object has and without secrets in them, and otherwise the
// attribute.
func (p *planner) changedPaths(c *change) []any {
	paths := make([]any, 0, len(c.changed))
	told := make(map[string]bool, len(c.changed))
	known := make(map[string]bool)
	for _, path := range c.changed {
		name, ok := attributeAt(path, c)
		if ok && p.secretive(c.key, name, c.desired) {
			whole := pathOf("", name)
			if !known[whole] {
				p.addPaths(known, whole, c.desired.Attributes[name])
			}
			if !known[path] {
				path = whole
			}
		}
		if !told[path] {
			told[path] = true
			paths = append(paths, path)
		}
	}
	return paths
}

// addPaths adds the paths of a value that can be told.
func (p *planner) addPaths(known map[string]bool, path string, v any) {
	known[path] = true
	m, ok := v.(map[string]any)
	if !ok {
		return
	}
	for key, value := range m {
		if !p.holdsSecret(key) {
			p.addPaths(known, pathOf(path, key), value)
		}
	}
}

// attributeAt is the attribute that a path leads into.
func attributeAt(path string, c *change) (name string, ok bool) {
	for _, attributes := range []map[string]any{c.desired.Attributes, c.live.Attributes} {
		for name := range attributes {
			if within(path, pathOf("", name)) {
				return name, true
			}
		}
	}
	return "", false
}
