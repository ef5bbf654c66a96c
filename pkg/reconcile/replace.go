package reconcile

import (
	"fmt"
	"slices"
)

// replacing reports whether the caller asked to replace an object.
func (p *planner) replacing(key objectKey) bool {
	return len(p.input.Replace) > 0 && slices.Contains(p.input.Replace, ObjectAddress(p.input.Address, key.kind, key.name))
}

// replaceAsked plans the delete and the create that the caller asked for.
func (p *planner) replaceAsked(desired, live *Resource, changed []string) error {
	c := change{key: keyOf(desired), desired: desired, live: live, changed: changed, drift: p.drifted(live, changed)}
	switch {
	case !p.owned(live):
		return fmt.Errorf("%s is not ours, so it is not replaced", c.key)
	case p.input.Declaration.Ownership == OwnAdopt:
		return fmt.Errorf("%s is not replaced: mode adopt changes nothing", c.key)
	}
	p.replace(c, "it was asked to replace it")
	return nil
}

// checkReplace refuses to replace what is not declared.
func (p *planner) checkReplace() error {
	for _, address := range p.input.Replace {
		declared := slices.ContainsFunc(p.input.Desired, func(r Resource) bool {
			return ObjectAddress(p.input.Address, r.Type, r.Name) == address
		})
		if !declared {
			return fmt.Errorf("%s is to be replaced, and no such object is declared", address)
		}
	}
	return nil
}
