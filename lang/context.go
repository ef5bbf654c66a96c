package lang

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// context makes what the expressions of a node see: only what they refer to,
// because an object of everything would be made anew for each of 10,000
// resources. It is shared by all instances where they refer to the same things.
func (ev *Evaluation) context(s *scope, n *node, e each) *hcl.EvalContext {
	own := withVariables(ev.sharedContext(s, n), e.variables())
	if !hasKeyed(n.refs) {
		return own
	}
	return withVariables(own, ev.variables(s, n.refs, true, own))
}

// sharedContext is the part that is the same for all instances of a node.
func (ev *Evaluation) sharedContext(s *scope, n *node) *hcl.EvalContext {
	last := &ev.lastCtx
	if last.scope != s || last.node != n || last.generation != ev.generation {
		shared := withVariables(s.base, ev.variables(s, n.refs, false, nil))
		*last = cachedContext{scope: s, node: n, generation: ev.generation, evalCtx: shared}
	}
	return last.evalCtx
}

func withVariables(parent *hcl.EvalContext, vars map[string]cty.Value) *hcl.EvalContext {
	if len(vars) == 0 {
		return parent
	}
	child := parent.NewChild()
	child.Variables = vars
	return child
}

// hasKeyed reports whether a reference names one of several by a computed key.
func hasKeyed(refs []*ref) bool {
	for _, r := range refs {
		if r.isKeyed() {
			return true
		}
	}
	return false
}

func (r *ref) isKeyed() bool {
	return r.key != nil && r.target != nil && r.target.kind == resourceNode && len(r.tail) == 0 && r.literal == cty.NilVal &&
		r.target.resource().repetition.repeats()
}

// leaf gathers what is read of one target.
type leaf struct {
	target  *node
	path    []string
	whole   bool
	keys    map[string]cty.Value
	outputs map[string]*node
}

// variables makes the variables for references. With keyed it includes those
// that name one instance by a computed key, which is evaluated in keyCtx; then
// only the roots that have such references are made, whole.
func (ev *Evaluation) variables(s *scope, refs []*ref, keyed bool, keyCtx *hcl.EvalContext) map[string]cty.Value {
	if plain, ok := ev.plainRoots(s, refs); ok {
		return plain
	}
	roots := map[string]bool{}
	if keyed {
		for _, r := range refs {
			roots[r.root] = roots[r.root] || r.isKeyed()
		}
	}
	leaves := map[*node]*leaf{}
	var order []*leaf
	for _, r := range refs {
		if r.target == nil || keyed && !roots[r.root] || !keyed && r.isKeyed() {
			continue
		}
		l := leaves[r.target]
		if l == nil {
			l = &leaf{target: r.target, path: r.path()}
			leaves[r.target] = l
			order = append(order, l)
		}
		l.need(r, keyCtx)
	}
	tree := branch{}
	for _, l := range order {
		tree.put(l.path, ev.leafValue(s, l))
	}
	return tree.values()
}

// plainRoots are var and local where a node refers to nothing else. Thousands of
// resources read the same few variables, so the objects are kept.
func (ev *Evaluation) plainRoots(s *scope, refs []*ref) (map[string]cty.Value, bool) {
	if s.parent != nil || ev.generation > 1 {
		return nil, false
	}
	for _, r := range refs {
		if r.target != nil && r.target.kind != variableNode && r.target.kind != localNode {
			return nil, false
		}
	}
	out := make(map[string]cty.Value, 2)
	for _, root := range []string{"var", "local"} {
		if val := ev.plainRoot(s, refs, root); val != cty.NilVal {
			out[root] = val
		}
	}
	return out, true
}

func (ev *Evaluation) plainRoot(s *scope, refs []*ref, root string) cty.Value {
	var names []string
	for _, r := range refs {
		if r.root == root && !slices.Contains(names, r.target.key) {
			names = append(names, r.target.key)
		}
	}
	if len(names) == 0 {
		return cty.NilVal
	}
	id := strings.Join(names, " ")
	val, ok := ev.roots[id]
	if !ok {
		vals := make(map[string]cty.Value, len(names))
		for _, key := range names {
			vals[key[len(root)+1:]] = ev.leafValue(s, &leaf{target: s.unit.nodes[key]})
		}
		val = cty.ObjectVal(vals)
		ev.roots[id] = val
	}
	return val
}

