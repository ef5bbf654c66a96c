// Command rest is the provider of any JSON API over HTTP: the items of one
// collection become objects. It is built for the sandbox:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o rest.wasm ./providers/rest
//
// It compares only what is declared, so that fields which a server adds never
// look like a change. It refuses two declarations of one name, to follow a link
// to another origin, and to change an item that is not any more what the plan
// saw. Credentials are the host's: it never sees one.
package main

import "github.com/cogplan/cogplan/sdk"

func init() { sdk.ServeObjects(description(), open) }

// main never runs: a provider is a library that the host calls.
func main() {}
