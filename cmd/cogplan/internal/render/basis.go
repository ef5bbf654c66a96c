package render

import (
	"strings"
)

// Basis is what a kept plan rests on, besides its resources.
type Basis struct {
	// Command that the plan is for.
	Command   string
	CreatedAt string
	Version   string
	Targets   []string
	Excludes  []string
	Replace   []string
	Variables []BasisVariable
	// Environment names what env() read.
	Environment []string
	Providers   []BasisProvider
	Policy      string
	// Undeclared are recorded and no longer declared.
	Undeclared []string
}

// BasisVariable is the value of a variable; a sensitive one has none.
type BasisVariable struct {
	Name      string
	Value     any
	Sensitive bool
}

// BasisProvider is a provider and its identity.
type BasisProvider struct{ Name, Source, Version, Digest string }

// Basis writes what a kept plan rests on as text.
func (s Style) Basis(b Basis) string {
	p := &printer{style: s}
	p.line(p.style.bold("Plan for "+Escape(b.Command)), "  ", p.style.dim("made "+Escape(b.CreatedAt)+" by cogplan "+Escape(b.Version)))
	for _, row := range b.rows() {
		p.wrappedBelow("  ", row[0]+" "+row[1])
	}
	return p.String()
}

// rows are the facts of a basis, each a word and the rest.
func (b *Basis) rows() [][2]string {
	var rows [][2]string
	list := func(word string, items []string) {
		if len(items) > 0 {
			rows = append(rows, [2]string{word, strings.Join(items, ", ")})
		}
	}
	list("target", b.Targets)
	list("exclude", b.Excludes)
	list("replace", b.Replace)
	for _, v := range b.Variables {
		value := "(sensitive)"
		if !v.Sensitive {
			value = Value(v.Value)
		}
		rows = append(rows, [2]string{"variable", v.Name + " = " + value})
	}
	list("environment", b.Environment)
	for _, provider := range b.Providers {
		rows = append(rows, [2]string{"provider", strings.TrimSpace(provider.Name+" "+provider.Version) + " " + short(provider.Digest)})
	}
	if b.Policy != "" {
		rows = append(rows, [2]string{"policy", short(b.Policy)})
	}
	list("recorded but no longer declared:", b.Undeclared)
	return rows
}

// short is enough of a digest to tell two apart.
func short(digest string) string {
	const enough = len("sha256:") + 12
	if len(digest) > enough {
		return digest[:enough] + "..."
	}
	return digest
}
