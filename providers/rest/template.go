package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// template is a text with {fields}.
type template struct {
	// text has one more entry than fields: what stands before, between, behind.
	text   []string
	fields []string
}

func parseTemplate(s string) (template, error) {
	var t template
	for {
		before, rest, found := strings.Cut(s, "{")
		if strings.Contains(before, "}") {
			return t, errors.New("a } without its {")
		}
		t.text = append(t.text, before)
		if !found {
			return t, nil
		}
		field, after, closed := strings.Cut(rest, "}")
		if !closed || field == "" || strings.Contains(field, "{") {
			return t, errors.New("a { that does not end as {field}")
		}
		t.fields = append(t.fields, field)
		s = after
	}
}

func (t template) needs(field string) bool { return slices.Contains(t.fields, field) }

// only is the field of a template that is nothing but one field.
func (t template) only() (string, bool) {
	if len(t.fields) == 1 && t.text[0]+t.text[1] == "" {
		return t.fields[0], true
	}
	return "", false
}

// fill replaces the fields by what value returns; escape writes it.
func (t template) fill(value func(field string) (string, error), escape func(string) string) (string, error) {
	var b strings.Builder
	for i, field := range t.fields {
		b.WriteString(t.text[i])
		s, err := value(field)
		if err != nil {
			return "", err
		}
		b.WriteString(escape(s))
	}
	b.WriteString(t.text[len(t.text)-1])
	return b.String(), nil
}

func asIs(s string) string { return s }

// scalar is a field's value as a text, where it is one.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, v != ""
	case int64:
		return strconv.FormatInt(v, 10), true
	case bool:
		return strconv.FormatBool(v), true
	default:
		return "", false
	}
}

// escapeSegment writes a text as one segment of a path.
func escapeSegment(s string) string { return escape(s, "-._~!$&'()*+,;=:@") }

// escapeQuery writes a text as a key or a value of a query.
func escapeQuery(s string) string { return escape(s, "-._~") }

func escape(s, plain string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

func queryText(query map[string]string) string {
	keys := make([]string, 0, len(query))
	for key := range query {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for i, key := range keys {
		keys[i] = escapeQuery(key) + "=" + escapeQuery(query[key])
	}
	return strings.Join(keys, "&")
}
