// Package sdk is the guest's side of cogplan: it serves a provider to the host
// over the protocol of docs/protocol.md. An author writes Go against
// [Objects] (desired, live, create, update, delete; the host plans) or against
// [reconcile.Reconcilable] (the provider plans itself), registers it from an
// init function with [ServeObjects] or [Serve], and builds with
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o name.wasm
//
// The package refuses to do the host's work: it neither compares objects nor
// judges what is permitted. It avoids reflection, encoding/json and fmt, so that
// a guest stays small. On other platforms it compiles too, and [NewObjects]
// runs the same provider natively for tests.
package sdk
