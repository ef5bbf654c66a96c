// Package recording keeps what a plan rests on, so that it can be made again
// without the world: the module's files, what is recorded of its resources, who ran
// it and when, and each question to a provider with its answer.
//
// A recording holds no value that is marked as sensitive: where a provider was told
// one, or a variable is one, there is either no recording or the value is left out
// and asked for again. It refuses to be read where it is cut, damaged or of another
// version, and writes nothing over what is there.
package recording

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm"
)

// Format is the version of recordings: another one is refused.
const Format = 1

// The names in a recording.
const (
	headName      = "recording.json"
	callsName     = "calls.jsonl"
	variablesName = "variables.hclvars.json"
	// ModuleDir holds the module.
	ModuleDir = "module"
)

// Head is what a recording says of the run.
type Head struct {
	Format         int    `json:"format"`
	CogplanVersion string `json:"cogplan_version"`
	// Run is who ran it and when; its time is the time of the replay.
	Run     reconcile.RunContext `json:"run"`
	Destroy bool                 `json:"destroy,omitempty"`
	Targets []string             `json:"targets,omitempty"`
	// Excludes and Replace are what the flags of their names were given.
	Excludes []string `json:"excludes,omitempty"`
	Replace  []string `json:"replace,omitempty"`
	// Sensitive are the variables whose values are not in the recording.
	Sensitive []string `json:"sensitive,omitempty"`
	// DigestKey keys the digests of what is compared, where a secret is in play: no
	// value that is sensitive is in what it keys here.
	DigestKey []byte `json:"digest_key"`
	// Digest of the plan; empty where none was made.
	Digest string `json:"digest,omitempty"`
	// Calls counts the lines of the calls: a recording that was cut is none.
	Calls int `json:"calls"`
}

// Recorder collects the calls of a run. It is safe for concurrent use.
type Recorder struct {
	// DigestKey is that of [Head].
	DigestKey []byte

	mu     sync.Mutex
	calls  []wasm.Call
	secret map[string]bool
}

// NewRecorder returns one with a new key for digests.
func NewRecorder() *Recorder {
	r := &Recorder{DigestKey: make([]byte, 32)}
	_, _ = rand.Read(r.DigestKey) // it never fails
	return r
}

// Add takes a call down.
func (r *Recorder) Add(call wasm.Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if call.Secret {
		if r.secret == nil {
			r.secret = map[string]bool{}
		}
		r.secret[call.Resource] = true
		return
	}
	r.calls = append(r.calls, call)
}

// Secret are the resources whose providers were told something sensitive, sorted.
func (r *Recorder) Secret() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for name := range r.secret {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Free reports why a recording cannot be written to a folder: it exists.
func Free(dir string) error {
	if _, err := os.Lstat(dir); err == nil {
		return fmt.Errorf("%s exists already; a recording is written to a folder of its own", dir)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Write makes the folder, or nothing. The files are copied from the working
// directory, with the names that they have there.
func (r *Recorder) Write(dir string, head Head, variables map[string]any, files []string) (err error) {
	if err := Free(dir); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(filepath.Dir(filepath.Clean(dir)), ".cogplan-recording-*")
	if err != nil {
		return fmt.Errorf("write the recording: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write the recording: %w", err), os.RemoveAll(temporary))
		}
	}()
	calls, err := r.lines()
	if err != nil {
		return err
	}
	head.DigestKey = r.DigestKey
	head.Format, head.Calls = Format, bytes.Count(calls, []byte("\n"))
	for _, name := range files {
		if err := copyFile(temporary, name); err != nil {
			return err
		}
	}
	return errors.Join(
		os.MkdirAll(filepath.Join(temporary, ModuleDir), 0o700),
		writeJSON(filepath.Join(temporary, variablesName), variables),
		os.WriteFile(filepath.Join(temporary, callsName), calls, 0o600),
		writeJSON(filepath.Join(temporary, headName), head),
		os.Rename(temporary, dir),
	)
}

// lines are the calls, sorted by resource: those of one resource stay in their
// order, and which resource came first is chance.
func (r *Recorder) lines() ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortStableFunc(r.calls, func(a, b wasm.Call) int { return strings.Compare(a.Resource, b.Resource) })
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	for i := range r.calls {
		if err := encoder.Encode(&r.calls[i]); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

func writeJSON(name string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o600)
}

// copyFile copies a file of the module. It has to lie below the working directory.
func copyFile(dir, name string) error {
	slash := filepath.ToSlash(filepath.Clean(name))
	if path.IsAbs(slash) || filepath.IsAbs(name) || slash == ".." || strings.HasPrefix(slash, "../") {
		return fmt.Errorf("%s lies outside the module's folder, and is no part of a recording", name)
	}
	from, err := os.Open(name)
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // it was only read
	target := filepath.Join(dir, ModuleDir, filepath.FromSlash(slash))
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	to, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// Recording is one that was read.
type Recording struct {
	Head Head
	// Dir is the absolute path of the folder.
	Dir string

	mu    sync.Mutex
	calls map[[3]string][]wasm.Call
}

// Variables is the file with the values of the variables.
func (r *Recording) Variables() string { return filepath.Join(r.Dir, variablesName) }

// Read reads a recording whole.
func Read(dir string) (*Recording, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("read the recording: %w", err)
	}
	r := &Recording{Dir: absolute, calls: map[[3]string][]wasm.Call{}}
	text, err := os.ReadFile(filepath.Join(dir, headName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the folder %s is no recording: it has no %s; cogplan plan -record makes one", dir, headName)
	}
	if err != nil {
		return nil, fmt.Errorf("read the recording: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r.Head); err != nil || r.Head.Format != Format {
		return nil, fmt.Errorf("%s cannot be used: it is damaged, or of another version of cogplan than format %d", filepath.Join(dir, headName), Format)
	}
	return r, r.readCalls()
}

func (r *Recording) readCalls() error {
	name := filepath.Join(r.Dir, callsName)
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read the recording: %w", err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	decoder := json.NewDecoder(bufio.NewReader(file))
	decoder.DisallowUnknownFields()
	n := 0
	for ; ; n++ {
		var call wasm.Call
		err := decoder.Decode(&call)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%s is damaged at call %d: %w", name, n+1, err)
		}
		key := [3]string{call.Resource, call.Op, call.Request}
		r.calls[key] = append(r.calls[key], call)
	}
	if n != r.Head.Calls {
		return fmt.Errorf("%s has %d calls, and the recording says %d: it was cut or added to", name, n, r.Head.Calls)
	}
	return nil
}

// Answer is the recorded answer to a question: each once, and the last of them
// again. It is safe for concurrent use.
func (r *Recording) Answer(resource, op, request string) (wasm.Call, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := [3]string{resource, op, request}
	calls := r.calls[key]
	if len(calls) == 0 {
		return wasm.Call{}, false
	}
	r.calls[key] = calls[1:]
	return calls[0], true
}
