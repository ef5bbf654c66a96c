package worker

import (
	"strings"
	"testing"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// The Go runtime writes its reason in pieces, and a stack trace behind it; what
// the program wrote before does not push it out.
func TestLastWords(t *testing.T) {
	for _, test := range []struct {
		name   string
		writes []string
		want   string
	}{
		{"nothing", nil, ""},
		{"its own words", []string{"out of cheese\n", "redo from start\n"}, "out of cheese"},
		{"a panic", []string{"panic: ", "oh no", "\n\ngoroutine 1 [running]:\n", "main.main()\n"}, "panic: oh no"},
		{"a panic after noise", []string{strings.Repeat("noise\n", maxLast), "panic: ", "oh no", "\n\ngoroutine 1 [running]:\n"}, "panic: oh no"},
		{"a fatal error", []string{"noise\n", "fatal error: ", "all goroutines are asleep - deadlock!", "\n"}, "fatal error: all goroutines are asleep - deadlock!"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := &logs{left: 100, send: func(byte, []byte) {}}
			stderr := l.stream(byte(abi.LogWarn))
			for _, text := range test.writes {
				if n, err := stderr.Write([]byte(text)); n != len(text) || err != nil {
					t.Fatal(n, err)
				}
			}
			if got := l.lastWords(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
