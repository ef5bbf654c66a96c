package wasm

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

type objectKey struct{ kind, name string }

type index map[objectKey]*reconcile.Resource

// configValue is what LoadConfig returns: the body and the desired objects.
type configValue struct {
	resource *Resource
	body     reconcile.Config
	desired  []reconcile.Resource
	index    index
	warnings []string
	sum      [sha256.Size]byte
	key      []byte
}

// Digest binds a review to the desired objects. It is keyed, because they may
// hold secrets that can be guessed.
func (c *configValue) Digest() string { return digest("config", c.key, c.sum) }

// liveValue is what FetchLive returns.
type liveValue struct {
	objects  []reconcile.Resource
	index    index
	outputs  map[string]any
	warnings []string
	sum      [sha256.Size]byte
	key      []byte
}

// Digest binds a review to the world that it was made for.
func (l *liveValue) Digest() string { return digest("live", l.key, l.sum) }

var (
	_ reconcile.Digester = (*configValue)(nil)
	_ reconcile.Digester = (*liveValue)(nil)
)

func digest(what string, key []byte, sum [sha256.Size]byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(what))
	mac.Write(sum[:])
	return "sha256:" + hex.EncodeToString(mac.Sum(nil))
}

// maxName is the longest name of an object, in bytes.
const maxName = 4096

// index checks what a guest says of objects, and orders it by type and name.
func (p *Provider) index(objects []reconcile.Resource) (index, error) {
	schema := &p.answer.Description.Schema
	types := map[string]bool{}
	out := make(index, len(objects))
	for i := range objects {
		o := &objects[i]
		if len(schema.Objects) > 0 && !types[o.Type] {
			if schema.ObjectType(o.Type) == nil {
				return nil, fmt.Errorf("it answers with an object of type %q, which its schema does not have", p.redactor.show(o.Type))
			}
			types[o.Type] = true
		}
		if len(o.Name) > maxName || strings.ContainsFunc(o.Name, unprintable) {
			return nil, fmt.Errorf("it answers with the object name %+q, which is too long or has invisible characters",
				clip(p.redactor.text(o.Name), 100))
		}
		key := objectKey{o.Type, o.Name}
		if out[key] != nil {
			return nil, fmt.Errorf("it answers with two objects of type %q and name %q", o.Type, clip(p.redactor.show(o.Name), 200))
		}
		out[key] = o
	}
	return out, nil
}

func unprintable(r rune) bool {
	if r >= ' ' && r <= '~' {
		return false
	}
	return sanitize(string(r)) == "" && r != ' ' && r != '\t' || r == '\n'
}
