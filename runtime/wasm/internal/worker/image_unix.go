//go:build unix && !linux

package worker

import "github.com/cogplan/cogplan/runtime/wasm/internal/image"

// initial is what memories hold at the start: one copy instead of one for each
// segment.
type initial struct {
	data     image.Image
	from, to uint64
}

func newInitial(data image.Image) (*initial, error) {
	from := uint64(data.Offset)
	return &initial{data: data, from: from, to: from + uint64(len(data.Bytes))}, nil
}

func (i *initial) place(space []byte) error {
	copy(space[i.from:i.to], i.data.Bytes)
	return nil
}

func (i *initial) close() {}
