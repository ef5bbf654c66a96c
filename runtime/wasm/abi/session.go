package abi

import (
	"math"
	"strconv"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Error is the reply of a call that returns [StatusError].
type Error struct {
	Kind    ErrorKind
	Message string
	// Path of the blamed argument for [KindConfig]: names of arguments and
	// blocks, labels of blocks (string) and positions in lists (int64).
	Path []any
	// RetryAfter in milliseconds for [KindTemporary]; 0 leaves it to the host.
	RetryAfter int64
	// CreatedID is the ID of what a failed apply created nevertheless.
	CreatedID string
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

var errorKeys = []string{"kind", "message", "path", "retry_after", "created_id"}

// Append encodes the message.
func (e *Error) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(true, true, len(e.Path) > 0, e.RetryAfter != 0, e.CreatedID != "")
	w.str("kind", string(e.Kind))
	w.str("message", e.Message)
	if len(e.Path) > 0 {
		w.value("path", e.Path)
	}
	if e.RetryAfter != 0 {
		w.int("retry_after", e.RetryAfter)
	}
	if e.CreatedID != "" {
		w.str("created_id", e.CreatedID)
	}
	return w.done()
}

// DecodeErrorMessage decodes the reply of a failed call.
func DecodeErrorMessage(data []byte, limits Limits) (*Error, error) {
	d := NewDecoder(data, limits)
	e := &Error{}
	for i := range d.fields(errorKeys) {
		switch i {
		case 0:
			e.Kind = d.errorKind()
		case 1:
			e.Message = d.required("message")
		case 2:
			e.Path = d.path()
		case 3:
			e.RetryAfter = int64(d.Size(math.MaxInt32))
		case 4:
			e.CreatedID = d.String()
		}
	}
	d.need(e.Kind != "", "kind")
	d.need(e.Message != "", "message")
	return e, d.Finish()
}

func (d *Decoder) errorKind() ErrorKind {
	k := ErrorKind(d.String())
	switch k {
	case KindError, KindTemporary, KindConfig, KindStale, KindUnsupported:
		return k
	default:
		d.fail("the unknown error kind " + strconv.Quote(clip(string(k))))
		return ""
	}
}

func (d *Decoder) path() []any {
	var path []any
	for range d.elements(d.depth) {
		switch v := d.Value().(type) {
		case string, int64:
			path = append(path, v)
		default:
			d.fail("a path holds strings and integers only")
		}
	}
	return path
}

// Empty is the message without keys: the request of close, load_config,
// fetch_live, next, health and export, and the answer of open, close and known.
type Empty struct{}

// Append encodes the message.
func (Empty) Append(b []byte) ([]byte, error) { return AppendMap(b, 0), nil }

// DecodeEmpty decodes a message without keys.
func DecodeEmpty(data []byte, limits Limits) (Empty, error) {
	d := NewDecoder(data, limits)
	for range d.fields(nil) {
		continue
	}
	return Empty{}, d.Finish()
}

// OpenRequest begins a session. It is the first call after describe, and the
// only open in the life of an instance.
type OpenRequest struct {
	// Address of the resource: file.site["eu"].
	Address string
	Kind    Kind
	Phase   Phase
	// Provider is the config block of the provider block; nil without one.
	Provider map[string]any
	// Body is the body of the resource or data block.
	Body map[string]any
	// Features that the host offers.
	Features []string
	// Env are the granted variables of the environment that are set; nil for none.
	Env map[string]string
}

var openKeys = []string{"address", "kind", "phase", "provider", "body", "features", "env"}

// Append encodes the message.
func (m *OpenRequest) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(true, true, true, m.Provider != nil, true, true, len(m.Env) > 0)
	w.str("address", m.Address)
	w.str("kind", string(m.Kind))
	w.str("phase", string(m.Phase))
	if m.Provider != nil {
		w.value("provider", m.Provider)
	}
	w.value("body", m.Body)
	w.strings("features", m.Features)
	if len(m.Env) > 0 {
		w.texts("env", m.Env)
	}
	return w.done()
}

