package lang

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// didYouMean is a sentence, with a leading space, that names the candidate
// nearest to name; empty where none is near.
func didYouMean(name string, candidates []string) string {
	if best := nearest(name, candidates); best != "" {
		return " Did you mean " + quote(best) + "?"
	}
	return ""
}

// didYouMeanOrList names the nearest candidate, or all where they are few.
func didYouMeanOrList(name string, candidates []string, what string) string {
	if s := didYouMean(name, candidates); s != "" {
		return s
	}
	const few = 8
	if len(candidates) == 0 || len(candidates) > few {
		return ""
	}
	sorted := slices.Clone(candidates)
	slices.Sort(sorted)
	if len(sorted) == 1 {
		return " The only " + what + " is " + quote(sorted[0]) + "."
	}
	return " The " + plural(what) + " are " + quotedList(sorted) + "."
}

// DidYouMean is a sentence, with a leading space, for a name that is none of the
// candidates: it names the nearest one, or all where they are few. It is empty where
// nothing is near. What says what the candidates are is a noun: "output".
func DidYouMean(name string, candidates []string, what string) string {
	return didYouMeanOrList(name, candidates, what)
}

func plural(noun string) string {
	if strings.HasSuffix(noun, "s") {
		return noun
	}
	return noun + "s"
}

// nearest returns the candidate with the smallest edit distance to name, if
// that is small for a name of its length.
func nearest(name string, candidates []string) string {
	limit := maxDistance(name)
	if limit == 1 && utf8.RuneCountInString(name) > 3 {
		limit = 2
	}
	best, bestDistance := "", limit+1
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if abs(len(c)-len(name)) >= bestDistance || c == name {
			continue
		}
		if d := editDistance(strings.ToLower(name), strings.ToLower(c)); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// maxDistance lets short names differ little: every name of two letters is near
// every other.
func maxDistance(name string) int { return min(utf8.RuneCountInString(name)/3, 3) }

func abs(n int) int { return max(n, -n) }

// editDistance counts insertions, deletions, substitutions and swaps of two
// neighbours. A swap counts once because it is how people mistype.
func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, prev, cur := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(x); i++ {
		cur[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(y)]
}

func quote(s string) string { return `"` + s + `"` }

func quotedEach(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = quote(n)
	}
	return out
}

// quotedList is "a", "b" and "c".
func quotedList(names []string) string {
	switch len(names) {
	case 0:
		return ""
	case 1:
		return quote(names[0])
	}
	quoted := quotedEach(names)
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + " and " + quoted[last]
}
