//go:build !wasip1

package sdk

import (
	"crypto/sha256"
	"errors"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// register does nothing outside of a sandbox: there is no host that would call.
func register(*Server) {}

// setEnviron does nothing: natively the environment is the process's own.
func setEnviron(map[string]string) {}

func hostLogLine(abi.LogLevel, string) {}

func hostSum([]byte) (sum [sha256.Size]byte, ok bool) { return sum, false }

func hostReset() bool { return false }

func hostAdd([]byte) {}

func hostStat([]string, bool) ([]abi.FileInfo, error) { return nil, errors.ErrUnsupported }

func hostChmod(string, int) error { return errors.ErrUnsupported }
