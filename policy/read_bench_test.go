package policy

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
)

// BenchmarkReadReview is what an evaluation by hand costs before any policy is
// asked.
func BenchmarkReadReview(b *testing.B) {
	text, err := json.Marshal(manyActions(100_000, rand.New(rand.NewPCG(1, 2))))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadReview(text); err != nil {
			b.Fatal(err)
		}
	}
}
