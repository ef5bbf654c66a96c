//go:build !unix

package worker

import (
	"errors"

	"github.com/cogplan/cogplan/runtime/wasm/internal/image"
)

// initial is not used on this system: the runtime copies the segments.
type initial struct{}

func newInitial(image.Image) (*initial, error) { return nil, errors.ErrUnsupported }

func (*initial) close() {}
