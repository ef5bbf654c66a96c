package main

import (
	"context"
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
		switch {
		case err == nil:
		case !errors.Is(err, fs.ErrExist):
			return errors.New("make " + words + ": " + sdk.Reason(err))
		case words == t.words:
			return s.madeMeanwhile(t)
		}
	}
	return nil
}

// madeMeanwhile is right where another resource, which is applied at the same
// time, made the directory that both need.
func (s *site) madeMeanwhile(t target) error {
	info, err := s.stat(t.words)
	if err != nil {
		return err
	}
	if info.Kind != sdk.FileDirectory {
		return sdk.Stale(t.words + " exists by now, and the plan saw nothing there")
	}
	return s.chmod(t, info.Mode)
}
