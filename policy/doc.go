// Package policy rules on plans with Rego. An [Engine] holds the embedded
// default policy and the policies of a module; it is a [reconcile.Gate] for each
// plan and a [reconcile.RunGate] for all plans of a run.
//
// It fails closed. A policy that cannot be read, compiled or evaluated, a rule
// of an odd shape or with an almost right name, an undefined result, a passed
// deadline: each is an error when policies are loaded, or a denial. There is no
// option that changes this.
//
// It refuses to reach beyond its input: policies have no network, no
// environment, no randomness, and a clock that stands still. They cannot change
// the default policy, only the author of the module can, by level and parameter
// and within what each rule permits.
//
// The input, the rules and the default policy are specified in docs/policy.md.
package policy
