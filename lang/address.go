package lang

import (
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// address is a reference to a resource, a module or an object, with keys, as
// moved, removed and import blocks write it.
type address struct {
	modules    []moduleStep
	data       bool
	typ, name  string
	key        cty.Value // NilVal for none
	objectType string
	object     string
}

type moduleStep struct {
	name string
	key  cty.Value
}

func (a *address) isModule() bool { return a.typ == "" }

// String is the address of the resource or module, without the object.
func (a *address) String() string {
	var parts []string
	for _, m := range a.modules {
		parts = append(parts, "module."+m.name+keyText(m.key))
	}
	if !a.isModule() {
		own := a.typ + "." + a.name + keyText(a.key)
		if a.data {
			own = "data." + own
		}
		parts = append(parts, own)
	}
	return strings.Join(parts, ".")
}

// parseAddress reads an address; the text says what is wrong with it.
func parseAddress(t hcl.Traversal) (*address, string) {
	r := stepReader{steps: t}
	addr := &address{}
	for r.peek() == "module" {
		r.name()
		name := r.name()
		if name == "" {
			return nil, "A module's name follows the word module: module.network."
		}
		addr.modules = append(addr.modules, moduleStep{name: name, key: r.key()})
	}
	if r.done() && len(addr.modules) > 0 {
		return addr, ""
	}
	if addr.data = r.peek() == "data"; addr.data {
		r.name()
	}
	addr.typ, addr.name = r.name(), r.name()
	if addr.typ == "" || addr.name == "" {
		return nil, "An address of a resource has the provider's name and the resource's: file.site."
	}
	addr.key = r.key()
	if r.done() {
		return addr, ""
	}
	addr.objectType = r.name()
	if key := r.key(); key != cty.NilVal && key.Type() == cty.String {
		addr.object = key.AsString()
	}
	if addr.objectType == "" || addr.object == "" || !r.done() {
		return nil, "An address of an object has the object's type and its name in brackets: file.site.file[\"index.html\"]."
	}
	return addr, ""
}

// stepReader walks through the steps of a traversal.
type stepReader struct {
	steps hcl.Traversal
	at    int
}

func (r *stepReader) done() bool { return r.at >= len(r.steps) }

// peek is the name of the next step, or empty.
func (r *stepReader) peek() string {
	if r.done() {
		return ""
	}
	switch s := r.steps[r.at].(type) {
	case hcl.TraverseRoot:
		return s.Name
	case hcl.TraverseAttr:
		return s.Name
	}
	return ""
}

func (r *stepReader) name() string {
	name := r.peek()
	if name != "" {
		r.at++
	}
	return name
}

// key reads an index, if one follows.
func (r *stepReader) key() cty.Value {
	if r.done() {
		return cty.NilVal
	}
	if s, ok := r.steps[r.at].(hcl.TraverseIndex); ok {
		r.at++
		return s.Key
	}
	return cty.NilVal
}

// keyText is a key in brackets as an address shows it: ["eu"], [0].
func keyText(key cty.Value) string {
	switch {
	case key == cty.NilVal || key.IsNull() || !key.IsKnown():
		return ""
	case key.Type() == cty.String:
		return "[" + quoteKey(key.AsString()) + "]"
	case key.Type() == cty.Number:
		return "[" + key.AsBigFloat().Text('f', -1) + "]"
	default:
		return ""
	}
}

// quoteKey writes a key so that it reads back as the same key in HCL.
func quoteKey(s string) string {
	q := strconv.Quote(s)
	if !strings.Contains(q, "{") {
		return q
	}
	q = strings.ReplaceAll(q, "${", "$${")
	return strings.ReplaceAll(q, "%{", "%%{")
}
