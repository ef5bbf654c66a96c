// Package wasm runs providers: WebAssembly modules that nobody has to trust.
//
// [Load] reads and checks a module before anything compiles it. A [Host] runs
// each module in worker processes, which are this same executable started again
// (see [RunWorkerIfRequested]) with an empty environment, two pipes, limits from
// the kernel and the files that were granted. [Host.Describe] asks a module what
// it is, [Host.Provider] binds it to its grants and configuration, and
// [Provider.Resource] makes the [reconcile.Reconcilable] of one resource.
//
// The package refuses to run a module in this process, to call it for longer
// than its limits say, to let it write while a plan is made, and to let it do
// anything in an apply but the effects of the action that is applied. What it
// promises, and what it does not, is written down in docs/sandbox.md.
package wasm
