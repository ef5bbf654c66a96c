//go:build !wasip1

package hostcall

import "github.com/cogplan/cogplan/runtime/wasm/abi"

// Available says that there is no host.
const Available = false

func call(abi.HostOp, []byte) int64 { return int64(abi.HostUnknownOp) }

func take([]byte) int32 { return int32(abi.HostUnknownOp) }
