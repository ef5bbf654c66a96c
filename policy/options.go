package policy

import (
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Options say what an [Engine] is made of. The zero value, with Now set, is the
// default policy alone.
type Options struct {
	// Paths are the files, directories and bundles of the module's policies, as the
	// operating system takes them. One that is missing, or holds no rule, is an
	// error.
	Paths []string
	// BundleKey is the file of the public key, in PEM, that verifies the signatures
	// of bundles; without it no bundle is taken.
	BundleKey string
	// Files are policies that are already in memory.
	Files []File
	// Data are files of data that are already in memory.
	Data []DataFile
	// Rules are the settings of rules by name: "main.deny_prune",
	// "cogplan.builtin.deny_mass_delete". A setting of a rule that there is not
	// is an error.
	Rules map[string]Setting
	// Overrides lift findings of soft-mandatory rules.
	Overrides []Override
	// Approvals whose signatures the caller has verified.
	Approvals []Approval
	// Now is the time of the run: the clock of the policies, and what expiries
	// are compared with. It is required.
	Now time.Time
	// Deadline bounds each evaluation; zero is [DefaultDeadline].
	Deadline time.Duration
	// Isolation evaluates the policies in a process of their own; nil in this one.
	// Policies from outside the repository are isolated.
	Isolation *Isolation
	// Print takes what policies print, one line at a time; nil drops it. It may
	// be called from several goroutines at once.
	Print func(place, text string)
}

// DefaultDeadline bounds the evaluation of one plan where no other is set.
const DefaultDeadline = 30 * time.Second

// File is the text of one policy.
type File struct {
	// Name is shown in messages; a path where it was read from one.
	Name string
	Text string
}

// DataFile is the text of one file of data, a JSON object.
type DataFile struct {
	File

	// At is the path below data where the object stands; empty for data itself.
	At []string
}

// Setting is what the module says about a rule, outside the rule's own reach.
type Setting struct {
	// Level is empty where the module leaves it as it is.
	Level reconcile.Level
	// Parameters replace the rule's defaults one by one. A name that the rule
	// does not declare, or a value of another type, is an error.
	Parameters map[string]any
}

// Override lifts the findings of one soft-mandatory rule on one resource, for
// one plan and until a time. All fields are required. An override never touches
// a hard rule, and what it lifts is still shown.
type Override struct {
	Rule string `json:"rule"`
	// Resource is the address that the finding names, or [RunResource].
	Resource string `json:"resource"`
	Reason   string `json:"reason"`
	Actor    string `json:"actor"`
	// Expires is when the override ends.
	Expires time.Time `json:"expires"`
	// PlanDigest is the digest of the review that was overridden, or of the run.
	PlanDigest string `json:"plan_digest"`
}

// Approval is one person's approval of one plan. Whoever makes one has verified
// that it is genuine.
type Approval struct {
	Actor   string    `json:"actor"`
	Reason  string    `json:"reason,omitempty"`
	Expires time.Time `json:"expires"`
	// PlanDigest is the digest of the review that was approved, or of the run.
	PlanDigest string `json:"plan_digest"`
	// Author made the plan that was approved; empty where it is whoever runs
	// cogplan now.
	Author string `json:"author,omitempty"`
}
