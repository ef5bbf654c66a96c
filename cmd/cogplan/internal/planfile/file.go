package planfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxBytes bounds a file that is read.
const maxBytes = 1 << 30

// envelope is around the plan: enough to see what it is and that it is whole.
type envelope struct {
	Format  string          `json:"format"`
	Version int             `json:"format_version"`
	Digest  string          `json:"sha256"`
	Plan    json.RawMessage `json:"plan"`
}

// Encode is the form in which a plan is kept: one line of JSON.
func Encode(plan *Plan) ([]byte, error) {
	body, err := marshal(plan)
	if err != nil {
		return nil, err
	}
	return marshal(&envelope{Format: formatName, Version: Version, Digest: hashOf(body), Plan: body})
}

func marshal(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("write down the plan: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Decode reads what Encode wrote and refuses everything else.
func Decode(data []byte) (*Plan, error) {
	head, err := decodeEnvelope(data)
	if err != nil {
		return nil, err
	}
	if head.Digest != hashOf(head.Plan) {
		return nil, errors.New("it is damaged, or somebody changed it: its content is not that of its digest")
	}
	plan := &Plan{}
	if err := strictly(head.Plan, plan); err != nil {
		return nil, err
	}
	return plan, plan.check()
}

func decodeEnvelope(data []byte) (*envelope, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("it is empty")
	}
	// Another version may have other fields, so the version comes first.
	var mark struct {
		Format  string `json:"format"`
		Version int    `json:"format_version"`
	}
	err := json.NewDecoder(bytes.NewReader(data)).Decode(&mark)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("it is cut off")
	case err != nil || mark.Format != formatName:
		return nil, errors.New("it is not a plan file of cogplan")
	case mark.Version != Version:
		return nil, fmt.Errorf("its format is version %d, and this cogplan knows version %d", mark.Version, Version)
	}
	head := &envelope{}
	return head, strictly(data, head)
}

// strictly decodes one JSON value, without unknown fields and with nothing
// behind it.
func strictly(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("it is damaged: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("data follows its end")
	}
	return nil
}

// Read reads a plan file. What cannot be used is a [DamagedError].
func Read(path string) (*Plan, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the plan file: %w; make one with: cogplan plan -out file", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read the plan file: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read from
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the plan file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, &DamagedError{Path: path, Reason: "it is not a file"}
	}
	data, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the plan file %s: %w", path, err)
	}
	if len(data) > maxBytes {
		return nil, &DamagedError{Path: path, Reason: "it is too large"}
	}
	plan, err := Decode(data)
	if err != nil {
		return nil, &DamagedError{Path: path, Reason: err.Error()}
	}
	return plan, nil
}

// Write puts a plan in place, whole or not at all, readable by its owner alone.
func Write(path string, plan *Plan) (err error) {
	if err := Writable(path); err != nil {
		return err
	}
	data, err := Encode(plan)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	file, err := os.CreateTemp(dir, ".cogplan-plan-*.tmp") // its mode is 0600
	if err != nil {
		return fmt.Errorf("write the plan file: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write the plan file %s: %w", path, err), os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(append(data, '\n'))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	syncFolder(dir)
	return nil
}

// syncFolder makes the name last, where folders can be synced. The plan is there
// either way: that its name outlives a power cut is all that is at stake.
func syncFolder(dir string) {
	if folder, err := os.Open(dir); err == nil {
		_ = folder.Sync()
		_ = folder.Close()
	}
}

// Writable refuses to write over anything but a plan file: a slip of the tongue
// must not cost a module its source.
func Writable(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return fmt.Errorf("the plan file %s cannot be written: %w", path, err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("the plan file %s cannot be written: %w", path, err)
	}
	if info.Mode().IsRegular() && (info.Size() == 0 || Is(path)) {
		return nil
	}
	return fmt.Errorf("the file %s is there and is no plan file; name another one, or remove it first", path)
}

// Is reports whether a file claims to be a plan; [Read] says whether it is one.
func Is(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }() // it was only read from
	start := []byte(`{"format":"` + formatName + `"`)
	data := make([]byte, len(start))
	_, err = io.ReadFull(file, data)
	return err == nil && bytes.Equal(data, start)
}
