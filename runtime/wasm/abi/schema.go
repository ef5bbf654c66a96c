package abi

import (
	"math"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// The keys of a schema are those of its JSON form; see [reconcile.Schema].
var (
	schemaKeys      = []string{"version", "resource", "data", "config", "objects"}
	blockKeys       = []string{"attributes", "blocks", "doc", "deprecated"}
	attributeKeys   = []string{"name", "type", "required", "optional", "computed", "sensitive", "default", "one_of", "pattern", "doc", "deprecated"}
	nestedKeys      = []string{"type", "nesting", "label", "min", "max", "block"}
	objectTypeKeys  = []string{"name", "attributes", "doc", "unique_ids"}
	objectFieldKeys = []string{"name", "computed", "sensitive", "immutable", "unordered", "payload", "doc", "recall"}
	nestings        = []string{string(reconcile.NestingSingle), string(reconcile.NestingList), string(reconcile.NestingMap)}
)

func (e *encoder) schema(s *reconcile.Schema) {
	e.header(true, true, s.Data != nil, s.Config != nil, true)
	e.int("version", int64(s.Version))
	e.key("resource")
	e.block(&s.Resource)
	if s.Data != nil {
		e.key("data")
		e.block(s.Data)
	}
	if s.Config != nil {
		e.key("config")
		e.block(s.Config)
	}
	e.key("objects")
	e.b = AppendArray(e.b, len(s.Objects))
	for i := range s.Objects {
		e.objectType(&s.Objects[i])
	}
}

// optional writes a key only where it says something.
func (e *encoder) optional(k, s string) {
	if s != "" {
		e.str(k, s)
	}
}

// flag writes a key only where it is true.
func (e *encoder) flag(k string, v bool) {
	if v {
		e.yes(k)
	}
}

func (e *encoder) block(b *reconcile.Block) {
	e.header(len(b.Attributes) > 0, len(b.Blocks) > 0, b.Doc != "", b.Deprecated != "")
	if len(b.Attributes) > 0 {
		e.key("attributes")
		e.b = AppendArray(e.b, len(b.Attributes))
		for i := range b.Attributes {
			e.attribute(&b.Attributes[i])
		}
	}
	if len(b.Blocks) > 0 {
		e.key("blocks")
		e.b = AppendArray(e.b, len(b.Blocks))
		for i := range b.Blocks {
			e.nested(&b.Blocks[i])
		}
	}
	e.optional("doc", b.Doc)
	e.optional("deprecated", b.Deprecated)
}

func (e *encoder) attribute(a *reconcile.Attribute) {
	e.header(true, true, a.Required, a.Optional, a.Computed, a.Sensitive, a.Default != nil,
		len(a.OneOf) > 0, a.Pattern != "", a.Doc != "", a.Deprecated != "")
	e.str("name", a.Name)
	e.str("type", a.Type)
	e.flag("required", a.Required)
	e.flag("optional", a.Optional)
	e.flag("computed", a.Computed)
	e.flag("sensitive", a.Sensitive)
	if a.Default != nil {
		e.value("default", a.Default)
	}
	if len(a.OneOf) > 0 {
		e.strings("one_of", a.OneOf)
	}
	e.optional("pattern", a.Pattern)
	e.optional("doc", a.Doc)
	e.optional("deprecated", a.Deprecated)
}

func (e *encoder) nested(n *reconcile.NestedBlock) {
	e.header(true, true, n.Label != "", n.Min != 0, n.Max != 0, true)
	e.str("type", n.Type)
	e.str("nesting", string(n.Nesting))
	e.optional("label", n.Label)
	if n.Min != 0 {
		e.int("min", int64(n.Min))
	}
	if n.Max != 0 {
		e.int("max", int64(n.Max))
	}
	e.key("block")
	e.block(&n.Block)
}

func (e *encoder) objectType(t *reconcile.ObjectType) {
	e.header(true, true, t.UniqueIDs, t.Doc != "")
	e.str("name", t.Name)
	e.flag("unique_ids", t.UniqueIDs)
	e.key("attributes")
	e.b = AppendArray(e.b, len(t.Attributes))
	for _, a := range t.Attributes {
		e.header(true, a.Computed, a.Sensitive, a.Recall, a.Immutable, a.Unordered, a.Payload, a.Doc != "")
		e.str("name", a.Name)
		e.flag("computed", a.Computed)
		e.flag("sensitive", a.Sensitive)
		e.flag("recall", a.Recall)
		e.flag("immutable", a.Immutable)
		e.flag("unordered", a.Unordered)
		e.flag("payload", a.Payload)
		e.optional("doc", a.Doc)
	}
	e.optional("doc", t.Doc)
}

func (d *Decoder) schema() reconcile.Schema {
	var s reconcile.Schema
	resource := false
	for i := range d.fields(schemaKeys, 0, 1, 4) {
		switch i {
		case 0:
			s.Version = d.Size(math.MaxInt32)
		case 1:
			s.Resource, resource = d.block(), true
		case 2:
			b := d.block()
			s.Data = &b
		case 3:
			b := d.block()
			s.Config = &b
		case 4:
			for range d.elements(MaxBatch) {
				s.Objects = append(s.Objects, d.objectType())
			}
		}
	}
	d.need(s.Version >= 1, "version")
	d.need(resource, "resource")
	return s
}

func (d *Decoder) block() reconcile.Block {
	var b reconcile.Block
	for i := range d.fields(blockKeys) {
		switch i {
		case 0:
			for range d.elements(MaxBatch) {
				b.Attributes = append(b.Attributes, d.attribute())
			}
		case 1:
			for range d.elements(MaxBatch) {
				b.Blocks = append(b.Blocks, d.nested())
			}
		case 2:
			b.Doc = d.String()
		case 3:
			b.Deprecated = d.String()
		}
	}
	return b
}

func (d *Decoder) attribute() reconcile.Attribute {
	var a reconcile.Attribute
	for i := range d.fields(attributeKeys) {
		d.attributeField(&a, i)
	}
	d.need(a.Name != "", "name")
	d.need(a.Type != "", "type")
	return a
}

func (d *Decoder) attributeField(a *reconcile.Attribute, i int) {
	switch i {
	case 0:
		a.Name = d.required("name")
	case 1:
		a.Type = d.required("type")
	case 2:
		a.Required = d.Bool()
	case 3:
		a.Optional = d.Bool()
	case 4:
		a.Computed = d.Bool()
	case 5:
		a.Sensitive = d.Bool()
	case 6:
		a.Default = d.Value()
	case 7:
		a.OneOf = d.Strings()
	case 8:
		a.Pattern = d.String()
	case 9:
		a.Doc = d.String()
	case 10:
		a.Deprecated = d.String()
	}
}

func (d *Decoder) nested() reconcile.NestedBlock {
	var n reconcile.NestedBlock
	block := false
	for i := range d.fields(nestedKeys) {
		switch i {
		case 0:
			n.Type = d.required("type")
		case 1:
			n.Nesting = reconcile.Nesting(d.oneOf(nestings))
		case 2:
			n.Label = d.String()
		case 3:
			n.Min = d.Size(math.MaxInt32)
		case 4:
			n.Max = d.Size(math.MaxInt32)
		case 5:
			n.Block, block = d.block(), true
		}
	}
	d.need(n.Type != "", "type")
	d.need(n.Nesting != "", "nesting")
	d.need(block, "block")
	return n
}

func (d *Decoder) objectType() reconcile.ObjectType {
	var t reconcile.ObjectType
	for i := range d.fields(objectTypeKeys, 0, 1) {
		switch i {
		case 0:
			t.Name = d.required("name")
		case 1:
			for range d.elements(MaxBatch) {
				t.Attributes = append(t.Attributes, d.objectField())
			}
		case 2:
			t.Doc = d.String()
		case 3:
			t.UniqueIDs = d.Bool()
		}
	}
	d.need(t.Name != "", "name")
	return t
}

func (d *Decoder) objectField() reconcile.ObjectAttribute {
	var a reconcile.ObjectAttribute
	for i := range d.fields(objectFieldKeys) {
		switch i {
		case 0:
			a.Name = d.required("name")
		case 1:
			a.Computed = d.Bool()
		case 2:
			a.Sensitive = d.Bool()
		case 3:
			a.Immutable = d.Bool()
		case 4:
			a.Unordered = d.Bool()
		case 5:
			a.Payload = d.Bool()
		case 6:
			a.Doc = d.String()
		case 7:
			a.Recall = d.Bool()
		}
	}
	d.need(a.Name != "", "name")
	return a
}
