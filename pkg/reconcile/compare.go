package reconcile

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// objectRules is an object type of the schema, ready to compare by.
type objectRules struct {
	attributes map[string]*ObjectAttribute
}

// rules returns the rules of a type. A type that is not described has none.
func (p *planner) rules(kind string) *objectRules {
	if rules, ok := p.types[kind]; ok {
		return rules
	}
	rules := newObjectRules(p.input.Schema.ObjectType(kind))
	p.types[kind] = rules
	return rules
}

func newObjectRules(t *ObjectType) *objectRules {
	rules := &objectRules{attributes: make(map[string]*ObjectAttribute)}
	if t == nil {
		return rules
	}
	for i := range t.Attributes {
		rules.attributes[t.Attributes[i].Name] = &t.Attributes[i]
	}
	return rules
}

func (r *objectRules) of(name string) ObjectAttribute {
	if attribute, ok := r.attributes[name]; ok {
		return *attribute
	}
	return ObjectAttribute{Name: name}
}

// immutable is the first of the changed paths that cannot be changed in place;
// empty if there is none.
func (r *objectRules) immutable(changed []string) string {
	for _, path := range changed {
		name := path
		if end := strings.IndexAny(path, ".["); end >= 0 {
			name = path[:end]
		}
		if r.of(name).Immutable {
			return path
		}
	}
	return ""
}

// differences are the sorted paths at which an object is not as desired. A value
// that is absent is null.
func (r *objectRules) differences(p *planner, desired, live *Resource) []string {
	var changed []string
	for name, want := range desired.Attributes {
		attribute := r.of(name)
		if attribute.Payload || want == nil && attribute.Computed {
			continue
		}
		have, told := live.Attributes[name]
		if !told && attribute.Sensitive && want != nil {
			// The world does not tell secrets; the record knows their hash.
			if !p.recordedAs(keyOf(desired), name, want) {
				changed = append(changed, pathOf("", name))
			}
			continue
		}
		changed = appendDifferences(changed, pathOf("", name), want, have, attribute.Unordered)
	}
	for name, have := range live.Attributes {
		if _, wanted := desired.Attributes[name]; wanted || have == nil {
			continue
		}
		if attribute := r.of(name); !attribute.Payload && !attribute.Computed {
			changed = append(changed, pathOf("", name))
		}
	}
	slices.Sort(changed)
	return changed
}

// appendDifferences adds the paths at which two values differ: into maps it
// looks, lists it takes as a whole.
func appendDifferences(changed []string, path string, want, have any, unordered bool) []string {
	wantMap, ok := want.(map[string]any)
	haveMap, both := have.(map[string]any)
	if !ok || !both {
		if !sameValue(want, have, unordered) {
			changed = append(changed, path)
		}
		return changed
	}
	for key, value := range wantMap {
		changed = appendDifferences(changed, pathOf(path, key), value, haveMap[key], false)
	}
	for key, value := range haveMap {
		if _, wanted := wantMap[key]; !wanted && value != nil {
			changed = append(changed, pathOf(path, key))
		}
	}
	return changed
}

// pathOf is the path of a key in what path leads to: a.b, a["b c"].
func pathOf(path, key string) string {
	if !plainKey(key) {
		return path + "[" + strconv.Quote(key) + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func plainKey(key string) bool {
	for i := range len(key) {
		c := key[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || i > 0 && (c >= '0' && c <= '9' || c == '-')) {
			return false
		}
	}
	return key != ""
}

// ignore leaves out what the author wants ignored: a path and all below it.
func (p *planner) ignore(changed []string) []string {
	ignored := p.input.Declaration.IgnoreChanges
	if len(ignored) == 0 {
		return changed
	}
	return slices.DeleteFunc(changed, func(path string) bool {
		return slices.ContainsFunc(ignored, func(prefix string) bool { return within(path, prefix) })
	})
}

func within(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && prefix != "" && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// drifted reports whether the world moved away from the record at one of the
// changed paths.
func (p *planner) drifted(live *Resource, changed []string) bool {
	recorded, ok := p.recorded[keyOf(live)]
	if !ok {
		return false
	}
	rules := p.rules(live.Type)
	for name, have := range live.Attributes {
		path := pathOf("", name)
		if !slices.ContainsFunc(changed, func(c string) bool { return within(c, path) }) {
			continue
		}
		if !p.sameAsRecorded(keyOf(live), name, have, recorded.Attributes[name], rules.of(name).Unordered) {
			return true
		}
	}
	return slices.ContainsFunc(changed, func(path string) bool {
		_, told := live.Attributes[path]
		return !told && recorded.Attributes[path] != nil && !rules.of(path).Sensitive
	})
}

// sameValue compares JSON values: numbers by value whatever their type, null
// like absent within objects, unordered lists as sets.
func sameValue(a, b any, unordered bool) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case string:
		other, ok := b.(string)
		return ok && a == other
	case bool:
		other, ok := b.(bool)
		return ok && a == other
	case map[string]any:
		other, ok := b.(map[string]any)
		return ok && sameMap(a, other)
	case []any:
		other, ok := b.([]any)
		if !ok {
			return sameOther(a, b)
		}
		if unordered {
			return sameSet(a, other)
		}
		return slices.EqualFunc(a, other, func(x, y any) bool { return sameValue(x, y, false) })
	default:
		if number, ok := numberOf(a); ok {
			other, also := numberOf(b)
			return also && number == other
		}
		return sameOther(a, b)
	}
}

func sameMap(a, b map[string]any) bool {
	for key, value := range a {
		if !sameValue(value, b[key], false) {
			return false
		}
	}
	for key, value := range b {
		if _, ok := a[key]; !ok && value != nil {
			return false
		}
	}
	return true
}

// sameOther compares values of a provider's own types by their JSON.
func sameOther(a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	return a != nil && b != nil && valueKey(a) == valueKey(b)
}

func sameSet(a, b []any) bool {
	members := make(map[string]bool, len(a))
	for _, item := range a {
		members[valueKey(item)] = false
	}
	for _, item := range b {
		if _, ok := members[valueKey(item)]; !ok {
			return false
		}
		members[valueKey(item)] = true
	}
	for _, found := range members {
		if !found {
			return false
		}
	}
	return true
}

// valueKey is equal for equal values.
func valueKey(v any) string {
	if text, ok := v.(string); ok {
		return "s" + text
	}
	digest, err := Digest(v)
	if err != nil {
		return "?" + reflect.TypeOf(v).String() + err.Error()
	}
	return digest
}

// number is an exact number: an integer where it is one.
type number struct {
	whole    int64
	fraction float64
	isWhole  bool
}

func numberOf(v any) (number, bool) {
	switch v := v.(type) {
	case int64:
		return number{whole: v, isWhole: true}, true
	case float64:
		return ofFloat(v), true
	case int:
		return number{whole: int64(v), isWhole: true}, true
	case json.Number:
		if whole, err := v.Int64(); err == nil {
			return number{whole: whole, isWhole: true}, true
		}
		fraction, err := v.Float64()
		return ofFloat(fraction), err == nil
	case nil, bool, string:
		return number{}, false
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Int8, reflect.Int16, reflect.Int32:
		return number{whole: r.Int(), isWhole: true}, true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if u := r.Uint(); u <= math.MaxInt64 {
			return number{whole: int64(u), isWhole: true}, true
		}
		return number{fraction: float64(r.Uint())}, true
	case reflect.Float32:
		return ofFloat(r.Float()), true
	default:
		return number{}, false
	}
}

func ofFloat(f float64) number {
	if f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		return number{whole: int64(f), isWhole: true}
	}
	return number{fraction: f}
}
