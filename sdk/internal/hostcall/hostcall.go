// Package hostcall makes the host calls of docs/protocol.md for the packages
// below sdk. Outside of a sandbox there is no host, and each call says so.
package hostcall

import "github.com/cogplan/cogplan/runtime/wasm/abi"

// Ask makes a host call whose request and answer are messages.
func Ask(op abi.HostOp, request interface {
	Append(b []byte) ([]byte, error)
},
) ([]byte, error) {
	data, err := request.Append(nil)
	if err != nil {
		return nil, err
	}
	return Raw(op, data)
}

// Raw makes a host call whose request and answer are bytes.
func Raw(op abi.HostOp, data []byte) ([]byte, error) {
	n := call(op, data)
	if n < 0 {
		return nil, abi.HostError(n)
	}
	if n == 0 {
		return nil, nil
	}
	answer := make([]byte, n)
	if got := take(answer); int64(got) != n {
		return nil, abi.HostError(got)
	}
	return answer, nil
}

// Give makes a host call that takes bytes, and returns how many.
func Give(op abi.HostOp, data []byte) (int, error) {
	n := call(op, data)
	if n < 0 {
		return 0, abi.HostError(n)
	}
	return int(n), nil
}
