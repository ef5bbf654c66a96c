package main

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strconv"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/sdk"
)

// wholeFile is the largest source that is read at once, so that its digest is
// known before the first byte is written.
const wholeFile = 8 << 20

// write writes the content, after its digest was found to be the planned one.
func (s *site) write(t target, desired *reconcile.Resource) error {
	source, ok := desired.Attributes[attrSource].(string)
	if !ok {
		data, err := inlineContent(desired)
		if err != nil {
			return err
		}
		return s.writeBytes(t, data, "the content that was planned")
	}
	if why := checkPlace(source); why != "" {
		return errors.New(source + ": " + why)
	}
	infos, err := s.session.Stat([]string{guestPath(source)}, false)
	if err != nil {
		return err
	}
	if why := refused(infos[0], "file"); why != "" {
		return errors.New(source + ": " + why)
	}
	if infos[0].Size > wholeFile {
		return s.copyLarge(t, source)
	}
	data, err := os.ReadFile(s.session.Path(guestPath(source)))
	if err != nil {
		return errors.New("read " + source + ": " + sdk.Reason(err))
	}
	return s.writeBytes(t, data, source)
}

func inlineContent(desired *reconcile.Resource) ([]byte, error) {
	if text, ok := desired.Attributes[attrContent].(string); ok {
		return []byte(text), nil
	}
	encoded, ok := desired.Attributes[attrBase64].(string)
	if !ok {
		return nil, errors.New(strconv.Quote(desired.Name) + ": the plan has neither content nor source")
	}
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errors.New(strconv.Quote(desired.Name) + ": the planned content is not base64")
	}
	return data, nil
}

func (s *site) writeBytes(t target, data []byte, from string) error {
	if sum := s.session.SHA256(data); hex.EncodeToString(sum[:]) != t.sha256 {
		return sdk.Stale(from + " is not any more what the plan saw")
	}
	f, err := s.create(t)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return s.finish(t, f, err)
}

func (s *site) create(t target) (*os.File, error) {
	f, err := os.OpenFile(s.session.Path(guestPath(t.words)), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, sdk.NewFileMode)
	if err != nil {
		return nil, errors.New("write " + t.words + ": " + sdk.Reason(err))
	}
	return f, nil
}

// finish closes a file that was written; the host puts it in place then.
func (s *site) finish(t target, f *os.File, err error) error {
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return errors.New("write " + t.words + ": " + sdk.Reason(err))
	}
	return nil
}

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
