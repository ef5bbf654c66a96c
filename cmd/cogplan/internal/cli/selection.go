package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/planfile"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// selection is which part of the module a run is about.
type selection struct{ planfile.Selection }

func (s *selection) add(flags *pflag.FlagSet) {
	s.addPart(flags)
	flags.StringArrayVar(&s.Replace, "replace", nil, "delete the object at this `address` and create it anew; may be repeated")
}

func (s *selection) addPart(flags *pflag.FlagSet) {
	flags.StringArrayVar(&s.Targets, "target", nil, "only the resource at this `address` and what it needs; may be repeated")
	flags.StringArrayVar(&s.Excludes, "exclude", nil, "all but the resource at this `address` and what needs it; may be repeated")
}

// empty reports whether the run is about the whole module.
func (s *selection) empty() bool {
	return len(s.Targets) == 0 && len(s.Excludes) == 0 && len(s.Replace) == 0
}

// selected is the part of a module that a run is about.
type selected struct {
	config *reconcile.MetaConfig
	// notes say what came along unasked, or was left out.
	notes []string
}

// choose takes the selected resources out of a module. A part is closed: what a
// target needs comes along, and what needs an excluded resource stays away. For a
// destroy it is the other way around.
func (s *selection) choose(config *reconcile.MetaConfig, destroy bool) (*selected, error) {
	if s.empty() && !destroy {
		return &selected{config: config}, nil
	}
	links := newLinks(config, destroy)
	chosen := links.all()
	out := &selected{}
	if len(s.Targets) > 0 {
		named, err := links.matching("-target", s.Targets)
		if err != nil {
			return nil, err
		}
		chosen = links.closure(named, links.needs)
		out.note("%s come along, because what is targeted %s", minus(chosen, named), links.word(false))
	}
	excluded, err := links.matching("-exclude", s.Excludes)
	if err != nil {
		return nil, err
	}
	out.without(chosen, excluded, links, "excluded")
	if destroy {
		out.without(chosen, links.suspended(), links, "suspended")
	}
	if err := s.checkReplace(chosen); err != nil {
		return nil, err
	}
	out.config = links.part(chosen)
	return out, nil
}

// without takes what is left out, and what would miss it, from the chosen.
func (out *selected) without(chosen, left map[string]bool, links *links, why string) {
	gone := links.closure(left, links.neededBy)
	kept := minus(gone, left)
	for name := range gone {
		delete(chosen, name)
	}
	out.note("%s stay away, because what is "+why+" %s", kept, links.word(true))
	if why == "suspended" {
		out.note("%s stay as they are, because they are suspended%s", slices.Sorted(maps.Keys(left)), "")
	}
}

func (out *selected) note(format string, names []string, word string) {
	if len(names) > 0 {
		out.notes = append(out.notes, fmt.Sprintf(format, strings.Join(names, ", "), word))
	}
}

// checkReplace wants that each object to replace belongs to a chosen resource.
func (s *selection) checkReplace(chosen map[string]bool) error {
	for _, address := range s.Replace {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(chosen)), func(name string) bool { return isObjectOf(address, name) }) {
			return usagef("-replace %s: that is the address of no object of a resource of this run; "+
				"write it as plans show it: file.site.file[\"index.html\"]", render.Escape(address))
		}
	}
	return nil
}

func isObjectOf(object, resource string) bool {
	rest, ok := strings.CutPrefix(object, resource+".")
	return ok && strings.HasSuffix(rest, "]") && strings.Contains(rest, "[\"")
}

// objectsOf are the addresses of the objects of one resource.
func objectsOf(resource string, addresses []string) []string {
	var own []string
	for _, address := range addresses {
		if isObjectOf(address, resource) {
			own = append(own, address)
		}
	}
	return own
}

// links are who needs whom. For a destroy, what is needed has to wait for what
// needs it, so that the links are turned around.
type links struct {
	config          *reconcile.MetaConfig
	destroy         bool
	needs, neededBy map[string][]string
}

func newLinks(config *reconcile.MetaConfig, destroy bool) *links {
	l := &links{config: config, destroy: destroy, needs: map[string][]string{}, neededBy: map[string][]string{}}
	for i := range config.Resources {
		name := config.Resources[i].Name
		for _, need := range config.Resources[i].DependsOn {
			l.needs[name] = append(l.needs[name], need)
			l.neededBy[need] = append(l.neededBy[need], name)
		}
	}
	if destroy {
		l.needs, l.neededBy = l.neededBy, l.needs
	}
	return l
}

// word says how what came along is linked to what was named.
func (l *links) word(left bool) string {
	if l.destroy == left {
		return "depends on them"
	}
	return "is what they depend on"
}

func (l *links) all() map[string]bool {
	all := make(map[string]bool, len(l.config.Resources))
	for i := range l.config.Resources {
		all[l.config.Resources[i].Name] = true
	}
	return all
}

func (l *links) suspended() map[string]bool {
	out := map[string]bool{}
	for i := range l.config.Resources {
		if l.config.Resources[i].Suspended {
			out[l.config.Resources[i].Name] = true
		}
	}
	return out
}

// closure adds everything that the edges lead to.
func (l *links) closure(from map[string]bool, edges map[string][]string) map[string]bool {
	reached := maps.Clone(from)
	todo := slices.Collect(maps.Keys(from))
	for len(todo) > 0 {
		last := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, next := range edges[last] {
			if !reached[next] {
				reached[next] = true
				todo = append(todo, next)
			}
		}
	}
	return reached
}

// matching finds the resources that addresses name: one, all instances of one,
// or all of a module.
func (l *links) matching(flag string, addresses []string) (map[string]bool, error) {
	found := map[string]bool{}
	for _, address := range addresses {
		n := len(found)
		known := false
		for i := range l.config.Resources {
			if name := l.config.Resources[i].Name; covers(address, name) {
				found[name], known = true, true
			}
		}
		if len(found) == n && !known {
			return nil, usagef("%s %s: no such resource is declared; %s", flag, render.Escape(address), l.declared())
		}
	}
	return found, nil
}

func covers(address, name string) bool {
	rest, ok := strings.CutPrefix(name, address)
	return ok && address != "" && (rest == "" || rest[0] == '[' || rest[0] == '.')
}

func (l *links) declared() string {
	const most = 10
	var names []string
	for i := range l.config.Resources {
		names = append(names, l.config.Resources[i].Name)
	}
	if len(names) == 0 {
		return "the module declares none"
	}
	text := "declared: " + strings.Join(names[:min(most, len(names))], ", ")
	if rest := len(names) - most; rest > 0 {
		text += fmt.Sprintf(" and %d more", rest)
	}
	return text
}

// part is the config of the chosen resources. A dependency on what is not chosen
// counts as satisfied.
func (l *links) part(chosen map[string]bool) *reconcile.MetaConfig {
	out := &reconcile.MetaConfig{}
	for _, resource := range l.config.Resources {
		if !chosen[resource.Name] {
			continue
		}
		resource.DependsOn = slices.DeleteFunc(slices.Clone(resource.DependsOn), func(name string) bool { return !chosen[name] })
		out.Resources = append(out.Resources, resource)
	}
	return out
}

func minus(all, some map[string]bool) []string {
	var rest []string
	for name := range all {
		if !some[name] {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	return rest
}
