package main

import (
	"errors"
	"io"
	"os"

	"github.com/cogplan/cogplan/sdk"
)

// piece is how much of a large file is in memory at once.
const piece = 256 << 10

// copyLarge copies a source that is too large to be held in memory. Its digest
// is taken before the first byte is written and again of what was written.
func (s *site) copyLarge(t target, source string) error {
	infos, err := s.session.Stat([]string{guestPath(source)}, true)
	if err != nil {
		return err
	}
	if infos[0].SHA256 != t.sha256 {
		return sdk.Stale(source + " is not any more what the plan saw")
	}
	in, err := os.Open(s.session.Path(guestPath(source)))
	if err != nil {
		return errors.New("read " + source + ": " + sdk.Reason(err))
	}
	defer in.Close() //nolint:errcheck // only read
	out, err := s.create(t)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, make([]byte, piece))
	if err := s.finish(t, out, err); err != nil {
		return err
	}
	written, err := s.stat(t.words)
	if err == nil && written.SHA256 != t.sha256 {
		err = sdk.Stale(source + " changed while it was copied; " + t.words + " holds a mixture, apply again")
	}
	return err
}
