// Command bench measures cogplan beside its peers, side by side and in one
// command: the same objects, written as a cogplan module and as a Terraform
// configuration, put through validate, plan, apply, a plan with nothing to do,
// and the removal of everything.
//
// What it reports is whole processes: wall time, processor time of the process
// and of everything it waited for, the largest resident set. Beside the tools
// runs a floor: the same physical work in plain Go. It refuses to compare a tool
// that failed: a wrong exit code stops that tool's row and is printed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	// The floor is this program again, so that its process is measured alike.
	if len(os.Args) > 1 && os.Args[1] == floorArgument {
		exitOn(runFloor(os.Args[2:]))
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	exitOn(err)
	exitOn(run(ctx, o, os.Stdout))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	cogplan string
	runs    int
	sizes   []int
	kinds   []kind
	tools   string
	limit   time.Duration
	json    string
	site    string
	keep    bool
	// gate are numbers of actions; where there are some, the gate alone is
	// measured.
	gate []int
}

func parse(args []string) (options, error) {
	o := options{}
	var sizes, kinds, gate string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&o.cogplan, "cogplan", filepath.Join("bin", "cogplan"), "the cogplan to measure")
	f.IntVar(&o.runs, "n", 3, "runs of each case; medians are reported")
	f.StringVar(&sizes, "sizes", "1000,5000", "numbers of files")
	f.StringVar(&kinds, "kinds", "one,each,tree,chain", "one: all files in one resource; each: a resource for each file; tree: copies of a folder; chain: each resource depends on the one before")
	f.StringVar(&o.tools, "tools", "floor,cogplan,native,rules,terraform,tofu,recorded", "what to measure, where it is on PATH; native: cogplan with the provider compiled natively; rules: cogplan with policies of the module; recorded: what peers took on another day")
	f.DurationVar(&o.limit, "limit", 2*time.Minute, "a command that takes longer is killed, and its tool leaves the case")
	f.StringVar(&o.json, "json", "", "write every sample to this file, too")
	f.StringVar(&o.site, "site", filepath.Join("examples", "site"), "the example whose warm plan is measured; empty for none")
	f.BoolVar(&o.keep, "keep", false, "keep the generated configurations")
	f.StringVar(&gate, "gate", "", "measure policy alone, beside conftest and opa (make peers), with plans of so many actions: 100,10000,100000")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.sizes, err = numbers("-sizes", sizes, 99_999); err != nil {
		return o, err
	}
	if gate != "" {
		if o.gate, err = numbers("-gate", gate, 1_000_000); err != nil {
			return o, err
		}
	}
	for s := range strings.SplitSeq(kinds, ",") {
		k, err := parseKind(s)
		if err != nil {
			return o, err
		}
		o.kinds = append(o.kinds, k)
	}
	if o.runs < 1 {
		return o, errors.New("-n: at least one run")
	}
	return o, nil
}

// numbers reads a list of sizes.
func numbers(flag, list string, most int) ([]int, error) {
	var out []int
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > most {
			return nil, fmt.Errorf("%s: %q is not a number from 1 to %d", flag, s, most)
		}
		out = append(out, n)
	}
	return out, nil
}

func run(ctx context.Context, o options, out io.Writer) error {
	if len(o.gate) > 0 {
		return measureGate(ctx, o, out)
	}
	scratch, err := os.MkdirTemp("", "cogplan-bench-")
	if err != nil {
		return err
	}
	if o.keep {
		fmt.Fprintln(out, "configurations in", scratch)
	} else {
		defer os.RemoveAll(scratch)
	}
	tools, err := findTools(ctx, o, scratch)
	if err != nil {
		return err
	}
	adoptOrphans()
	if o.site != "" {
		if err := measureSite(ctx, o, tools, out); err != nil {
			return err
		}
	}
	var all []row
	for _, k := range o.kinds {
		for _, n := range o.sizes {
			rows, err := measureCase(ctx, o, tools, testCase{kind: k, n: n, dir: scratch})
			if err != nil {
				return err
			}
			if slices.Contains(strings.Split(o.tools, ","), toolRecorded) {
				rows = append(rows, recordedRows(testCase{kind: k, n: n})...)
			}
			if err := printRows(out, rows); err != nil {
				return err
			}
			all = append(all, rows...)
		}
	}
	return writeJSON(o.json, all)
}

// measureCase puts one case through every tool that can do it.
func measureCase(ctx context.Context, o options, tools []tool, c testCase) ([]row, error) {
	var rows []row
	for _, t := range tools {
		if !t.can(c.kind) {
			continue
		}
		dir := filepath.Join(c.dir, fmt.Sprintf("%s-%s-%d", t.name, c.kind, c.n))
		done, err := measureTool(ctx, o, t, testCase{kind: c.kind, n: c.n, dir: dir})
		if err != nil {
			return nil, fmt.Errorf("%s, %s %d: %w", t.name, c.kind, c.n, err)
		}
		rows = append(rows, done...)
		if !o.keep {
			if err := os.RemoveAll(dir); err != nil {
				return nil, err
			}
		}
	}
	return rows, nil
}

// measureTool runs all operations of one tool, o.runs times from a clean start.
func measureTool(ctx context.Context, o options, t tool, c testCase) ([]row, error) {
	rows := make([]row, 0, len(operations))
	for _, op := range operations {
		rows = append(rows, row{Case: fmt.Sprintf("%s-%d", c.kind, c.n), Tool: t.name, Op: op})
	}
	for range o.runs {
		if err := os.RemoveAll(c.dir); err != nil {
			return nil, err
		}
		if err := t.write(c, full); err != nil {
			return nil, err
		}
		if err := t.init(ctx, c.dir); err != nil {
			return nil, err
		}
		for i, op := range operations {
			if op == opRemove {
				if err := t.write(c, empty); err != nil {
					return nil, err
				}
			}
			s, err := measure(ctx, command{argv: t.command(op, c), dir: c.dir, env: t.env, limit: o.limit})
			if err != nil {
				return nil, err
			}
			rows[i].Samples = append(rows[i].Samples, s)
			if s.failed() {
				return rows, nil
			}
		}
		if err := c.removed(); err != nil {
			return nil, err
		}
	}
	return rows, nil
}
