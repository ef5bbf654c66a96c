package reconcile

// Objects that another resource manages as well: a person has to know of them before
// one resource takes them over or away.

// remove plans the delete of what is ours. Where another resource manages it as well,
// a person has to know: the other one would only see that it is gone.
func (p *planner) remove(key objectKey, live *Resource, reason string) {
	if p.elsewhere(live) && !p.contains(live) {
		p.warnings = append(p.warnings, key.String()+" is deleted here, and another resource manages it as well; "+
			"to keep it there, let this resource forget it first: cogplan state rm '"+
			ObjectAddress(p.input.Address, key.kind, key.name)+"'")
	}
	p.changes = append(p.changes, change{key: key, kind: ActionDelete, live: live, reason: reason})
}

func (p *planner) elsewhere(live *Resource) bool {
	return p.input.Elsewhere != nil && p.input.Elsewhere(live)
}

// contains reports whether other objects lie in a live one, as in a directory:
// resources share those without being in each other's way.
func (p *planner) contains(live *Resource) bool {
	if p.parents.byPlace == nil {
		return false
	}
	if p.containers == nil {
		p.containers = make(map[objectKey]bool)
		for i := range p.input.Live {
			if at := p.parents.parent(&p.input.Live[i]); at != nil {
				p.containers[keyOf(at)] = true
			}
		}
	}
	return p.containers[keyOf(live)]
}
