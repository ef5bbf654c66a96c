package guestfs

import (
	"testing"

	"github.com/tetratelabs/wazero/experimental/sys"
)

// C libraries keep the root from the start of an instance and ask what it is in each
// call. Every other directory that is left open is taken away.
func TestTheRootIsARootInEveryCall(t *testing.T) {
	f := New([]Mount{{Guest: "out", Host: t.TempDir(), Write: true, Relative: true}}, Limits{}, "test")
	defer f.Close()
	root, errno := f.OpenFile("/", sys.O_RDONLY, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	f.End() // of the start of the instance
	for call := range 3 {
		f.BeginRead()
		if info, errno := root.Stat(); errno != 0 || !info.Mode.IsDir() {
			t.Fatalf("call %d: the root is %v, %v", call, info.Mode, errno)
		}
		out, errno := f.OpenFile("out", sys.O_RDONLY, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
		f.End()
		if _, errno := out.Stat(); errno != sys.EBADF {
			t.Errorf("call %d: a directory that was left open tells %v", call, errno)
		}
		if _, errno := root.Readdir(-1); errno != sys.EBADF {
			t.Errorf("call %d: between the calls the root lists its entries: %v", call, errno)
		}
	}
}
