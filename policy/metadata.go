package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// metadata is what a METADATA comment says under "custom" that we know.
type metadata struct {
	batch, fixed *bool
	parameters   map[string]any
}

// clause adds one clause of a rule that is asked.
func (m *moduleSet) clause(module *ast.Module, pkg, local string, r *ast.Rule, byName map[string]*rule) {
	name := pkg + "." + local
	known := byName[name]
	if known == nil {
		f := familyOf(local)
		known = &rule{
			name: name, pkg: pkg, local: local, family: f, level: f.defaultLevel(),
			batch: true, location: r.Location,
		}
		byName[name] = known
		m.rules = append(m.rules, known)
	}
	meta := m.metadata(module, local, r)
	// One clause that looks at the whole plan makes the rule one that does.
	if meta.batch == nil {
		one := looksAtOne(module, r)
		meta.batch = &one
	}
	known.batch = known.batch && *meta.batch
	known.fixed = known.fixed || meta.fixed != nil && *meta.fixed
	if meta.parameters == nil {
		return
	}
	if known.parameters != nil {
		m.say(r.Location, fmt.Sprintf("the rule %s declares its parameters twice", name), "declare them at one clause")
	}
	known.parameters = meta.parameters
}

// metadata of a clause: its own, its document's, its package's; the nearest wins.
func (m *moduleSet) metadata(module *ast.Module, local string, r *ast.Rule) metadata {
	var found metadata
	for _, a := range module.Annotations {
		if a.Scope == "package" {
			m.readMetadata(a, &found)
		}
	}
	for _, other := range module.Rules {
		for _, a := range other.Annotations {
			if a.Scope == "document" && headName(other) == local {
				m.readMetadata(a, &found)
			}
		}
	}
	found.parameters = nil // those of another clause are not repeated
	for _, a := range r.Annotations {
		m.readMetadata(a, &found)
	}
	return found
}

func (m *moduleSet) readMetadata(a *ast.Annotations, into *metadata) {
	for _, key := range slices.Sorted(maps.Keys(a.Custom)) {
		value := a.Custom[key]
		problem := ""
		switch key {
		case "batch":
			problem = readTruth(value, &into.batch)
		case "fixed":
			problem = readTruth(value, &into.fixed)
		case "parameters":
			var ok bool
			if into.parameters, ok = plainValue(value).(map[string]any); !ok {
				problem = "is an object of default values"
			}
		}
		if problem != "" {
			m.say(a.Location, "in the metadata, custom."+key+" "+problem, "")
		}
	}
}

func readTruth(value any, into **bool) string {
	truth, ok := value.(bool)
	if !ok {
		return "is true or false"
	}
	*into = &truth
	return ""
}

// plainValue turns what YAML made of a value into what JSON would.
func plainValue(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, item := range v {
			out[name] = plainValue(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = plainValue(item)
		}
		return out
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return v
		}
		return f
	default:
		return value
	}
}
