package lockfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Grants are grants as lines, sorted: what a person compares. Trust is a line
// too, because it widens what a provider may do.
func Grants(g reconcile.Grants, trust string) []string {
	var out []string
	add := func(word string, values []string) {
		for _, v := range values {
			out = append(out, word+" "+v)
		}
	}
	add("read", g.Read)
	add("write", g.Write)
	add("env", g.Env)
	for _, h := range g.HTTP {
		out = append(out, httpLine(h))
	}
	for _, t := range g.TCP {
		out = append(out, "tcp "+t.Address+reads(t.Read)+speaksTLS(t.TLS)+authorities(t.CA)+private(t.Private)+credential(t.Credential)+readCredential(t.ReadCredential))
	}
	if trust != "" {
		out = append(out, "trust "+trust)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func httpLine(h reconcile.HTTPGrant) string {
	methods, paths := h.Methods, h.Paths
	if len(methods) == 0 {
		methods = []string{"GET", "HEAD"}
	}
	if len(paths) == 0 {
		paths = []string{"/"}
	}
	text := fmt.Sprintf("http %s %s %s", h.Origin, sorted(methods), sorted(paths))
	if len(h.ReadRoutes) > 0 {
		text += " reads " + sorted(h.ReadRoutes)
	}
	return text + authorities(h.CA) + private(h.Private) + credential(h.Credential)
}

// sorted is a list in which the order of the module does not show, and the borders
// of its elements do.
func sorted(values []string) string {
	elems := slices.Sorted(slices.Values(values))
	for i, elem := range elems {
		if elem == "" || strings.ContainsAny(elem, ", \"\\") {
			elems[i] = strconv.Quote(elem)
		}
	}
	return strings.Join(elems, ",")
}

// reads tells of connections that are permitted while a plan is made.
func reads(may bool) string {
	if may {
		return " read"
	}
	return ""
}

// speaksTLS tells of connections on which cogplan itself speaks TLS.
func speaksTLS(does bool) string {
	if does {
		return " tls"
	}
	return ""
}

func private(is bool) string {
	if is {
		return " private"
	}
	return ""
}

func credential(name string) string {
	if name == "" {
		return ""
	}
	return " credential " + name
}

// authorities quotes the path: it could hold another word of the line.
func authorities(path string) string {
	if path == "" {
		return ""
	}
	return " ca " + strconv.Quote(path)
}

func readCredential(name string) string {
	if name == "" {
		return ""
	}
	return " read_credential " + name
}

// Change is one difference between what was trusted and what is there.
type Change struct {
	// What names the provider or the policy: `provider "file"`.
	What string
	// Name is the label of a provider, and Policy the path of a policy.
	Name, Policy string
	// New is set where nothing was trusted before, Gone where nothing is there
	// any more.
	New, Gone bool
	// Lines say what differs: "+ write ./out", "- read ./in", "digest … -> …".
	Lines []string
}

// Compare is what has to be trusted to go from one file to another, sorted. Nil
// stands for a file that is not there.
func Compare(from, to *File) []Change {
	if from == nil {
		from = &File{}
	}
	var out []Change
	for _, p := range to.Providers {
		if c, differs := compareProvider(from.provider(p.Name), &p); differs {
			out = append(out, c)
		}
	}
	for _, p := range from.Providers {
		if to.provider(p.Name) == nil {
			out = append(out, Change{What: providerTitle(p.Name), Name: p.Name, Gone: true})
		}
	}
	for _, p := range to.Policies {
		what, before := fmt.Sprintf("policy %q", p.Path), from.policy(p.Path)
		switch {
		case before == nil:
			out = append(out, Change{What: what, Policy: p.Path, New: true, Lines: []string{"digest " + p.Digest}})
		case before.Digest != p.Digest:
			out = append(out, Change{What: what, Policy: p.Path, Lines: []string{"digest " + before.Digest + " -> " + p.Digest}})
		}
	}
	for _, p := range from.Policies {
		if to.policy(p.Path) == nil {
			out = append(out, Change{What: fmt.Sprintf("policy %q", p.Path), Policy: p.Path, Gone: true})
		}
	}
	slices.SortStableFunc(out, func(a, b Change) int { return strings.Compare(a.What, b.What) })
	return out
}

func providerTitle(name string) string { return fmt.Sprintf("provider %q", name) }

func compareProvider(before, now *Provider) (Change, bool) {
	c := Change{What: providerTitle(now.Name), Name: now.Name, New: before == nil}
	if before == nil {
		before = &Provider{}
	}
	moved := func(what, was, is string) {
		switch was {
		case is:
		case "":
			c.Lines = append(c.Lines, what+" "+is)
		default:
			c.Lines = append(c.Lines, what+" "+was+" -> "+is)
		}
	}
	moved("source", before.Source, now.Source)
	moved("version", before.Version, now.Version)
	moved("digest", before.Digest, now.Digest)
	for _, line := range before.Allow {
		if !slices.Contains(now.Allow, line) {
			c.Lines = append(c.Lines, "- "+line)
		}
	}
	for _, line := range now.Allow {
		if !slices.Contains(before.Allow, line) {
			c.Lines = append(c.Lines, "+ "+line)
		}
	}
	return c, c.New || len(c.Lines) > 0
}

func (f *File) provider(name string) *Provider {
	for i := range f.Providers {
		if f.Providers[i].Name == name {
			return &f.Providers[i]
		}
	}
	return nil
}

func (f *File) policy(path string) *Policy {
	for i := range f.Policies {
		if f.Policies[i].Path == path {
			return &f.Policies[i]
		}
	}
	return nil
}
