package guestfs

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero/experimental/sys"
)

// BenchmarkWrite writes files of 1 KiB in ten directories, in the groups of an
// apply.
func BenchmarkWrite(b *testing.B) {
	data := make([]byte, 1024)
	for b.Loop() {
		b.StopTimer()
		f := New([]Mount{{Guest: "out", Host: filepath.Join(b.TempDir(), "out"), Write: true, Relative: true}}, Limits{}, "bench")
		f.BeginAction(0, []Effect{{Op: Any}})
		_ = f.Mkdir("out", 0o755)
		for i := range 10 {
			_ = f.Mkdir(fmt.Sprintf("out/d%d", i), 0o755)
		}
		b.StartTimer()
		for i := range 1000 {
			f.BeginAction(i, []Effect{{Op: Any}})
			w, errno := f.OpenFile(fmt.Sprintf("out/d%d/f%05d", i%10, i), sys.O_WRONLY|sys.O_CREAT|sys.O_TRUNC, 0)
			if errno != 0 {
				b.Fatal(errno)
			}
			if _, errno := w.Write(data); errno != 0 {
				b.Fatal(errno)
			}
			_ = w.Close()
			f.End()
			if f.Pending() == 256 {
				if failed := f.Flush(); failed != nil {
					b.Fatal(failed)
				}
			}
		}
		f.Flush()
		f.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "µs/file")
}
