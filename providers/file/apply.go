package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path"
	"strconv"
	"syscall"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/sdk"
)

// target is what an action is about.
type target struct {
	directory bool
	words     string
	mode      int // -1 where not managed
	sha256    string
}

func targetOf(r *reconcile.Resource) (target, error) {
	t := target{mode: -1}
	if r == nil {
		return t, nil
	}
	t.directory = r.Type == typeDirectory
	words, _ := r.Attributes[attrPath].(string)
	if why := checkPlace(words); why != "" {
		return t, errors.New(strconv.Quote(r.Name) + ": " + why)
	}
	t.words = path.Clean(words)
	if text, ok := r.Attributes[attrMode].(string); ok {
		t.mode = looseMode(text)
	}
	t.sha256, _ = r.Attributes[attrSHA256].(string)
	if !t.directory && t.sha256 == "" {
		return t, errors.New(strconv.Quote(r.Name) + ": the plan has no digest of the file")
	}
	return t, nil
}

// looseMode reads a mode as it was found, special bits and all; -1 if it is
// none.
func looseMode(text string) int {
	v, err := strconv.ParseUint(text, 8, 16)
	if err != nil {
		return -1
	}
	return int(v)
}

// newMode is the mode of what is made without one.
func (t target) newMode() int {
	if t.directory {
		return sdk.NewDirectoryMode
	}
	return sdk.NewFileMode
}

func effect(operation, words string) reconcile.Effect {
	return reconcile.Effect{Capability: reconcile.CapabilityFile, Operation: operation, Target: words}
}

// Effects says which paths an action touches, and how.
func (s *site) Effects(_ context.Context, change sdk.Change) ([]reconcile.Effect, error) {
	before, err := targetOf(change.Before)
	if err != nil {
		return nil, err
	}
	desired, err := targetOf(change.Desired)
	if err != nil {
		return nil, err
	}
	switch change.Action {
	case reconcile.ActionDelete:
		if before.directory {
			return []reconcile.Effect{effect("rmdir", before.words)}, nil
		}
		return []reconcile.Effect{effect("delete", before.words)}, nil
	case reconcile.ActionCreate:
		return s.createEffects(desired)
	case reconcile.ActionUpdate:
		return updateEffects(before, desired), nil
	case reconcile.ActionSkip:
		return nil, nil
	default:
		return nil, sdk.Unsupported("the action " + string(change.Action))
	}
}

func (s *site) createEffects(t target) ([]reconcile.Effect, error) {
	var list []reconcile.Effect
	if !t.directory {
		list = append(list, effect("write", t.words))
	} else {
		above, err := s.above(t.words)
		if err != nil {
			return nil, err
		}
		for _, words := range append(above, t.words) {
			list = append(list, effect("mkdir", words))
		}
	}
	if t.mode >= 0 && t.mode != t.newMode() {
		list = append(list, effect("chmod", t.words))
	}
	return list, nil
}

func updateEffects(before, desired target) []reconcile.Effect {
	var list []reconcile.Effect
	if before.sha256 != desired.sha256 {
		list = append(list, effect("write", desired.words))
	}
	if desired.mode >= 0 && desired.mode != before.mode {
		list = append(list, effect("chmod", desired.words))
	}
	return list
}

// above are the granted directories above the root, the outermost first, be they
// there or not: if another resource makes one of them first, the plan is still
// the one that was reviewed. Other directories have none that are no objects.
func (s *site) above(words string) ([]string, error) {
	var list []string
	if words != s.root {
		return nil, nil
	}
	for dir := path.Dir(words); dir != "." && dir != "/"; dir = path.Dir(dir) {
		infos, err := s.session.Stat([]string{guestPath(dir)}, false)
		if err != nil {
			return nil, err
		}
		if infos[0].Outside || infos[0].Kind == sdk.FileDenied {
			break
		}
		list = append([]string{dir}, list...)
	}
	return list, nil
}

// missing are the directories that have to be made for that one to exist, the
// outermost first. Only the root has directories above it that are no objects.
func (s *site) missing(words string) ([]string, error) {
	list := []string{words}
	if words != s.root {
		return list, nil
	}
	for dir := path.Dir(words); dir != "." && dir != "/"; dir = path.Dir(dir) {
		infos, err := s.session.Stat([]string{guestPath(dir)}, false)
		if err != nil {
			return nil, err
		}
		if infos[0].Kind != sdk.FileNone {
			break
		}
		list = append([]string{dir}, list...)
	}
	return list, nil
}

