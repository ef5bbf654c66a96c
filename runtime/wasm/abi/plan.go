package abi

import (
	"math"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// StateHead is a state without its objects, which known brings.
type StateHead struct {
	Version     int
	Lineage     string
	Serial      int
	GeneratedAt string
	Metadata    map[string]any
}

var stateKeys = []string{"version", "lineage", "serial", "generated_at", "metadata"}

func (e *encoder) state(s *StateHead) {
	e.header(true, true, true, true, s.Metadata != nil)
	e.int("version", int64(s.Version))
	e.str("lineage", s.Lineage)
	e.int("serial", int64(s.Serial))
	e.str("generated_at", s.GeneratedAt)
	if s.Metadata != nil {
		e.value("metadata", s.Metadata)
	}
}

func (d *Decoder) state() *StateHead {
	s := &StateHead{}
	for i := range d.fields(stateKeys, 0, 1, 2, 3) {
		switch i {
		case 0:
			s.Version = d.Size(math.MaxInt32)
		case 1:
			s.Lineage = d.String()
		case 2:
			s.Serial = d.Size(math.MaxInt32)
		case 3:
			s.GeneratedAt = d.String()
		case 4:
			s.Metadata = d.Object()
		}
	}
	return s
}

// StateRequest is the request of plan and of build_state: the recorded state,
// nil where there is none.
type StateRequest struct {
	State *StateHead
}

var stateRequestKeys = []string{"state"}

// Append encodes the message.
func (m *StateRequest) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(m.State != nil)
	if m.State != nil {
		w.key("state")
		w.state(m.State)
	}
	return w.done()
}

// DecodeStateRequest decodes the request of plan or build_state.
func DecodeStateRequest(data []byte, limits Limits) (*StateRequest, error) {
	d := NewDecoder(data, limits)
	m := &StateRequest{}
	for range d.fields(stateRequestKeys) {
		m.State = d.state()
	}
	return m, d.Finish()
}

// PlanBatch is the answer of plan, and of each next after it.
type PlanBatch struct {
	Actions []reconcile.Action
	More    bool
	// Warnings, Summary and Metadata come with the last batch.
	Warnings []string
	Summary  *reconcile.Summary
	Metadata map[string]any
}

var (
	planKeys       = []string{"actions", "more", "warnings", "summary", "metadata"}
	planActionKeys = []string{"action", "type", "name", "details"}
	summaryKeys    = []string{"creates", "updates", "deletes", "skipped"}
)

// Append encodes the message.
func (m *PlanBatch) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(true, m.More, len(m.Warnings) > 0, m.Summary != nil, m.Metadata != nil)
	w.planActions(m.Actions)
	if m.More {
		w.yes("more")
	}
	if len(m.Warnings) > 0 {
		w.strings("warnings", m.Warnings)
	}
	if m.Summary != nil {
		w.key("summary")
		w.header(true, true, true, true)
		w.int("creates", int64(m.Summary.Creates))
		w.int("updates", int64(m.Summary.Updates))
		w.int("deletes", int64(m.Summary.Deletes))
		w.int("skipped", int64(m.Summary.Skipped))
	}
	if m.Metadata != nil {
		w.value("metadata", m.Metadata)
	}
	return w.done()
}

func (e *encoder) planActions(list []reconcile.Action) {
	e.batch(len(list))
	e.key("actions")
	e.b = AppendArray(e.b, len(list))
	for i := range list {
		a := &list[i]
		e.header(true, true, true, a.Details != nil)
		e.str("action", string(a.Action))
		e.str("type", a.ResourceType)
		e.str("name", a.Name)
		if a.Details != nil {
			e.value("details", a.Details)
		}
	}
}

// DecodePlanBatch decodes the answer of plan, or of next after it.
func DecodePlanBatch(data []byte, limits Limits) (*PlanBatch, error) {
	d := NewDecoder(data, limits)
	m := &PlanBatch{}
	actions := false
	for i := range d.fields(planKeys) {
		switch i {
		case 0:
			actions = true
			for range d.elements(MaxBatch) {
				m.Actions = append(m.Actions, d.planAction())
			}
		case 1:
			m.More = d.Bool()
		case 2:
			m.Warnings = d.Strings()
		case 3:
			m.Summary = d.summary()
		case 4:
			m.Metadata = d.Object()
		}
	}
	d.need(actions, "actions")
	d.checkPlan(m)
	return m, d.Finish()
}

func (d *Decoder) checkPlan(m *PlanBatch) {
	switch {
	case m.More && (m.Summary != nil || m.Metadata != nil || m.Warnings != nil):
		d.fail("summary, warnings and metadata belong to the last batch of a plan")
	case !m.More && m.Summary == nil:
		d.fail("the last batch of a plan has no summary")
	case m.More && len(m.Actions) == 0:
		d.fail("an empty batch that says more")
	}
}

func (d *Decoder) planAction() reconcile.Action {
	var a reconcile.Action
	for i := range d.fields(planActionKeys) {
		switch i {
		case 0:
			a.Action = d.actionType()
		case 1:
			a.ResourceType = d.required("type")
		case 2:
			a.Name = d.required("name")
		case 3:
			a.Details = d.Object()
		}
	}
	d.need(a.Action != "", "action")
	d.need(a.ResourceType != "", "type")
	d.need(a.Name != "", "name")
	return a
}

func (d *Decoder) summary() *reconcile.Summary {
	s := &reconcile.Summary{}
	for i := range d.fields(summaryKeys, 0, 1, 2, 3) {
		n := d.Size(math.MaxInt32)
		switch i {
		case 0:
			s.Creates = n
		case 1:
			s.Updates = n
		case 2:
			s.Deletes = n
		case 3:
			s.Skipped = n
		}
	}
	return s
}
