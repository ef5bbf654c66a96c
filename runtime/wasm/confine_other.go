//go:build !linux

package wasm

import (
	"errors"
	"os/exec"
)

type pathRule struct{}

func rulesFor(*processSpec) []pathRule { return nil }

func landlockSays() string { return "absent: this system has none" }

// startConfined just starts the process: a worker notices the end of its parent
// by its pipe.
func startConfined(cmd *exec.Cmd, _ []pathRule, _ <-chan struct{}) (lacking, err error) {
	return errors.New("this system has no Landlock"), cmd.Start()
}
