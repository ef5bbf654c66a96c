package worker

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// hostModule offers the imports of the protocol. None of them calls the guest:
// a hostile allocator would end the process.
func hostModule(ctx context.Context, r wazero.Runtime) error {
	i32, i64 := api.ValueTypeI32, api.ValueTypeI64
	b := r.NewHostModuleBuilder(abi.ImportModule)
	add := func(name string, f api.GoModuleFunc, params, results []api.ValueType) {
		b = b.NewFunctionBuilder().WithGoModuleFunction(f, params, results).Export(name)
	}
	add(abi.ImportTake, take, []api.ValueType{i32, i32}, []api.ValueType{i32})
	add(abi.ImportReply, reply, []api.ValueType{i32, i32}, []api.ValueType{i32})
	add(abi.ImportLog, logLine, []api.ValueType{i32, i32, i32}, nil)
	add(abi.ImportHostCall, hostCall, []api.ValueType{i32, i32, i32}, []api.ValueType{i64})
	if _, err := b.Instantiate(ctx); err != nil {
		return fmt.Errorf("offer the host's functions: %w", err)
	}
	return nil
}

func take(ctx context.Context, m api.Module, stack []uint64) {
	inst := instanceOf(ctx)
	ptr, size := uint32(stack[0]), uint32(stack[1])
	if inst.pending == nil || int64(size) != int64(len(inst.pending)) {
		stack[0] = api.EncodeI32(int32(abi.HostBadLength))
		return
	}
	if !m.Memory().Write(ptr, inst.pending) {
		stack[0] = api.EncodeI32(int32(abi.HostBadMemory))
		return
	}
	inst.pending = nil
	stack[0] = uint64(size)
}

func reply(ctx context.Context, m api.Module, stack []uint64) {
	inst := instanceOf(ctx)
	ptr, size := uint32(stack[0]), uint32(stack[1])
	stack[0] = 0
	if !inst.running || inst.replied {
		stack[0] = api.EncodeI32(int32(abi.HostRepeated))
		return
	}
	if int64(size) > inst.output {
		inst.tooLarge = int64(size)
		stack[0] = api.EncodeI32(int32(abi.HostTooLarge))
		return
	}
	data, ok := m.Memory().Read(ptr, size)
	if !ok {
		stack[0] = api.EncodeI32(int32(abi.HostBadMemory))
		return
	}
	inst.reply = append(inst.reply[:0], data...)
	inst.replied = true
}

func logLine(ctx context.Context, m api.Module, stack []uint64) {
	if line, ok := m.Memory().Read(uint32(stack[1]), uint32(stack[2])); ok {
		instanceOf(ctx).logs.line(byte(stack[0]), line)
	}
}

func hostCall(ctx context.Context, m api.Module, stack []uint64) {
	data, ok := m.Memory().Read(uint32(stack[1]), uint32(stack[2]))
	if !ok {
		stack[0] = api.EncodeI64(int64(abi.HostBadMemory))
		return
	}
	stack[0] = api.EncodeI64(instanceOf(ctx).hostCall(abi.HostOp(api.DecodeI32(stack[0])), data))
}

func (inst *instance) hostCall(op abi.HostOp, data []byte) int64 {
	switch op {
	case abi.HostSHA256Add:
		inst.digest.Write(data)
		return 0
	case abi.HostSHA256Sum:
		inst.digest.Write(data)
		inst.pending = inst.digest.Sum(inst.sum[:0])
		inst.digest.Reset()
		return sha256.Size
	case abi.HostFileStat:
		return inst.fileStat(data)
	case abi.HostFileChmod:
		return inst.fileChmod(data)
	case abi.HostTCPConnect, abi.HostTCPState, abi.HostTCPWrite, abi.HostTCPRead, abi.HostTCPShut, abi.HostTCPClose:
		return inst.tcpCall(op, data)
	default:
		return inst.httpCall(op, data)
	}
}

func (inst *instance) fileStat(data []byte) int64 {
	request, err := abi.DecodeFileStatRequest(data, abi.DefaultLimits())
	if err != nil {
		return int64(abi.HostBadRequest)
	}
	inst.widen(len(request.Paths))
	return inst.answer(&abi.FileStatAnswer{Files: inst.fs.Examine(request.Paths, request.Digest)})
}

func (inst *instance) fileChmod(data []byte) int64 {
	request, err := abi.DecodeFileChmodRequest(data, abi.DefaultLimits())
	if err != nil {
		return int64(abi.HostBadRequest)
	}
	return inst.answer(&abi.FileChmodAnswer{Error: inst.fs.ChmodText(request.Path, request.Mode)})
}

// answer leaves the answer of a host call to be taken.
func (inst *instance) answer(m interface{ Append([]byte) ([]byte, error) }) int64 {
	var err error
	if inst.given, err = m.Append(inst.given[:0]); err != nil {
		return int64(abi.HostBadRequest)
	}
	inst.pending = inst.given
	return int64(len(inst.given))
}
