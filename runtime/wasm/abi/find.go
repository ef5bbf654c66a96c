package abi

import "github.com/cogplan/cogplan/pkg/reconcile"

// FindRequest looks for one object: by the idempotency key of an action whose
// outcome nobody recorded, or by the provider's own ID for an import.
type FindRequest struct {
	// Key is empty for an import.
	Key string
	// ID is empty where it is not known.
	ID string
	// Object is the declared object; for an import only its type and name.
	Object reconcile.Resource
}

var findRequestKeys = []string{"key", "id", "object"}

// Append encodes the message.
func (m *FindRequest) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(m.Key != "", m.ID != "", true)
	if m.Key != "" {
		w.str("key", m.Key)
	}
	if m.ID != "" {
		w.str("id", m.ID)
	}
	w.key("object")
	w.object(&m.Object)
	return w.done()
}

// DecodeFindRequest decodes the request of find.
func DecodeFindRequest(data []byte, limits Limits) (*FindRequest, error) {
	d := NewDecoder(data, limits)
	m := &FindRequest{}
	for i := range d.fields(findRequestKeys) {
		switch i {
		case 0:
			m.Key = d.String()
		case 1:
			m.ID = d.String()
		case 2:
			m.Object = d.object()
		}
	}
	d.need(m.Object.Type != "", "object")
	return m, d.Finish()
}

// FindAnswer holds the live object, or nil where there is none.
type FindAnswer struct {
	Object *reconcile.Resource
}

var findAnswerKeys = []string{"object"}

// Append encodes the message.
func (m *FindAnswer) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(m.Object != nil)
	if m.Object != nil {
		w.key("object")
		w.object(m.Object)
	}
	return w.done()
}

// DecodeFindAnswer decodes the answer of find.
func DecodeFindAnswer(data []byte, limits Limits) (*FindAnswer, error) {
	d := NewDecoder(data, limits)
	m := &FindAnswer{}
	for range d.fields(findAnswerKeys) {
		r := d.object()
		m.Object = &r
	}
	return m, d.Finish()
}

// ExportAnswer is a body that declares what is live: a value as
// [reconcile.Config] holds it, from which the host writes HCL.
type ExportAnswer struct {
	Body     map[string]any
	Warnings []string
}

var exportKeys = []string{"body", "warnings"}

// Append encodes the message.
func (m *ExportAnswer) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(true, len(m.Warnings) > 0)
	w.value("body", m.Body)
	if len(m.Warnings) > 0 {
		w.strings("warnings", m.Warnings)
	}
	return w.done()
}

// DecodeExportAnswer decodes the answer of export.
func DecodeExportAnswer(data []byte, limits Limits) (*ExportAnswer, error) {
	d := NewDecoder(data, limits)
	m := &ExportAnswer{}
	for i := range d.fields(exportKeys) {
		switch i {
		case 0:
			m.Body = d.Object()
		case 1:
			m.Warnings = d.Strings()
		}
	}
	d.need(m.Body != nil, "body")
	return m, d.Finish()
}
