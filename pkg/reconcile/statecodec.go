package reconcile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// encodeState is the stored form: JSON with each resource on a line of its own,
// so that the difference of two states reads well and encoding stays cheap.
func encodeState(state *State) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	// value writes v without the newline that an Encoder ends with.
	value := func(v any) error {
		if err := encoder.Encode(v); err != nil {
			return err
		}
		out.Truncate(out.Len() - 1)
		return nil
	}
	out.WriteString("{\n  \"version\": " + strconv.Itoa(state.Version))
	out.WriteString(",\n  \"lineage\": ")
	_ = value(state.Lineage) // a string always has a JSON form
	out.WriteString(",\n  \"serial\": " + strconv.Itoa(state.Serial))
	out.WriteString(",\n  \"resource_type\": ")
	_ = value(state.ResourceType)
	out.WriteString(",\n  \"generated_at\": ")
	_ = value(state.GeneratedAt)
	out.WriteString(",\n  \"resources\": [")
	for i := range state.Resources {
		out.WriteString(separator(i))
		if err := storable(&state.Resources[i]); err != nil {
			return nil, err
		}
		if err := value(&state.Resources[i]); err != nil {
			return nil, fmt.Errorf("object %q cannot be stored: %w", state.Resources[i].Address, err)
		}
	}
	out.WriteString("\n  ]")
	if len(state.Metadata) > 0 {
		out.WriteString(",\n  \"metadata\": ")
		if err := value(state.Metadata); err != nil {
			return nil, fmt.Errorf("the metadata cannot be stored: %w", err)
		}
	}
	out.WriteString("\n}\n")
	return out.Bytes(), nil
}

func separator(i int) string {
	if i == 0 {
		return "\n    "
	}
	return ",\n    "
}

// storable refuses what JSON would silently change: bytes that are not UTF-8 in
// what identifies an object.
func storable(r *Resource) error {
	for _, text := range []string{r.Address, r.Type, r.Name, r.ExternalID, r.ParentAddress, r.ParentID} {
		if !utf8.ValidString(text) {
			return fmt.Errorf("object %q cannot be stored: %q is not UTF-8", r.Address, text)
		}
	}
	return nil
}

// decodeState reads the stored form and refuses everything else: an unknown
// version or field, a half, trailing data.
func decodeState(data []byte) (*State, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("it is empty")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	state := &State{}
	if err := decoder.Decode(state); err != nil {
		if version, ok := foreignVersion(data); ok {
			return nil, checkState(&State{Version: version})
		}
		return nil, describeJSON(err, data)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("data follows the end of the state, in line %d", lineAt(data, decoder.InputOffset()))
	}
	if err := checkState(state); err != nil {
		return nil, err
	}
	if state.Resources == nil {
		state.Resources = []Resource{}
	}
	for i := range state.Resources {
		plainNumbers(state.Resources[i].Attributes)
	}
	plainNumbers(state.Metadata)
	return state, nil
}

// foreignVersion is the version of a state that another version of the program
// wrote with fields that this one does not know.
func foreignVersion(data []byte) (int, bool) {
	var head struct {
		Version int `json:"version"`
	}
	err := json.Unmarshal(data, &head)
	return head.Version, err == nil && head.Version > stateVersion
}

// describeJSON says where the JSON is broken.
func describeJSON(err error, data []byte) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("it is cut off in line %d", lineAt(data, int64(len(data))))
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: %s", lineAt(data, syntax.Offset), syntax.Error())
	case errors.As(err, &kind):
		return fmt.Errorf("line %d: %s is a %s, not a %s", lineAt(data, kind.Offset), kind.Field, kind.Value, kind.Type)
	default:
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
}

func lineAt(data []byte, offset int64) int {
	offset = min(max(offset, 0), int64(len(data)))
	return 1 + bytes.Count(data[:offset], []byte("\n"))
}

// plainNumbers makes int64 or float64 of each json.Number in v, in place where
// it can, and returns v. Integers keep all their digits that way.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			switch value.(type) {
			case json.Number, map[string]any, []any:
				v[key] = plainNumbers(value)
			}
		}
	case []any:
		for i, value := range v {
			v[i] = plainNumbers(value)
		}
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		if f, err := v.Float64(); err == nil {
			return f
		}
		return v.String()
	}
	return v
}
