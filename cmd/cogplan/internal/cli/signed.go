package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/approval"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/planfile"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/policy"
)

// readSigned verifies the approvals and overrides of a plan file. One that is for
// another plan, or not genuine, is an error and not only left out: whoever gave it
// meant it to count.
func (a *app) readSigned(ctx context.Context, f *rulingFlags, plan *planfile.Plan) error {
	if len(f.approvals)+len(f.overrides) == 0 {
		return nil
	}
	trust, err := a.readTrust(f)
	if err != nil {
		return err
	}
	for _, name := range f.approvals {
		statement, err := approval.Read(ctx, name, trust)
		if err == nil {
			err = a.counts("approval", name, &statement, plan)
		}
		if err != nil {
			return &signedError{err, outcomeUnapproved}
		}
		a.ruling.approvals = append(a.ruling.approvals, approvalsOf(statement, plan)...)
	}
	for _, name := range f.overrides {
		override, err := approval.ReadOverride(ctx, name, trust)
		if err == nil {
			err = a.counts("override", name, &override.Statement, plan)
		}
		var lifted policy.Override
		if err == nil {
			lifted, err = overrideOf(name, &override, plan)
		}
		if err != nil {
			return &signedError{err, outcomeDenied}
		}
		a.ruling.overrides = append(a.ruling.overrides, lifted)
	}
	return nil
}

func (a *app) readTrust(f *rulingFlags) (*approval.Trust, error) {
	path := f.trust
	if path == "" {
		path = a.proc.environ["COGPLAN_TRUST"]
	}
	if path == "" {
		return nil, usagef("-approval and -override need a trust file, which says whose word counts: -trust file, or COGPLAN_TRUST")
	}
	if err := checkTrustFile(path); err != nil {
		return nil, err
	}
	return approval.ReadTrust(path)
}

// counts refuses what was signed for another plan, or for a time that is over.
func (a *app) counts(noun, name string, statement *approval.Statement, plan *planfile.Plan) error {
	switch {
	case statement.Digest != plan.Digest:
		return fmt.Errorf("the %s %s does not count: it is for the plan %s, and this is %s", noun, name, statement.Digest, plan.Digest)
	case !statement.Expires.After(a.proc.now()):
		return fmt.Errorf("the %s %s does not count: it expired on %s; have the plan looked at again", noun, name, statement.Expires.UTC().Format("2006-01-02 15:04 MST"))
	}
	return nil
}

// signedError is an approval or override that does not count.
type signedError struct {
	error
	outcome outcome
}

// unsigned ends an apply whose approvals or overrides do not count.
func (r *run) unsigned(err error) error {
	if _, ok := errors.AsType[*usageError](err); ok {
		return err
	}
	o, summary := outcomeFailed, "The plan cannot be approved"
	if signed, ok := errors.AsType[*signedError](err); ok {
		if o = signed.outcome; o == outcomeDenied {
			summary = "The plan is denied"
		} else {
			summary = "The plan is not approved"
		}
	}
	return r.unread(o, render.Errorf(summary, "%s.\nNothing was applied.", sentence(err)))
}

// approvalsOf makes the approval of a plan one of the run and of each of its
// parts, whose digests are those that the plan's digest is made of.
func approvalsOf(statement approval.Statement, plan *planfile.Plan) []policy.Approval {
	one := policy.Approval{
		Actor: statement.Actor, Reason: statement.Reason, Expires: statement.Expires,
		PlanDigest: plan.Digest, Author: authorOf(plan),
	}
	out := []policy.Approval{one}
	for i := range plan.Resources {
		if digest := plan.Resources[i].Digest; digest != "" {
			one.PlanDigest = digest
			out = append(out, one)
		}
	}
	return out
}

// overrideOf binds an override to the part of the plan that it is about.
func overrideOf(name string, o *approval.Override, plan *planfile.Plan) (policy.Override, error) {
	out := policy.Override{
		Rule: o.Rule, Resource: o.Resource, Reason: o.Reason, Actor: o.Actor, Expires: o.Expires, PlanDigest: plan.Digest,
	}
	if policy.AboutRuns(o.Rule) {
		return out, nil
	}
	for i := range plan.Resources {
		if r := &plan.Resources[i]; r.Address == o.Resource && r.Digest != "" {
			out.PlanDigest = r.Digest
			return out, nil
		}
	}
	return out, fmt.Errorf("the override %s does not count: the plan has nothing about %s", name, o.Resource)
}

// authorOf is who made a plan.
func authorOf(plan *planfile.Plan) string {
	for i := range plan.Resources {
		if actor := plan.Resources[i].Run.Actor; actor != "" {
			return actor
		}
	}
	return ""
}
