package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

const floorArgument = "-floor-work"

// parallel is the number of files in flight: what terraform takes by default.
const parallel = 10

// runFloor does the physical work of one operation and nothing else: OP DIR N.
func runFloor(args []string) error {
	if len(args) != 3 {
		return errors.New("the floor takes an operation, a folder and a number")
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	out := filepath.Join(args[1], "out")
	path := func(i int) string { return filepath.Join(out, fileName(i)) }
	switch operation(args[0]) {
	case opValidate:
		return nil // the start of a process
	case opPlan, opNoop:
		return each(n, func(i int) error { return digestFile(path(i)) })
	case opApply:
		if err := os.MkdirAll(out, 0o755); err != nil {
			return err
		}
		if err := each(n, func(i int) error { return put(path(i), []byte(fileBody(i))) }); err != nil {
			return err
		}
		return writeFloorState(args[1], n)
	case opRemove:
		if err := each(n, func(i int) error { return os.Remove(path(i)) }); err != nil {
			return err
		}
		return writeFloorState(args[1], 0)
	case gateOperation: // it has no floor: nothing is read or written
		return fmt.Errorf("there is no floor of %q", args[0])
	default:
		return fmt.Errorf("unknown operation %q", args[0])
	}
}

// each calls f for 0 to n-1, some at a time, and returns all errors.
func each(n int, f func(int) error) error {
	numbers := make(chan int, parallel)
	errs := make([]error, parallel)
	var wg sync.WaitGroup
	for w := range parallel {
		wg.Go(func() {
			for i := range numbers {
				errs[w] = errors.Join(errs[w], f(i))
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	wg.Wait()
	return errors.Join(errs...)
}

// digestFile reads what is there; a file that is not there costs its lstat.
func digestFile(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	sha256.Sum256(text)
	return nil
}

// put writes a file so that it is whole or not there: temporary, fsync, rename.
func put(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, werr := f.Write(text)
	if err := errors.Join(werr, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// writeFloorState writes one state with an entry for each file.
func writeFloorState(dir string, n int) error {
	type entry struct {
		Name, SHA256 string
		Size         int
	}
	entries := make([]entry, n)
	for i := range entries {
		body := fileBody(i)
		entries[i] = entry{fileName(i), fmt.Sprintf("%x", sha256.Sum256([]byte(body))), len(body)}
	}
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(entries); err != nil {
		return err
	}
	return put(filepath.Join(dir, "state.json"), b.Bytes())
}
