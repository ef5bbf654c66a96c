package wasm_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm"
	w "github.com/cogplan/cogplan/runtime/wasm/internal/wasmtest"
)

// Many resources of one provider at once, some of which misbehave: each gets
// its own outcome.
func TestParallel(t *testing.T) {
	b := newBench(t, benchOptions{limits: reconcile.Limits{Timeout: 20 * time.Second}})
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			name := fmt.Sprintf("probe.r[%d]", i)
			body := map[string]any{"root": fmt.Sprintf("out/r%d", i), "files": map[string]any{"f": name}}
			if i%4 == 3 {
				body["act"] = map[string]any{"live": "crash here"}
			}
			_, _, err := apply(t.Context(), b.named(name, body), nil)
			switch {
			case i%4 == 3 && (err == nil || !strings.Contains(err.Error(), "crash")):
				t.Errorf("%s: got %v", name, err)
			case i%4 != 3 && err != nil:
				t.Errorf("%s: %v", name, err)
			case i%4 != 3 && b.read(fmt.Sprintf("out/r%d/f", i)) != name:
				t.Errorf("%s: another content", name)
			}
		})
	}
	wg.Wait()
}

// The worst nesting that the check lets through compiles in bearable time.
func TestDeepestNestingCompiles(t *testing.T) {
	const depth = 4000
	code := w.Cat(bytes.Repeat([]byte{0x02, 0x40}, depth), bytes.Repeat([]byte{0x0b}, depth))
	p := describing(t, w.Const(0))
	for range 20 {
		p.Extra = append(p.Extra, code)
	}
	module, err := wasm.LoadBytes("deep.wasm", p.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := rawHost(t, t.TempDir()).Describe(t.Context(), module); err != nil {
		t.Fatal(err)
	}
	t.Logf("20 functions of %d nested blocks: %s", depth, time.Since(began))
}
