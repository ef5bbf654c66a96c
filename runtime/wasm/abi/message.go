package abi

import (
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// encoder writes one message; the first mistake sticks.
type encoder struct {
	b   []byte
	err error
}

func (e *encoder) done() ([]byte, error) { return e.b, e.err }

func (e *encoder) key(k string) { e.b = AppendString(e.b, k) }

func (e *encoder) text(s string) {
	if e.err == nil && !utf8.ValidString(s) {
		e.err = &EncodeError{strconv.Quote(clip(s)) + " is not UTF-8"}
	}
	e.b = AppendString(e.b, s)
}

func (e *encoder) str(k, s string) { e.key(k); e.text(s) }

// yes writes a flag that is set; one that is not is left out.
func (e *encoder) yes(k string) { e.key(k); e.b = AppendBool(e.b, true) }

func (e *encoder) int(k string, v int64) { e.key(k); e.b = AppendInt(e.b, v) }

func (e *encoder) strings(k string, list []string) {
	e.key(k)
	e.b = AppendArray(e.b, len(list))
	for _, s := range list {
		e.text(s)
	}
}

// texts encodes a map of texts, in the order of its keys.
func (e *encoder) texts(k string, m map[string]string) {
	e.key(k)
	e.b = AppendMap(e.b, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		e.str(name, m[name])
	}
}

// texts decodes a map of texts.
func (d *Decoder) texts(what string) map[string]string {
	object := d.Object()
	m := make(map[string]string, len(object))
	for name, value := range object {
		text, ok := value.(string)
		if !ok {
			d.fail(what + ": " + name + " is no text")
			return nil
		}
		m[name] = text
	}
	return m
}

func (e *encoder) value(k string, v any) {
	e.key(k)
	if e.err != nil {
		return
	}
	var err error
	if e.b, err = AppendValue(e.b, v); err != nil {
		e.err = within(err, k)
	}
}

// header begins a map with as many keys as there are true conditions.
func (e *encoder) header(present ...bool) {
	n := 0
	for _, p := range present {
		if p {
			n++
		}
	}
	e.b = AppendMap(e.b, n)
}

// batch fails where more is sent at once than a message may hold.
func (e *encoder) batch(n int) {
	if e.err == nil && n > MaxBatch {
		e.err = &EncodeError{strconv.Itoa(n) + " in one batch, more than " + strconv.Itoa(MaxBatch)}
	}
}

// The keys of an object.
var objectKeys = []string{"type", "name", "id", "mode", "parent", "parent_id", "attrs", "why"}

// object writes what a guest may say of an object. Address and LastRefreshed
// are the host's and do not cross the boundary.
func (e *encoder) object(r *reconcile.Resource) {
	managed := r.Mode == "" || r.Mode == reconcile.ModeManaged
	e.header(true, true, r.ExternalID != "", !managed, r.ParentAddress != "",
		r.ParentID != "", len(r.Attributes) > 0, r.UnmanagedReason != "")
	e.str("type", r.Type)
	e.str("name", r.Name)
	if r.ExternalID != "" {
		e.str("id", r.ExternalID)
	}
	if !managed {
		e.str("mode", string(r.Mode))
	}
	if r.ParentAddress != "" {
		e.str("parent", r.ParentAddress)
	}
	if r.ParentID != "" {
		e.str("parent_id", r.ParentID)
	}
	if len(r.Attributes) > 0 {
		e.value("attrs", r.Attributes)
	}
	if r.UnmanagedReason != "" {
		e.str("why", r.UnmanagedReason)
	}
}

func (e *encoder) objects(k string, list []reconcile.Resource) {
	e.batch(len(list))
	e.key(k)
	e.b = AppendArray(e.b, len(list))
	for i := range list {
		e.object(&list[i])
		if e.err != nil {
			return
		}
	}
}

func (d *Decoder) object() reconcile.Resource {
	r := reconcile.Resource{Mode: reconcile.ModeManaged}
	for i := range d.fields(objectKeys) {
		switch i {
		case 0:
			r.Type = d.required("type")
		case 1:
			r.Name = d.required("name")
		case 2:
			r.ExternalID = d.String()
		case 3:
			r.Mode = d.mode()
		case 4:
			r.ParentAddress = d.String()
		case 5:
			r.ParentID = d.String()
		case 6:
			r.Attributes = d.Object()
		case 7:
			r.UnmanagedReason = d.String()
		}
	}
	d.need(r.Type != "", "type")
	d.need(r.Name != "", "name")
	return r
}

func (d *Decoder) mode() reconcile.ResourceMode {
	m := reconcile.ResourceMode(d.String())
	switch m {
	case reconcile.ModeManaged, reconcile.ModeUnmanaged, reconcile.ModeData:
		return m
	default:
		d.fail("the unknown mode " + strconv.Quote(clip(string(m))))
		return ""
	}
}

func (d *Decoder) objects() []reconcile.Resource {
	var list []reconcile.Resource
	for range d.elements(MaxBatch) {
		list = append(list, d.object())
	}
	return list
}

// required reads a string that may not be empty.
func (d *Decoder) required(key string) string {
	s := d.String()
	if s == "" {
		d.fail("an empty " + key)
	}
	return s
}

// need fails unless the key was there.
func (d *Decoder) need(ok bool, key string) {
	if !ok {
		d.fail("the key " + strconv.Quote(key) + " is missing")
	}
}

var effectKeys = []string{"capability", "operation", "target"}

func (e *encoder) effects(k string, list []reconcile.Effect) {
	e.key(k)
	e.effectList(list)
}

func (e *encoder) effectList(list []reconcile.Effect) {
	e.batch(len(list))
	e.b = AppendArray(e.b, len(list))
	for i := range list {
		e.b = AppendMap(e.b, 3)
		e.str("capability", list[i].Capability)
		e.str("operation", list[i].Operation)
		e.str("target", list[i].Target)
	}
}

func (d *Decoder) effectList() []reconcile.Effect {
	list := []reconcile.Effect{}
	for range d.elements(MaxBatch) {
		list = append(list, d.effect())
	}
	return list
}

func (d *Decoder) effect() reconcile.Effect {
	var f reconcile.Effect
	for i := range d.fields(effectKeys) {
		switch i {
		case 0:
			f.Capability = d.required("capability")
		case 1:
			f.Operation = d.required("operation")
		case 2:
			f.Target = d.required("target")
		}
	}
	d.need(f.Capability != "", "capability")
	d.need(f.Operation != "", "operation")
	d.need(f.Target != "", "target")
	return f
}
