package abi

import (
	"strconv"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// ObjectAction is one create, update or delete of an object.
type ObjectAction struct {
	Action reconcile.ActionType
	Type   string
	Name   string
	// ID is the provider's own ID of the object, where known.
	ID string
	// Before is the live object; nil for a create.
	Before *reconcile.Resource
	// Desired is the declared object; nil for a delete.
	Desired *reconcile.Resource
	// Changed are the paths of the attributes that differ, for an update.
	Changed []string
}

var actionKeys = []string{
	"action", "type", "name", "id", "before", "desired", "changed", // of an action
	"effects", "key", "details", // of apply alone
}

const sharedActionKeys = 7

func (e *encoder) actionHeader(a *ObjectAction, more ...bool) {
	e.header(append([]bool{
		true, true, true, a.ID != "",
		a.Before != nil, a.Desired != nil, len(a.Changed) > 0,
	}, more...)...)
}

func (e *encoder) action(a *ObjectAction) {
	e.str("action", string(a.Action))
	e.str("type", a.Type)
	e.str("name", a.Name)
	if a.ID != "" {
		e.str("id", a.ID)
	}
	if a.Before != nil {
		e.key("before")
		e.object(a.Before)
	}
	if a.Desired != nil {
		e.key("desired")
		e.object(a.Desired)
	}
	if len(a.Changed) > 0 {
		e.strings("changed", a.Changed)
	}
}

func (d *Decoder) actionField(a *ObjectAction, i int) {
	switch i {
	case 0:
		a.Action = d.actionType()
	case 1:
		a.Type = d.required("type")
	case 2:
		a.Name = d.required("name")
	case 3:
		a.ID = d.String()
	case 4:
		r := d.object()
		a.Before = &r
	case 5:
		r := d.object()
		a.Desired = &r
	case 6:
		a.Changed = d.Strings()
	}
}

func (d *Decoder) needAction(a *ObjectAction) {
	d.need(a.Action != "", "action")
	d.need(a.Type != "", "type")
	d.need(a.Name != "", "name")
	if a.Action == reconcile.ActionSkip {
		d.fail("a skip is no action that is applied")
	}
}

func (d *Decoder) actionType() reconcile.ActionType {
	a := reconcile.ActionType(d.String())
	switch a {
	case reconcile.ActionCreate, reconcile.ActionUpdate, reconcile.ActionDelete, reconcile.ActionSkip:
		return a
	default:
		d.fail("the unknown action " + strconv.Quote(clip(string(a))))
		return ""
	}
}

// EffectsRequest asks what each of the planned actions will do to the world.
type EffectsRequest struct {
	Actions []ObjectAction
}

var effectsRequestKeys = []string{"actions"}

// Append encodes the message.
func (m *EffectsRequest) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(true)
	w.batch(len(m.Actions))
	w.key("actions")
	w.b = AppendArray(w.b, len(m.Actions))
	for i := range m.Actions {
		w.actionHeader(&m.Actions[i])
		w.action(&m.Actions[i])
	}
	return w.done()
}

// DecodeEffectsRequest decodes the request of effects.
func DecodeEffectsRequest(data []byte, limits Limits) (*EffectsRequest, error) {
	d := NewDecoder(data, limits)
	m := &EffectsRequest{}
	for range d.fields(effectsRequestKeys, 0) {
		for range d.elements(MaxBatch) {
			var a ObjectAction
			for i := range d.fields(actionKeys[:sharedActionKeys]) {
				d.actionField(&a, i)
			}
			d.needAction(&a)
			m.Actions = append(m.Actions, a)
		}
	}
	return m, d.Finish()
}

// EffectsAnswer has the effects of each action, in the order of the request.
type EffectsAnswer struct {
	Effects [][]reconcile.Effect
}

var effectsAnswerKeys = []string{"effects"}

// Append encodes the message.
func (m *EffectsAnswer) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(true)
	w.batch(len(m.Effects))
	w.key("effects")
	w.b = AppendArray(w.b, len(m.Effects))
	for _, list := range m.Effects {
		w.effectList(list)
	}
	return w.done()
}

// DecodeEffectsAnswer decodes the answer to a request of that many actions.
func DecodeEffectsAnswer(data []byte, actions int, limits Limits) (*EffectsAnswer, error) {
	d := NewDecoder(data, limits)
	m := &EffectsAnswer{}
	for range d.fields(effectsAnswerKeys, 0) {
		for range d.elements(MaxBatch) {
			m.Effects = append(m.Effects, d.effectList())
		}
	}
	if len(m.Effects) != actions {
		d.fail("effects of " + strconv.Itoa(len(m.Effects)) + " actions, want " + strconv.Itoa(actions))
	}
	return m, d.Finish()
}

// ApplyRequest carries out one action. Until it is answered the host permits
// the effects and nothing else.
type ApplyRequest struct {
	ObjectAction
	Effects []reconcile.Effect
	// Key is the idempotency key of the action: the same for each attempt.
	Key string
	// Details are those of the guest's own plan; nil unless it plans itself.
	Details map[string]any
}

// Append encodes the message.
func (m *ApplyRequest) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.actionHeader(&m.ObjectAction, true, true, m.Details != nil)
	w.action(&m.ObjectAction)
	w.effects("effects", m.Effects)
	w.str("key", m.Key)
	if m.Details != nil {
		w.value("details", m.Details)
	}
	return w.done()
}

// DecodeApplyRequest decodes the request of apply.
func DecodeApplyRequest(data []byte, limits Limits) (*ApplyRequest, error) {
	d := NewDecoder(data, limits)
	m := &ApplyRequest{}
	for i := range d.fields(actionKeys) {
		switch i - sharedActionKeys {
		case 0:
			m.Effects = d.effectList()
		case 1:
			m.Key = d.required("key")
		case 2:
			m.Details = d.Object()
		default:
			d.actionField(&m.ObjectAction, i)
		}
	}
	d.needAction(&m.ObjectAction)
	d.need(m.Effects != nil, "effects")
	d.need(m.Key != "", "key")
	return m, d.Finish()
}

// ApplyAnswer says how the action went.
type ApplyAnswer struct {
	// CreatedID is the provider's own ID of what was created.
	CreatedID string
	// Object is the object as it is now, where the provider knows; nil if not.
	Object   *reconcile.Resource
	Warnings []string
}

var applyAnswerKeys = []string{"created_id", "object", "warnings"}

// Append encodes the message.
func (m *ApplyAnswer) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(m.CreatedID != "", m.Object != nil, len(m.Warnings) > 0)
	if m.CreatedID != "" {
		w.str("created_id", m.CreatedID)
	}
	if m.Object != nil {
		w.key("object")
		w.object(m.Object)
	}
	if len(m.Warnings) > 0 {
		w.strings("warnings", m.Warnings)
	}
	return w.done()
}

// DecodeApplyAnswer decodes the answer of apply.
func DecodeApplyAnswer(data []byte, limits Limits) (*ApplyAnswer, error) {
	d := NewDecoder(data, limits)
	m := &ApplyAnswer{}
	for i := range d.fields(applyAnswerKeys) {
		switch i {
		case 0:
			m.CreatedID = d.String()
		case 1:
			r := d.object()
			m.Object = &r
		case 2:
			m.Warnings = d.Strings()
		}
	}
	return m, d.Finish()
}
