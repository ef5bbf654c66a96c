// Package reconcile is the vocabulary and the engine of cogplan: resources,
// plans, decisions, results and states, the [Reconcilable] contract that each
// provider fulfils, and the [Engine] that observes, plans, reviews, applies and
// records.
//
// The package imports only the standard library and builds for wasip1, because
// providers inside the sandbox speak the same vocabulary. It knows no HCL, no
// WebAssembly and no Rego: those arrive as values ([Reconcilable], [Gate],
// [StateStore], [EventSink]). It refuses to apply anything that no gate has
// allowed, and to record a state over one that it cannot read.
package reconcile
