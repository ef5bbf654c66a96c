package jsonvalue

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Pointer is a JSON pointer, RFC 6901: the keys and positions that lead to a
// value. The empty one is the whole value.
type Pointer []string

// ParsePointer reads "/a/0/b~1c".
func ParsePointer(text string) (Pointer, error) {
	if text == "" {
		return nil, nil
	}
	if text[0] != '/' {
		return nil, errors.New("a JSON pointer starts with a slash, like \"/data/id\"")
	}
	parts := strings.Split(text[1:], "/")
	for i, part := range parts {
		if strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(part), "~") {
			return nil, errors.New("in a JSON pointer ~ is written ~0, and / inside a key ~1")
		}
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
	}
	return parts, nil
}

// Get returns what the pointer leads to.
func (p Pointer) Get(v any) (any, bool) {
	for _, step := range p {
		switch at := v.(type) {
		case map[string]any:
			inner, ok := at[step]
			if !ok {
				return nil, false
			}
			v = inner
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(at) || strconv.Itoa(i) != step {
				return nil, false
			}
			v = at[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// Wrap returns a value in which the pointer leads to v and to nothing else: a
// step "0" makes an array of one, any other one an object.
func (p Pointer) Wrap(v any) any {
	for _, step := range slices.Backward(p) {
		if step == "0" {
			v = []any{v}
		} else {
			v = map[string]any{step: v}
		}
	}
	return v
}
