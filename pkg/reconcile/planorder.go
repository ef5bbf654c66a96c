package reconcile

import (
	"cmp"
	"fmt"
	"slices"
)

// family knows which object stands in which, by their addresses.
type family struct {
	resource string
	byPlace  map[string]*Resource
	depths   map[objectKey]int
}

func newFamily(resource string, objects []Resource) *family {
	f := &family{resource: resource, depths: make(map[objectKey]int)}
	// Most resources have no parents at all.
	if !slices.ContainsFunc(objects, func(r Resource) bool { return r.ParentAddress != "" }) {
		return f
	}
	f.byPlace = make(map[string]*Resource, len(objects))
	for i := range objects {
		f.byPlace[f.address(&objects[i])] = &objects[i]
	}
	return f
}

func (f *family) address(r *Resource) string {
	if r.Address != "" {
		return r.Address
	}
	return ObjectAddress(f.resource, r.Type, r.Name)
}

// parent is the object that r stands in, if it is one of the family; else nil.
func (f *family) parent(r *Resource) *Resource {
	if r.ParentAddress == "" {
		return nil
	}
	return f.byPlace[r.ParentAddress]
}

// depth counts the ancestors of r. The members of a circle of parents have none,
// so that the order is the same wherever it is entered.
func (f *family) depth(r *Resource) int {
	if f.byPlace == nil {
		return 0
	}
	var line []*Resource
	open := make(map[objectKey]int)
	depth := 0
	for at := r; at != nil; at = f.parent(at) {
		key := keyOf(at)
		if known, ok := f.depths[key]; ok {
			depth = known + 1
			break
		}
		if start, circle := open[key]; circle {
			for _, member := range line[start:] {
				f.depths[keyOf(member)] = 0
			}
			line, depth = line[:start], 1
			break
		}
		open[key] = len(line)
		line = append(line, at)
	}
	for _, member := range slices.Backward(line) {
		f.depths[keyOf(member)] = depth
		depth++
	}
	return f.depths[keyOf(r)]
}

// replaceChildren replaces what stands in an object that is replaced: with the
// parent the child is gone.
func (p *planner) replaceChildren() {
	if len(p.replaced) == 0 || p.parents.byPlace == nil {
		return
	}
	planned := make(map[objectKey]change, len(p.changes))
	for i := range p.changes {
		planned[p.changes[i].key] = p.changes[i]
	}
	var again []change
	for _, live := range p.byDepth(p.input.Live) {
		key := keyOf(live)
		parent, desired := p.parents.parent(live), p.desired[key]
		// What is not declared is deleted with its parent, or stays: keepParents
		// sees to that.
		if parent == nil || desired == nil || !p.replaced[keyOf(parent)] || p.replaced[key] || !p.owned(live) {
			continue
		}
		p.replaced[key] = true
		before, changes := planned[key]
		if !changes {
			p.counts[MetadataUnchanged]--
		}
		again = append(again, change{key: key, desired: desired, live: live, changed: before.changed, drift: before.drift})
		delete(planned, key)
	}
	p.changes = slices.DeleteFunc(p.changes, func(c change) bool { return p.replaced[c.key] && !c.replace })
	for _, c := range again {
		p.replace(c, "what it stands in is replaced")
	}
}

// byDepth returns the objects, parents before children.
func (p *planner) byDepth(objects []Resource) []*Resource {
	sorted := make([]*Resource, len(objects))
	for i := range objects {
		sorted[i] = &objects[i]
	}
	slices.SortStableFunc(sorted, func(a, b *Resource) int { return cmp.Compare(p.parents.depth(a), p.parents.depth(b)) })
	return sorted
}

// keepParents deletes nothing that something stands in that stays.
func (p *planner) keepParents() error {
	if p.parents.byPlace == nil {
		return nil
	}
	going := make(map[objectKey]bool)
	for i := range p.changes {
		if p.changes[i].kind == ActionDelete {
			going[p.changes[i].key] = true
		}
	}
	kept := make(map[objectKey]objectKey)
	for i := range p.input.Live {
		live := &p.input.Live[i]
		if going[keyOf(live)] {
			continue
		}
		for at := p.parents.parent(live); at != nil && going[keyOf(at)]; at = p.parents.parent(at) {
			if p.replaced[keyOf(at)] {
				return fmt.Errorf("%s has to be replaced, and %s in it is not ours to move; move it away first", keyOf(at), keyOf(live))
			}
			delete(going, keyOf(at))
			kept[keyOf(at)] = keyOf(live)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	p.changes = slices.DeleteFunc(p.changes, func(c change) bool {
		_, keep := kept[c.key]
		return keep && c.kind == ActionDelete && !c.replace
	})
	keys := make([]objectKey, 0, len(kept))
	for key := range kept {
		keys = append(keys, key)
	}
	sortKeys(keys)
	for _, key := range keys {
		p.warnings = append(p.warnings, key.String()+" is not declared and stays, because "+kept[key].String()+" is in it")
	}
	return nil
}

func sortKeys(keys []objectKey) {
	slices.SortFunc(keys, compareKeys)
}

func compareKeys(a, b objectKey) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
}

// sort puts deletes first, the deepest first, and then the rest, the least deep
// first; among equals by type and name.
func (p *planner) sort() {
	wanted := newFamily(p.input.Address, p.input.Desired)
	depths := make(map[objectKey]int)
	for i := range p.changes {
		c := &p.changes[i]
		if c.kind != ActionDelete {
			depths[c.key] = wanted.depth(c.desired)
		}
	}
	slices.SortFunc(p.changes, func(a, b change) int {
		aDeletes, bDeletes := a.kind == ActionDelete, b.kind == ActionDelete
		switch {
		case aDeletes != bDeletes:
			if aDeletes {
				return -1
			}
			return 1
		case aDeletes:
			return cmp.Or(cmp.Compare(p.parents.depth(b.live), p.parents.depth(a.live)), compareKeys(a.key, b.key))
		default:
			return cmp.Or(cmp.Compare(depths[a.key], depths[b.key]), compareKeys(a.key, b.key))
		}
	})
}
