package broker

import (
	"errors"
	"slices"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Covered brings an effect into the one form in which requests are judged, and
// refuses what no grant permits: a plan would promise what is stopped later.
func Covered(grants []reconcile.HTTPGrant, effect reconcile.Effect) (reconcile.Effect, error) {
	e, err := parseEffect(effect)
	if err != nil {
		return effect, err
	}
	if err := checkPlaceholders(e.at); err != nil {
		return effect, err
	}
	why := "no grant names the origin " + e.at.scheme + "://" + e.at.hostPort()
	for _, grant := range grants {
		o, err := newOrigin(judgedAlone(grant), &Options{}, nil)
		if err != nil {
			return effect, err
		}
		if o.key != e.at.origin() {
			continue
		}
		ok, _, reason := o.allows(e.method, e.at)
		if ok {
			effect.Target = e.at.url()
			return effect, nil
		}
		why = reason
	}
	return effect, errors.New(why)
}

// judgedAlone is a grant without what takes files and secrets.
func judgedAlone(grant reconcile.HTTPGrant) reconcile.HTTPGrant {
	grant.Credential, grant.CA = "", ""
	return grant
}

// checkPlaceholders lets a placeholder stand for one whole segment of a path,
// and for nothing else: what it may come to mean has to be plain to see.
func checkPlaceholders(at place) error {
	if strings.ContainsAny(at.query, "{}") || strings.Contains(strings.ToUpper(at.query), "%7B") {
		return errors.New("a placeholder may not stand in a query")
	}
	wrong := func(segment string) bool {
		inner := strings.TrimSuffix(strings.TrimPrefix(segment, "{"), "}")
		return strings.ContainsAny(segment, "{}") && (len(segment) != len(inner)+2 || inner == "" || strings.ContainsAny(inner, "{}"))
	}
	if slices.ContainsFunc(strings.Split(at.path, "/"), wrong) {
		return errors.New("a placeholder has to be a whole segment of the path, like {id}")
	}
	return nil
}
