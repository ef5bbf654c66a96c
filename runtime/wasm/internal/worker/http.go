package worker

import "github.com/cogplan/cogplan/runtime/wasm/abi"

// maxPiece is the largest piece of a body that one host call hands over.
const maxPiece = 1 << 20

// httpCall carries out a host call for HTTP.
func (inst *instance) httpCall(op abi.HostOp, data []byte) int64 {
	switch op {
	case abi.HostHTTPStart:
		return inst.httpStart(data)
	case abi.HostHTTPWait:
		return inst.httpWait(data)
	default:
	}
	handle, rest, ok := abi.CutHandle(data)
	if !ok {
		return int64(abi.HostBadRequest)
	}
	switch op {
	case abi.HostHTTPWrite:
		return inst.http.write(handle, rest)
	case abi.HostHTTPClose:
		inst.http.forget(handle)
		return 0
	case abi.HostHTTPHead:
		if head := inst.http.head(handle); head != nil && len(rest) == 0 {
			inst.pending = head
			return int64(len(head))
		}
	case abi.HostHTTPRead:
		if room, left, ok := abi.CutHandle(rest); ok && len(left) == 0 {
			return inst.gives(inst.http.read(handle, int(min(room, maxPiece))))
		}
	default:
		return int64(abi.HostUnknownOp)
	}
	return int64(abi.HostBadRequest)
}

func (inst *instance) httpStart(data []byte) int64 {
	request, err := abi.DecodeHTTPStartRequest(data, abi.DefaultLimits())
	if err != nil {
		return int64(abi.HostBadRequest)
	}
	handle, refused := inst.http.start(data, request.Size)
	if refused != 0 {
		return refused
	}
	return inst.answer(&abi.HTTPStartAnswer{Handle: handle})
}

func (inst *instance) httpWait(data []byte) int64 {
	request, err := abi.DecodeHTTPWaitRequest(data, abi.DefaultLimits())
	if err != nil {
		return int64(abi.HostBadRequest)
	}
	answer, ok := inst.http.wait(request)
	if !ok {
		return int64(abi.HostBadRequest)
	}
	return inst.answer(answer)
}

// gives leaves a piece of a stream to be taken.
func (inst *instance) gives(piece []byte, refused int64) int64 {
	if refused != 0 {
		return refused
	}
	if len(piece) > 0 {
		inst.pending = piece
	}
	return int64(len(piece))
}
