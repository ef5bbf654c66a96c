package abi

import (
	"math"
	"slices"
	"strconv"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// DescribeRequest asks a guest what it is. It is the first call; the guest has
// no capability while it answers.
type DescribeRequest struct {
	// Host is the host's name and version, for the guest's log.
	Host string
	// Revision is the newest revision that the host speaks.
	Revision int
	// Features that the host offers.
	Features []string
}

var describeKeys = []string{"host", "revision", "features"}

// Append encodes the message.
func (m *DescribeRequest) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(true, true, true)
	w.str("host", m.Host)
	w.int("revision", int64(m.Revision))
	w.strings("features", m.Features)
	return w.done()
}

// DecodeDescribeRequest decodes the request of describe.
func DecodeDescribeRequest(data []byte, limits Limits) (*DescribeRequest, error) {
	d := NewDecoder(data, limits)
	m := &DescribeRequest{Revision: -1}
	for i := range d.fields(describeKeys, 0, 1, 2) {
		switch i {
		case 0:
			m.Host = d.String()
		case 1:
			m.Revision = d.Size(math.MaxInt32)
		case 2:
			m.Features = d.Strings()
		}
	}
	d.need(m.Revision >= 0, "revision")
	return m, d.Finish()
}

// DescribeAnswer is what a guest says of itself.
type DescribeAnswer struct {
	// Revision that the guest will speak: no more than the host's.
	Revision    int
	Description reconcile.Description
	Abilities   []Ability
}

// Can reports whether the guest has the ability.
func (m *DescribeAnswer) Can(a Ability) bool {
	return slices.Contains(m.Abilities, a)
}

var descriptionKeys = []string{"revision", "name", "version", "doc", "schema", "capabilities", "plans", "abilities"}

// Append encodes the message.
func (m *DescribeAnswer) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	d := &m.Description
	w.header(true, true, true, d.Doc != "", true, len(d.Capabilities) > 0, d.Plans, len(m.Abilities) > 0)
	w.int("revision", int64(m.Revision))
	w.str("name", d.Name)
	w.str("version", d.Version)
	if d.Doc != "" {
		w.str("doc", d.Doc)
	}
	w.key("schema")
	w.schema(&d.Schema)
	if len(d.Capabilities) > 0 {
		w.capabilities(d.Capabilities)
	}
	if d.Plans {
		w.yes("plans")
	}
	if len(m.Abilities) > 0 {
		w.abilities(m.Abilities)
	}
	return w.done()
}

func (e *encoder) abilities(list []Ability) {
	e.key("abilities")
	e.b = AppendArray(e.b, len(list))
	for _, a := range list {
		e.text(string(a))
	}
}

// DecodeDescribeAnswer decodes the answer to a request with that revision.
func DecodeDescribeAnswer(data []byte, revision int, limits Limits) (*DescribeAnswer, error) {
	d := NewDecoder(data, limits)
	m := &DescribeAnswer{Revision: -1}
	schema := false
	for i := range d.fields(descriptionKeys) {
		switch i {
		case 0:
			m.Revision = d.Size(revision)
		case 1:
			m.Description.Name = d.required("name")
		case 2:
			m.Description.Version = d.required("version")
		case 3:
			m.Description.Doc = d.String()
		case 4:
			m.Description.Schema, schema = d.schema(), true
		case 5:
			m.Description.Capabilities = d.capabilities()
		case 6:
			m.Description.Plans = d.Bool()
		case 7:
			m.Abilities = d.abilities()
		}
	}
	d.need(m.Revision >= 0, "revision")
	d.need(m.Description.Name != "", "name")
	d.need(m.Description.Version != "", "version")
	d.need(schema, "schema")
	return m, d.Finish()
}

func (d *Decoder) abilities() []Ability {
	var list []Ability
	for range d.elements(MaxBatch) {
		a := Ability(d.String())
		switch a {
		case AbilityEffects, AbilityHealth, AbilityFind, AbilityExport, AbilityReopen:
			list = append(list, a)
		default:
			d.fail("the unknown ability " + strconv.Quote(clip(string(a))))
		}
	}
	return list
}

var capabilityKeys = []string{"kind", "detail", "reason", "optional"}

func (e *encoder) capabilities(list []reconcile.Capability) {
	e.key("capabilities")
	e.b = AppendArray(e.b, len(list))
	for _, c := range list {
		e.header(true, c.Detail != "", c.Reason != "", c.Optional)
		e.str("kind", c.Kind)
		if c.Detail != "" {
			e.str("detail", c.Detail)
		}
		if c.Reason != "" {
			e.str("reason", c.Reason)
		}
		if c.Optional {
			e.yes("optional")
		}
	}
}

var capabilityKinds = []string{"http", "tcp", "read", "write", "env"}

func (d *Decoder) capabilities() []reconcile.Capability {
	var list []reconcile.Capability
	for range d.elements(MaxBatch) {
		var c reconcile.Capability
		for i := range d.fields(capabilityKeys) {
			switch i {
			case 0:
				c.Kind = d.oneOf(capabilityKinds)
			case 1:
				c.Detail = d.String()
			case 2:
				c.Reason = d.String()
			case 3:
				c.Optional = d.Bool()
			}
		}
		d.need(c.Kind != "", "kind")
		list = append(list, c)
	}
	return list
}