// Create makes a file or directory where there is nothing.
func (s *site) Create(_ context.Context, change sdk.Change) (sdk.Applied, error) {
	t, err := targetOf(change.Desired)
	if err != nil {
		return sdk.Applied{}, err
	}
	info, err := s.stat(t.words)
	if err != nil {
		return sdk.Applied{}, err
	}
	applied := sdk.Applied{ID: t.words}
	switch {
	case info.Kind == sdk.FileNone && t.directory:
		err = s.makeDirectory(t)
	case info.Kind == sdk.FileNone:
		err = s.write(t, change.Desired)
	case t.directory && info.Kind == sdk.FileDirectory:
		// Made by an earlier attempt, or by someone else meanwhile.
	case !t.directory && info.Kind == sdk.FileRegular && info.SHA256 == t.sha256:
		// Written by an earlier attempt.
	default:
		return sdk.Applied{}, sdk.Stale(t.words + " exists by now, and the plan saw nothing there")
	}
	if err != nil {
		return sdk.Applied{}, err
	}
	have := t.newMode()
	if info.Kind != sdk.FileNone {
		have = info.Mode
	}
	return applied, s.chmod(t, have)
}

// Update writes the content and sets the mode, where they differ.
func (s *site) Update(_ context.Context, change sdk.Change) (sdk.Applied, error) {
	before, err := targetOf(change.Before)
	if err != nil {
		return sdk.Applied{}, err
	}
	t, err := targetOf(change.Desired)
	if err != nil {
		return sdk.Applied{}, err
	}
	info, err := s.stat(t.words)
	if err != nil {
		return sdk.Applied{}, err
	}
	// What an earlier attempt did already is no change by someone else.
	written := t.sha256 == info.SHA256
	if why := stale(before, info); why != "" && (t.directory || !written) {
		return sdk.Applied{}, sdk.Stale(t.words + " " + why)
	}
	if have := info.Mode; before.mode >= 0 && have != before.mode && have != t.mode {
		return sdk.Applied{}, sdk.Stale(t.words + " has another mode than the plan saw")
	}
	if !t.directory && !written {
		if err := s.write(t, change.Desired); err != nil {
			return sdk.Applied{}, err
		}
	}
	return sdk.Applied{}, s.chmod(t, info.Mode)
}

// Delete removes a file, or a directory that is empty.
func (s *site) Delete(_ context.Context, change sdk.Change) error {
	before, err := targetOf(change.Before)
	if err != nil {
		return err
	}
	info, err := s.stat(before.words)
	if err != nil || info.Kind == sdk.FileNone {
		return err
	}
	if why := stale(before, info); why != "" {
		return sdk.Stale(before.words + " " + why)
	}
	// Not os.Remove, which tries the one and then the other: the sandbox would
	// take the first for a change that was not declared.
	name := s.session.Path(guestPath(before.words))
	if before.directory {
		err = syscall.Rmdir(name)
	} else {
		err = syscall.Unlink(name)
	}
	if err != nil {
		return errors.New("remove " + before.words + ": " + sdk.Reason(err))
	}
	return nil
}

func (s *site) stat(words string) (sdk.FileInfo, error) {
	infos, err := s.session.Stat([]string{guestPath(words)}, true)
	if err != nil {
		return sdk.FileInfo{}, err
	}
	switch infos[0].Kind {
	case sdk.FileNone, sdk.FileRegular, sdk.FileDirectory:
		return infos[0], nil
	default:
		return sdk.FileInfo{}, errors.New(words + ": " + refused(infos[0], "file or directory"))
	}
}

// stale says how what stands there differs from what the plan saw; empty if it
// does not.
func stale(before target, info sdk.FileInfo) string {
	switch {
	case info.Kind == sdk.FileNone:
		return "is gone, and the plan saw it"
	case before.directory != (info.Kind == sdk.FileDirectory):
		return "is not any more of the kind that the plan saw"
	case !before.directory && before.sha256 != info.SHA256:
		return "was changed since the plan"
	default:
		return ""
	}
}

func (s *site) chmod(t target, have int) error {
	if t.mode < 0 || t.mode == have {
		return nil
	}
	if err := s.session.Chmod(guestPath(t.words), t.mode); err != nil {
		return errors.New("set the mode of " + t.words + ": " + sdk.Reason(err))
	}
	return nil
}

func (s *site) makeDirectory(t target) error {
	missing, err := s.missing(t.words)
	if err != nil {
		return err
	}
	for _, words := range missing {
		err := os.Mkdir(s.session.Path(guestPath(words)), sdk.NewDirectoryMode)
		if err != nil && (words == t.words || !errors.Is(err, fs.ErrExist)) {
			return errors.New("make " + words + ": " + sdk.Reason(err))
		}
	}
	return nil
}

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
