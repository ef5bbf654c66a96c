package reconcile

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
)

// DigestBytes is "sha256:" and the hex digest of data.
func DigestBytes(data []byte) string { return "sha256:" + hashOf(data) }

// Digest is "sha256:" and the hex digest of the value's canonical JSON: no
// spaces, keys in the order of their bytes, and equal numbers written alike,
// whatever their Go type. The value is anything that encoding/json takes.
func Digest(value any) (string, error) {
	d := newDigester()
	d.value(value)
	return d.sum()
}

// digester writes canonical JSON into a hash. Plans are large, so it walks the
// types that they are made of itself and leaves the rest to encoding/json.
type digester struct {
	hash hash.Hash
	out  *bufio.Writer
	err  error
	// scratch is for what is made of bytes on the way.
	scratch []byte
	// keys is a stack of the sorted keys of the maps that are being written.
	keys []string
}

func newDigester() *digester {
	h := sha256.New()
	return &digester{hash: h, out: bufio.NewWriterSize(h, 512)}
}

func (d *digester) sum() (string, error) {
	if d.err != nil {
		return "", d.err
	}
	if err := d.out.Flush(); err != nil { // a hash takes everything
		return "", err
	}
	return "sha256:" + hex.EncodeToString(d.hash.Sum(nil)), nil
}

func (d *digester) raw(text string) { _, _ = d.out.WriteString(text) } // the error sticks until Flush

func (d *digester) value(v any) {
	switch v := v.(type) {
	case nil:
		d.raw("null")
	case bool:
		d.raw(strconv.FormatBool(v))
	case string:
		d.text(v)
	case int:
		d.integer(int64(v))
	case int64:
		d.integer(v)
	case float64:
		d.float(v)
	case json.Number:
		d.number(v)
	case map[string]any:
		d.object(v)
	case []any:
		list(d, v, d.value)
	case []string:
		list(d, v, d.text)
	case []Resource:
		list(d, v, d.resource)
	default:
		d.other(v)
	}
}

func list[T any](d *digester, items []T, each func(T)) {
	if items == nil {
		d.raw("null")
		return
	}
	d.raw("[")
	for i, item := range items {
		if i > 0 {
			d.raw(",")
		}
		each(item)
	}
	d.raw("]")
}

func (d *digester) object(m map[string]any) {
	if m == nil {
		d.raw("null")
		return
	}
	start := len(d.keys)
	for key := range m {
		d.keys = append(d.keys, key)
	}
	end := len(d.keys)
	slices.Sort(d.keys[start:end])
	d.raw("{")
	for i := start; i < end; i++ {
		if i > start {
			d.raw(",")
		}
		key := d.keys[i]
		d.text(key)
		d.raw(":")
		d.value(m[key])
	}
	d.raw("}")
	d.keys = d.keys[:start]
}

func (d *digester) integer(i int64) {
	d.scratch = strconv.AppendInt(d.scratch[:0], i, 10)
	_, _ = d.out.Write(d.scratch) // the error sticks until Flush
}

func (d *digester) float(f float64) {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		d.fail(fmt.Errorf("%v is no JSON number", f))
	case f == math.Trunc(f) && math.Abs(f) < 1<<63:
		d.integer(int64(f))
	default:
		d.scratch = strconv.AppendFloat(d.scratch[:0], f, 'e', -1, 64)
		_, _ = d.out.Write(d.scratch) // the error sticks until Flush
	}
}

func (d *digester) number(n json.Number) {
	if i, err := n.Int64(); err == nil {
		d.integer(i)
		return
	}
	if u, err := strconv.ParseUint(n.String(), 10, 64); err == nil {
		d.raw(strconv.FormatUint(u, 10))
		return
	}
	f, err := n.Float64()
	if err != nil {
		d.fail(fmt.Errorf("%q is no JSON number", n.String()))
		return
	}
	d.float(f)
}

// text writes a JSON string. Bytes that are no UTF-8 are refused: encoding/json
// would make different strings alike.
func (d *digester) text(s string) {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			plain = false
			break
		}
	}
	if plain {
		d.raw(`"`)
		d.raw(s)
		d.raw(`"`)
		return
	}
	if err := validText(s); err != nil {
		d.fail(err)
		return
	}
	encoded, err := json.Marshal(s)
	if err != nil {
		d.fail(err)
		return
	}
	_, _ = d.out.Write(encoded) // the error sticks until Flush
}

// other turns a value into what JSON makes of it, and writes that.
func (d *digester) other(v any) {
	encoded, err := json.Marshal(v)
	if err != nil {
		d.fail(err)
		return
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	var plain any
	if err := decoder.Decode(&plain); err != nil {
		d.fail(err)
		return
	}
	d.value(plain)
}

func (d *digester) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// planDigest is the digest of a plan without its time.
func planDigest(plan *Plan) (string, error) {
	d := newDigester()
	d.raw(`{"actions":`)
	list(d, plan.Actions, d.action)
	d.raw(`,"config_path":`)
	d.text(plan.ConfigPath)
	d.raw(`,"metadata":`)
	d.object(plan.Metadata)
	d.raw(`,"resource_type":`)
	d.text(plan.ResourceType)
	d.raw(`,"summary":`)
	d.value([]any{plan.Summary.Creates, plan.Summary.Updates, plan.Summary.Deletes, plan.Summary.Skipped})
	d.raw(`,"warnings":`)
	list(d, plan.Warnings, d.text)
	d.raw("}")
	return d.sum()
}

func (d *digester) action(a Action) {
	d.raw(`{"action":`)
	d.text(string(a.Action))
	d.raw(`,"details":`)
	d.object(a.Details)
	d.raw(`,"name":`)
	d.text(a.Name)
	d.raw(`,"resource_type":`)
	d.text(a.ResourceType)
	d.raw("}")
}

// resource writes an object as its JSON tags say, all fields and in their order.
func (d *digester) resource(r Resource) {
	for i, field := range []struct{ key, text string }{
		{"address", r.Address},
		{"external_id", r.ExternalID},
		{"last_refreshed", r.LastRefreshed},
		{"mode", string(r.Mode)},
		{"name", r.Name},
		{"parent_address", r.ParentAddress},
		{"parent_id", r.ParentID},
		{"type", r.Type},
		{"unmanaged_reason", r.UnmanagedReason},
	} {
		if i == 0 {
			d.raw("{")
		} else {
			d.raw(",")
		}
		d.raw(`"` + field.key + `":`)
		d.text(field.text)
	}
	d.raw(`,"attributes":`)
	d.object(r.Attributes)
	d.raw("}")
}

// digestFields is the digest of named digests.
func digestFields(fields map[string]string) string {
	d := newDigester()
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		_, _ = io.WriteString(d.out, strconv.Quote(name)+":"+strconv.Quote(fields[name])+"\n") // the error sticks until Flush
	}
	sum, _ := d.sum() // nothing above can fail
	return sum
}