// path is where expressions find the target.
func (r *ref) path() []string {
	steps := &stepReader{steps: r.traversal}
	switch r.root {
	case "data":
		return []string{steps.name(), steps.name(), steps.name()}
	default:
		return []string{steps.name(), steps.name()}
	}
}

func (l *leaf) need(r *ref, keyCtx *hcl.EvalContext) {
	if r.target.kind == callNode {
		l.needOutput(r)
		return
	}
	if r.target.kind != resourceNode || !r.target.resource().repetition.repeats() {
		l.whole = true
		return
	}
	key := r.literal
	if r.isKeyed() && keyCtx != nil {
		key = evaluatedKey(r.key, keyCtx)
	}
	id := keyString(key)
	if id == "" {
		l.whole = true
		return
	}
	if l.keys == nil {
		l.keys = map[string]cty.Value{}
	}
	l.keys[id] = key
}

func (l *leaf) needOutput(r *ref) {
	if r.output == nil {
		l.whole = true
		return
	}
	if l.outputs == nil {
		l.outputs = map[string]*node{}
	}
	o, _ := r.output.decl.(*output)
	l.outputs[o.name] = r.output
}

// evaluatedKey is a computed key, or NilVal where it cannot be had: the
// expression is then evaluated with all instances, and says what is wrong.
func evaluatedKey(expr hcl.Expression, evalCtx *hcl.EvalContext) cty.Value {
	val, diags := expr.Value(evalCtx)
	if diags.HasErrors() {
		return cty.NilVal
	}
	val, _ = val.Unmark()
	if val.IsNull() || !val.IsKnown() {
		return cty.NilVal
	}
	return val
}

func (ev *Evaluation) leafValue(s *scope, l *leaf) cty.Value {
	switch l.target.kind {
	case resourceNode:
		return s.sets[l.target].some(l)
	case callNode:
		return ev.callValue(s, l)
	case variableNode, localNode:
		if c := s.cells[l.target]; c != nil {
			return c.val
		}
	case validationNode, outputNode, providerNode, checkNode:
	}
	return cty.DynamicVal
}

// some makes the instances that are needed; an instance that is not there
// makes them all, so that the message can name them.
func (s *instanceSet) some(l *leaf) cty.Value {
	if s == nil {
		return cty.DynamicVal
	}
	if l.whole || s.rep.forEach == nil {
		return s.all()
	}
	vals := make(map[string]cty.Value, len(l.keys))
	for id, key := range l.keys {
		inst := s.byKey[id]
		if inst == nil {
			return s.all()
		}
		vals[key.AsString()] = inst.object()
	}
	return cty.ObjectVal(vals)
}

// callValue is what expressions see of a module: its outputs, those that are
// read.
func (ev *Evaluation) callValue(s *scope, l *leaf) cty.Value {
	set := s.calls[l.target]
	call, _ := l.target.decl.(*moduleCall)
	child := s.unit.children[call.name]
	if set == nil || child == nil {
		return cty.DynamicVal
	}
	nodes := l.outputs
	if l.whole {
		nodes = make(map[string]*node, len(child.module.outputs))
		for name := range child.module.outputs {
			nodes[name] = child.nodes["output."+name]
		}
	}
	return collect(set.rep, len(set.order), func(i int) (cty.Value, cty.Value) {
		vals := make(map[string]cty.Value, len(nodes))
		for name, n := range nodes {
			vals[name] = cty.DynamicVal
			if c := set.order[i].cells[n]; c != nil {
				vals[name] = c.val
			}
		}
		return set.order[i].each.key, cty.ObjectVal(vals)
	})
}

// branch is a tree of names with values at its ends.
type branch map[string]any

func (b branch) put(path []string, val cty.Value) {
	at := b
	for _, name := range path[:len(path)-1] {
		next, ok := at[name].(branch)
		if !ok {
			next = branch{}
			at[name] = next
		}
		at = next
	}
	at[path[len(path)-1]] = val
}

func (b branch) values() map[string]cty.Value {
	out := make(map[string]cty.Value, len(b))
	for name, v := range b {
		switch x := v.(type) {
		case cty.Value:
			out[name] = x
		case branch:
			out[name] = cty.ObjectVal(x.values())
		}
	}
	return out
}
