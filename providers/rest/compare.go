package main

import (
	"maps"
	"slices"
)

// project is what of a live value is declared: the keys of the shape, and of
// lists everything. What the server adds is left out.
func project(live, shape any) any {
	switch shape := shape.(type) {
	case map[string]any:
		m, ok := live.(map[string]any)
		if !ok {
			return live
		}
		out := map[string]any{}
		for key, inner := range shape {
			if v, ok := m[key]; ok {
				out[key] = project(v, inner)
			}
		}
		return out
	case []any:
		list, ok := live.([]any)
		if !ok || len(shape) == 0 {
			return live
		}
		out := make([]any, len(list))
		for i, v := range list {
			out[i] = project(v, shape[min(i, len(shape)-1)])
		}
		return out
	default:
		return live
	}
}

// fields are the declared fields of an item. A list without order that has the
// declared members is told in the declared order.
func (r *rest) fields(live, shape map[string]any) map[string]any {
	out := map[string]any{}
	for name, inner := range shape {
		if name == attrWriteOnly {
			continue
		}
		v, ok := live[name]
		if !ok {
			continue
		}
		want, isList := inner.([]any)
		have, both := v.([]any)
		if r.unordered[name] && isList && both && sameMembers(have, want) {
			out[name] = want
			continue
		}
		out[name] = project(v, inner)
	}
	return out
}

// sameMembers reports whether each of the wanted is there once, and no other.
func sameMembers(have, want []any) bool {
	if len(have) != len(want) {
		return false
	}
	left := slices.Clone(have)
	for _, w := range want {
		i := slices.IndexFunc(left, func(h any) bool { return same(project(h, w), w) })
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}

// same compares values: numbers by value, null like absent within objects.
func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		m, ok := b.(map[string]any)
		return ok && covers(a, m) && covers(m, a)
	case []any:
		list, ok := b.([]any)
		return ok && slices.EqualFunc(a, list, same)
	case nil, string, bool:
		return !isComposite(b) && a == b
	default:
		x, ok := number(a)
		y, both := number(b)
		return ok && both && x == y
	}
}

func isComposite(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func covers(a, b map[string]any) bool {
	for key, v := range a {
		if !same(v, b[key]) {
			return false
		}
	}
	return true
}

// merge lays one value over another: objects key by key, all else as a whole.
func merge(under, over any) any {
	a, ok := under.(map[string]any)
	b, both := over.(map[string]any)
	if !ok || !both {
		return over
	}
	out := map[string]any{}
	maps.Copy(out, a)
	for key, v := range b {
		out[key] = merge(a[key], v)
	}
	return out
}
