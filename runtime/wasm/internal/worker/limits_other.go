//go:build !unix

package worker

import "github.com/cogplan/cogplan/runtime/wasm/internal/pipe"

// limitProcess does nothing: this system has no limits of this kind.
func limitProcess(*pipe.Config) error { return nil }
