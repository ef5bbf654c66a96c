package policy

import (
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// references notes what a module refers to, and refuses builtins that policies
// may not call.
func (m *moduleSet) references(module *ast.Module) {
	imports := map[string]string{}
	for _, imp := range module.Imports {
		ref, ok := imp.Path.Value.(ast.Ref)
		if !ok {
			continue
		}
		imports[string(imp.Name())] = groundPath(ref)
		m.use(groundPath(ref), "")
	}
	pkg := packageName(module.Package)
	for _, r := range module.Rules {
		self := pkg + "." + headName(r)
		ast.WalkTerms(r, func(term *ast.Term) bool {
			switch v := term.Value.(type) {
			case ast.Ref:
				m.reference(v, pkg, self, imports)
			case ast.Var:
				m.use(pkg+"."+string(v), self)
			}
			return false
		})
	}
}

func (m *moduleSet) reference(ref ast.Ref, pkg, self string, imports map[string]string) {
	head, ok := ref[0].Value.(ast.Var)
	if !ok {
		return
	}
	if name := ref.String(); ast.BuiltinMap[name] != nil && refusal(name) != "" {
		m.say(ref[0].Location, fmt.Sprintf("policies may not call %s: %s", name, refusal(name)), "")
	}
	switch p := groundPath(ref); {
	case head == "data":
		m.use(p, self)
	case imports[string(head)] != "":
		_, rest, _ := strings.Cut(p, ".")
		m.use(strings.TrimSuffix(imports[string(head)]+"."+rest, "."), self)
	default:
		m.use(pkg+"."+string(head), self)
	}
}

// use notes a path; a rule that refers to itself is not used by that.
func (m *moduleSet) use(p, self string) {
	if p != self && !strings.HasPrefix(p, self+".") || self == "" {
		m.used[p] = true
	}
}

// isUsed reports whether a rule is referred to, or everything around it is.
func (m *moduleSet) isUsed(name string) bool {
	for p := range m.used {
		if p == name || strings.HasPrefix(p, name+".") {
			return true
		}
	}
	for i, c := range name {
		if c == '.' && m.usedWhole(name[:i]) {
			return true
		}
	}
	return false
}

// usedWhole is a reference to a package as a whole, which an import is not.
func (m *moduleSet) usedWhole(p string) bool { return m.used[p+".*"] }

// groundPath is the constant part of a reference without "data", and ".*" where
// a variable follows.
func groundPath(ref ast.Ref) string {
	var parts []string
	for i, term := range ref {
		switch v := term.Value.(type) {
		case ast.String:
			parts = append(parts, string(v))
		case ast.Var:
			if i == 0 {
				if v != "data" {
					parts = append(parts, string(v))
				}
				continue
			}
			return strings.Join(append(parts, "*"), ".")
		default:
			return strings.Join(append(parts, "*"), ".")
		}
	}
	return strings.Join(parts, ".")
}
