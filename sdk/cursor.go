package sdk

import (
	"errors"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// batchBytes is about how many bytes one batch holds; a single larger object
// goes alone.
const batchBytes = 4 << 20

// cursor hands out in batches what an operation answers.
type cursor struct {
	active   bool
	objects  []reconcile.Resource
	outputs  map[string]any
	metadata map[string]any
	warnings []string
	plan     *reconcile.Plan
}

func (c *cursor) next() (message, error) {
	if !c.active {
		return nil, errors.New("next without anything to go on with")
	}
	if c.plan != nil {
		return c.nextActions(), nil
	}
	n := cut(len(c.objects), func(i int) int { return objectSize(&c.objects[i]) })
	m := &abi.Batch{Objects: c.objects[:n], More: n < len(c.objects)}
	c.objects = c.objects[n:]
	m.Warnings, c.warnings = c.warnings, nil
	if !m.More {
		m.Outputs, m.Metadata = c.outputs, c.metadata
		*c = cursor{}
	}
	return m, nil
}

func (c *cursor) nextActions() message {
	actions := c.plan.Actions
	n := cut(len(actions), func(i int) int { return size(actions[i].Details) })
	m := &abi.PlanBatch{Actions: actions[:n], More: n < len(actions)}
	if m.More {
		rest := *c.plan
		rest.Actions = actions[n:]
		c.plan = &rest
		return m
	}
	m.Warnings, m.Metadata = c.plan.Warnings, c.plan.Metadata
	summary := c.plan.Summary
	m.Summary = &summary
	*c = cursor{}
	return m
}

// cut returns how many of n things go into one batch.
func cut(n int, size func(i int) int) int {
	total := 0
	for i := range min(n, abi.MaxBatch) {
		total += size(i)
		if total > batchBytes && i > 0 {
			return i
		}
	}
	return min(n, abi.MaxBatch)
}

func objectSize(r *reconcile.Resource) int { return 64 + len(r.Name) + size(r.Attributes) }

// size is about how many bytes a value takes when it is encoded.
func size(v any) int {
	switch v := v.(type) {
	case string:
		return 5 + len(v)
	case []any:
		n := 5
		for _, e := range v {
			n += size(e)
		}
		return n
	case map[string]any:
		n := 5
		for k, e := range v {
			n += 5 + len(k) + size(e)
		}
		return n
	case []string:
		n := 5
		for _, s := range v {
			n += 5 + len(s)
		}
		return n
	default:
		return 9
	}
}
