package reconcile_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

func TestResolveOrder(t *testing.T) {
	for _, test := range []struct {
		name string
		in   []reconcile.MetaResource
		want string
	}{
		{"nothing", nil, ""},
		{"one", []reconcile.MetaResource{{Name: "a"}}, "a"},
		{"names", []reconcile.MetaResource{{Name: "c"}, {Name: "a"}, {Name: "b"}}, "a b c"},
		{"waves before names", []reconcile.MetaResource{{Name: "a", Wave: 2}, {Name: "b"}, {Name: "c", Wave: -1}}, "c b a"},
		{"levels before waves", []reconcile.MetaResource{{Name: "a", DependsOn: []string{"b"}, Wave: -5}, {Name: "b", Wave: 9}}, "b | a"},
		{"diamond", []reconcile.MetaResource{
			{Name: "d", DependsOn: []string{"b", "c"}},
			{Name: "b", DependsOn: []string{"a"}},
			{Name: "c", DependsOn: []string{"a"}},
			{Name: "a"},
		}, "a | b c | d"},
		{"the longest way counts", []reconcile.MetaResource{
			{Name: "c", DependsOn: []string{"a", "b"}}, {Name: "b", DependsOn: []string{"a"}}, {Name: "a"},
		}, "a | b | c"},
		{"a dependency said twice", []reconcile.MetaResource{{Name: "b", DependsOn: []string{"a", "a"}}, {Name: "a"}}, "a | b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			levels, err := reconcile.ResolveOrder(test.in)
			if err != nil {
				t.Fatal(err)
			}
			if got := printLevels(levels); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func printLevels(levels [][]reconcile.MetaResource) string {
	var texts []string
	for _, level := range levels {
		var names []string
		for _, resource := range level {
			names = append(names, resource.Name)
		}
		texts = append(texts, strings.Join(names, " "))
	}
	return strings.Join(texts, " | ")
}

func TestResolveOrderErrors(t *testing.T) {
	for _, test := range []struct {
		name string
		in   []reconcile.MetaResource
		want string
		not  string
	}{
		{"duplicate", []reconcile.MetaResource{{Name: "a"}, {Name: "b"}, {Name: "a"}}, `duplicate resource "a"`, "cycle"},
		{"no name", []reconcile.MetaResource{{Name: "a"}, {}}, "resource 2 of 2 has no name", ""},
		{"unknown", []reconcile.MetaResource{{Name: "a", DependsOn: []string{"b"}}}, `"a" depends on "b", which is not declared`, ""},
		{"itself", []reconcile.MetaResource{{Name: "a", DependsOn: []string{"a"}}}, "a -> a", ""},
		{
			"cycle without bystanders",
			[]reconcile.MetaResource{
				{Name: "up", DependsOn: []string{"y"}},
				{Name: "aaa", DependsOn: []string{"x"}},
				{Name: "down"},
				{Name: "y", DependsOn: []string{"z", "down"}},
				{Name: "z", DependsOn: []string{"x"}},
				{Name: "x", DependsOn: []string{"down", "y"}},
			},
			"x -> y -> z -> x", "aaa",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := reconcile.ResolveOrder(test.in)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want one with %q", err, test.want)
			}
			if test.not != "" && strings.Contains(err.Error(), test.not) {
				t.Errorf("error %v has %q in it", err, test.not)
			}
			if cycle := strings.Contains(test.want, "->"); cycle != errors.Is(err, reconcile.ErrCycle) {
				t.Errorf("ErrCycle: %v", !cycle)
			}
		})
	}
}

// Whatever the order of declaration, the cycle is printed alike.
func TestResolveOrderCycleIsStable(t *testing.T) {
	in := []reconcile.MetaResource{
		{Name: "c", DependsOn: []string{"a"}}, {Name: "a", DependsOn: []string{"b"}}, {Name: "b", DependsOn: []string{"c"}},
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		random.Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] })
		if _, err := reconcile.ResolveOrder(in); err == nil || !strings.Contains(err.Error(), "a -> b -> c -> a") {
			t.Fatal(err)
		}
	}
}

// Each resource stands behind what it depends on, in the first level it can.
func TestResolveOrderProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		n := 1 + random.IntN(40)
		in := make([]reconcile.MetaResource, n)
		for i := range in {
			in[i] = reconcile.MetaResource{Name: fmt.Sprintf("r%02d", i), Wave: random.IntN(3)}
			for range random.IntN(4) {
				if i > 0 {
					in[i].DependsOn = append(in[i].DependsOn, fmt.Sprintf("r%02d", random.IntN(i)))
				}
			}
		}
		random.Shuffle(n, func(i, j int) { in[i], in[j] = in[j], in[i] })
		levels, err := reconcile.ResolveOrder(in)
		if err != nil {
			t.Fatal(err)
		}
		level := make(map[string]int)
		for depth, resources := range levels {
			for _, resource := range resources {
				level[resource.Name] = depth
			}
		}
		for _, resource := range in {
			want := 0
			for _, need := range resource.DependsOn {
				want = max(want, level[need]+1)
			}
			if got, ok := level[resource.Name]; !ok || got != want {
				t.Fatalf("%s is in level %d, want %d", resource.Name, got, want)
			}
		}
	}
}

func chain(n int) []reconcile.MetaResource {
	resources := make([]reconcile.MetaResource, n)
	for i := range resources {
		resources[i].Name = "r" + strconv.Itoa(i)
		if i > 0 {
			resources[i].DependsOn = []string{"r" + strconv.Itoa(i-1)}
		}
	}
	slices.Reverse(resources)
	return resources
}

// wantLinear fails if ten times the size costs far more than ten times as much.
// It compares ten runs of the small size with one of the large: as much work if
// the cost is linear, ten times as much if it is quadratic. Samples of one length
// are disturbed alike by a busy machine, which a short and a long one are not.
// Disturbance only makes them longer, so the shortest of each counts.
func wantLinear(t *testing.T, work func(n int)) {
	t.Helper()
	const small, large, bound, tries = 4_000, 40_000, 5, 8
	measure := func(n, times int) time.Duration {
		started := time.Now()
		for range times {
			work(n)
		}
		return time.Since(started)
	}
	tenSmall, oneLarge := time.Hour, time.Hour
	for range tries {
		tenSmall = min(tenSmall, measure(small, 10))
		oneLarge = min(oneLarge, measure(large, 1))
		if oneLarge < bound*tenSmall {
			return
		}
	}
	t.Errorf("ten times %d took %s, once %d took %s: more than %d times", small, tenSmall, large, oneLarge, bound)
}

// A chain of 40,000 costs about ten times one of 4,000.
func TestResolveOrderIsLinear(t *testing.T) {
	chains := map[int][]reconcile.MetaResource{4_000: chain(4_000), 40_000: chain(40_000)}
	wantLinear(t, func(n int) {
		if _, err := reconcile.ResolveOrder(chains[n]); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkResolveOrder(b *testing.B) {
	for _, n := range []int{4_000, 40_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			in := chain(n)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := reconcile.ResolveOrder(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
