//go:build !unix

package worker

import "os"

// pollable leaves the pipe as it is.
func pollable(f *os.File) *os.File { return f }
