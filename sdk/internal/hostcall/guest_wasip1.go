package hostcall

import (
	"unsafe"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

//go:wasmimport cogplan_v1 take
func hostTake(ptr unsafe.Pointer, size uint32) int32

//go:wasmimport cogplan_v1 host_call
func hostCall(op int32, ptr unsafe.Pointer, size uint32) int64

// Available says that there is a host.
const Available = true

func call(op abi.HostOp, data []byte) int64 {
	return hostCall(int32(op), unsafe.Pointer(unsafe.SliceData(data)), uint32(len(data)))
}

func take(buf []byte) int32 {
	return hostTake(unsafe.Pointer(unsafe.SliceData(buf)), uint32(len(buf)))
}
