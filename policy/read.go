package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// ReadReview reads a review from JSON, for an evaluation by hand. The gate
// itself never reads JSON: it is handed the plan that will be applied.
//
// It is stricter than encoding/json: a key twice, in another case or unknown,
// and anything behind the end are errors.
func ReadReview(data []byte) (reconcile.Review, error) {
	var review reconcile.Review
	err := readExactly(data, &review)
	return review, err
}

// readExactly decodes data into a pointer to a struct.
func readExactly(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := exactValue(decoder, reflect.TypeOf(into).Elem(), 0); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something stands behind the end of the JSON value")
	}
	strict := json.NewDecoder(bytes.NewReader(data))
	strict.DisallowUnknownFields()
	return strict.Decode(into)
}

// exactValue walks one value along the type that it will be decoded into.
func exactValue(decoder *json.Decoder, t reflect.Type, depth int) error {
	if depth > maxDepth {
		return errTooDeep
	}
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch token {
	case json.Delim('{'):
		err = exactMembers(decoder, t, depth)
	case json.Delim('['):
		var item reflect.Type
		if t != nil && t.Kind() == reflect.Slice {
			item = t.Elem()
		}
		for err == nil && decoder.More() {
			err = exactValue(decoder, item, depth+1)
		}
	default:
		return nil
	}
	if err != nil {
		return err
	}
	_, err = decoder.Token() // the closing delimiter
	return err
}

func exactMembers(decoder *json.Decoder, t reflect.Type, depth int) error {
	known := fieldsOf(t)
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		name, ok := token.(string)
		if !ok {
			return fmt.Errorf("%v is no key", token)
		}
		if seen[name] {
			return fmt.Errorf("%q stands twice in one object", name)
		}
		seen[name] = true
		var member reflect.Type
		switch {
		case known != nil:
			if member, ok = known[name]; !ok {
				return fmt.Errorf("%q is not known here", name)
			}
		case t != nil && t.Kind() == reflect.Map:
			member = t.Elem()
		}
		if err := exactValue(decoder, member, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// fieldsOf are the members of a struct by the names that JSON has for them; nil
// for what is no struct.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	fields := map[string]reflect.Type{}
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			name = field.Name
		}
		if field.IsExported() && name != "-" {
			fields[name] = field.Type
		}
	}
	return fields
}