// DecodeOpenRequest decodes the request of open.
func DecodeOpenRequest(data []byte, limits Limits) (*OpenRequest, error) {
	d := NewDecoder(data, limits)
	m := &OpenRequest{}
	for i := range d.fields(openKeys, 0, 1, 2, 4, 5) {
		switch i {
		case 0:
			m.Address = d.required("address")
		case 1:
			m.Kind = Kind(d.String())
		case 2:
			m.Phase = Phase(d.String())
		case 3:
			m.Provider = d.Object()
		case 4:
			m.Body = d.Object()
		case 5:
			m.Features = d.Strings()
		case 6:
			m.Env = d.texts("env")
		}
	}
	d.need(m.Address != "", "address")
	d.need(m.Kind == KindResource || m.Kind == KindData, "kind")
	d.need(m.Phase == PhaseRead || m.Phase == PhaseWrite, "phase")
	d.need(m.Body != nil, "body")
	return m, d.Finish()
}

// KnownRequest tells the guest recorded objects, in as many calls as it takes;
// they belong to the state that fetch_live, plan and build_state may use.
type KnownRequest struct {
	Objects []reconcile.Resource
}

var knownKeys = []string{"objects"}

// Append encodes the message.
func (m *KnownRequest) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(true)
	w.objects("objects", m.Objects)
	return w.done()
}

// DecodeKnownRequest decodes the request of known.
func DecodeKnownRequest(data []byte, limits Limits) (*KnownRequest, error) {
	d := NewDecoder(data, limits)
	m := &KnownRequest{}
	for range d.fields(knownKeys, 0) {
		m.Objects = d.objects()
	}
	return m, d.Finish()
}

// Batch is the answer of load_config, fetch_live and build_state, and of each
// next after one of them.
type Batch struct {
	Objects []reconcile.Resource
	// More says that next gives further objects.
	More     bool
	Warnings []string
	// Outputs are the values of computed arguments; fetch_live only, in the
	// last batch. For a data session they are its whole value.
	Outputs map[string]any
	// Metadata of the state; build_state only, in the last batch.
	Metadata map[string]any
}

var batchKeys = []string{"objects", "more", "warnings", "outputs", "metadata"}

// Append encodes the message.
func (m *Batch) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(true, m.More, len(m.Warnings) > 0, m.Outputs != nil, m.Metadata != nil)
	w.objects("objects", m.Objects)
	if m.More {
		w.yes("more")
	}
	if len(m.Warnings) > 0 {
		w.strings("warnings", m.Warnings)
	}
	if m.Outputs != nil {
		w.value("outputs", m.Outputs)
	}
	if m.Metadata != nil {
		w.value("metadata", m.Metadata)
	}
	return w.done()
}

// DecodeBatch decodes the answer of that operation, load_config, fetch_live or
// build_state; for next it is the operation that next continues.
func DecodeBatch(data []byte, op Op, limits Limits) (*Batch, error) {
	d := NewDecoder(data, limits)
	m := &Batch{}
	objects := false
	for i := range d.fields(batchKeys) {
		switch i {
		case 0:
			m.Objects, objects = d.objects(), true
		case 1:
			m.More = d.Bool()
		case 2:
			m.Warnings = d.Strings()
		case 3:
			m.Outputs = d.Object()
		case 4:
			m.Metadata = d.Object()
		}
	}
	d.need(objects, "objects")
	d.checkBatch(m, op)
	return m, d.Finish()
}

func (d *Decoder) checkBatch(m *Batch, op Op) {
	switch {
	case m.Outputs != nil && (op != OpFetchLive || m.More):
		d.fail("outputs belong to the last batch of fetch_live")
	case m.Metadata != nil && (op != OpBuildState || m.More):
		d.fail("metadata belongs to the last batch of build_state")
	case m.More && len(m.Objects) == 0:
		d.fail("an empty batch that says more")
	}
}
