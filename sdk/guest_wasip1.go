//go:build wasip1

package sdk

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"runtime/debug"
	"unsafe"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

//go:wasmimport cogplan_v1 take
func hostTake(ptr unsafe.Pointer, size uint32) int32

//go:wasmimport cogplan_v1 reply
func hostReply(ptr unsafe.Pointer, size uint32) int32

//go:wasmimport cogplan_v1 log
func hostLog(level int32, ptr unsafe.Pointer, size uint32)

//go:wasmimport cogplan_v1 host_call
func hostCall(op int32, ptr unsafe.Pointer, size uint32) int64

// served is the provider of this guest. A reactor's main never runs, so an init
// function has to leave it here.
var served *Server

func register(s *Server) {
	if served != nil {
		panic("sdk: a guest serves one provider")
	}
	served = s
	// A guest lives for one session: memory is cheaper than collections.
	debug.SetGCPercent(400)
}

// setEnviron shows the granted variables to libraries that ask the system for
// them. A name that the system cannot hold is left to [Session.Env].
func setEnviron(env map[string]string) {
	for name, value := range env {
		_ = os.Setenv(name, value)
	}
}

//go:wasmexport cogplan_abi_v1
func exportVersion() int32 { return abi.Version }

//go:wasmexport cogplan_call
func exportCall(op, size int32) int32 {
	request := make([]byte, max(size, 0))
	if got := hostTake(unsafe.Pointer(unsafe.SliceData(request)), uint32(len(request))); got != size {
		panic("sdk: the request cannot be taken: " + abi.HostError(got).Error())
	}
	if served == nil {
		panic("sdk: no provider is registered; call sdk.ServeObjects or sdk.Serve from an init function")
	}
	//nolint:forbidigo // the host holds the deadline and ends the instance with it
	reply, status := served.Call(context.Background(), abi.Op(op), request)
	if got := hostReply(unsafe.Pointer(unsafe.SliceData(reply)), uint32(len(reply))); got != 0 {
		panic("sdk: the host refused the reply: " + abi.HostError(got).Error())
	}
	return status
}

func hostLogLine(level abi.LogLevel, line string) {
	hostLog(int32(level), unsafe.Pointer(unsafe.StringData(line)), uint32(len(line)))
}

func hostSum(data []byte) (sum [sha256.Size]byte, ok bool) {
	n := hostCall(int32(abi.HostSHA256Sum), unsafe.Pointer(unsafe.SliceData(data)), uint32(len(data)))
	if n != sha256.Size {
		return sum, false
	}
	got := hostTake(unsafe.Pointer(&sum), sha256.Size)
	return sum, got == sha256.Size
}

// hostReset begins a new digest.
func hostReset() bool {
	_, ok := hostSum(nil)
	return ok
}

func hostAdd(data []byte) {
	if hostCall(int32(abi.HostSHA256Add), unsafe.Pointer(unsafe.SliceData(data)), uint32(len(data))) != 0 {
		panic("sdk: the host refused to hash")
	}
}

// ask makes a host call whose answer is a message.
func ask(op abi.HostOp, request message) ([]byte, error) {
	data, err := request.Append(nil)
	if err != nil {
		return nil, err
	}
	n := hostCall(int32(op), unsafe.Pointer(unsafe.SliceData(data)), uint32(len(data)))
	if n < 0 {
		return nil, abi.HostError(n)
	}
	answer := make([]byte, n)
	if got := hostTake(unsafe.Pointer(unsafe.SliceData(answer)), uint32(n)); int64(got) != n {
		return nil, abi.HostError(got)
	}
	return answer, nil
}

func hostStat(paths []string, digest bool) ([]abi.FileInfo, error) {
	data, err := ask(abi.HostFileStat, &abi.FileStatRequest{Paths: paths, Digest: digest})
	if err != nil {
		return nil, err
	}
	answer, err := abi.DecodeFileStatAnswer(data, len(paths), abi.DefaultLimits())
	return answer.Files, err
}

func hostChmod(name string, mode int) error {
	data, err := ask(abi.HostFileChmod, &abi.FileChmodRequest{Path: name, Mode: mode})
	if err != nil {
		return err
	}
	answer, err := abi.DecodeFileChmodAnswer(data, abi.DefaultLimits())
	if err == nil && answer.Error != "" {
		err = errors.New(answer.Error)
	}
	return err
}
