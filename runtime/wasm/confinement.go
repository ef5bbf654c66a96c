package wasm

import "github.com/cogplan/cogplan/runtime/wasm/internal/seccomp"

// Wall is one of the walls around a worker process that the operating system
// gives, or does not.
type Wall struct {
	Name string `json:"name"`
	// Says tells of what kind it is, or begins with "absent" and tells why.
	Says string `json:"says"`
}

// Walls are those that a worker on this machine has behind the WebAssembly
// sandbox. It may be called from anywhere.
func Walls() []Wall {
	calls := "system calls that no worker needs fail"
	if err := seccomp.Available(); err != nil {
		calls = "absent: " + err.Error()
	}
	return []Wall{{"landlock", landlockSays()}, {"seccomp", calls}}
}
