package policy

import (
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// The packages whose rules are asked.
const (
	planPackage       = "main"
	runPackage        = "main.run"
	builtinPackage    = "cogplan.builtin"
	builtinRunPackage = "cogplan.builtin.run"
)

// family is what a rule's name says it is.
type family string

const (
	familyNone      family = ""
	familyDeny      family = "deny"
	familyViolation family = "violation"
	familyWarn      family = "warn"
	familyException family = "exception"
	familyApproval  family = "require_approval"
)

var families = []family{familyDeny, familyViolation, familyWarn, familyException, familyApproval} //nolint:gochecknoglobals // constant

// familyName is conftest's pattern of rule names, and ours for approvals.
var familyName = regexp.MustCompile(`^(deny|violation|warn|require_approval)(_[a-zA-Z0-9]+)*$|^exception$`)

// familyOf reads a rule's name; familyNone is a helper.
func familyOf(name string) family {
	match := familyName.FindStringSubmatch(name)
	switch {
	case match == nil:
		return familyNone
	case name == string(familyException):
		return familyException
	default:
		return family(match[1])
	}
}

// rule is one rule that is asked, with all its clauses.
type rule struct {
	// name is the package and the rule: main.deny_prune.
	name, pkg, local string
	family           family
	level            reconcile.Level
	// batch rules look at one action at a time.
	batch bool
	// fixed rules keep their level.
	fixed      bool
	parameters map[string]any
	location   *ast.Location
}

// suffix is the name without its family, as conftest's exceptions give it.
func (r *rule) suffix() string {
	return strings.TrimPrefix(strings.TrimPrefix(r.local, string(r.family)), "_")
}

// defaultLevel is the level of a rule that the module does not set.
func (f family) defaultLevel() reconcile.Level {
	switch f {
	case familyWarn:
		return reconcile.LevelAdvisory
	case familyApproval:
		return reconcile.LevelApproval
	case familyNone, familyDeny, familyViolation, familyException:
	}
	return reconcile.LevelHardMandatory
}

// nearFamily is the family whose name this one nearly has: another case, a
// trailing underscore, one or two letters off. Empty for none.
func nearFamily(name string) family {
	lower := strings.ToLower(strings.Trim(name, "_"))
	first, _, _ := strings.Cut(lower, "_")
	for _, f := range families {
		plain := string(f)
		if lower == plain || strings.HasPrefix(lower, plain) {
			return f
		}
		word, want := first, plain
		if f == familyApproval {
			word, want = lower[:min(len(lower), len(plain))], plain
		}
		if slices.Contains([]string{"denies", "denied", "reject", "refuse", "forbid", "warning", "except", "approval"}, first) {
			return map[string]family{"warning": familyWarn, "except": familyException, "approval": familyApproval}[first].orDeny()
		}
		if d := editDistance(word, want); d <= len(want)/3 && d <= 2 {
			return f
		}
	}
	return familyNone
}

func (f family) orDeny() family {
	if f == familyNone {
		return familyDeny
	}
	return f
}

// editDistance counts inserted, removed, changed and swapped letters.
func editDistance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
