package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/policy"
)

// gateOperation is asking seven rules about one plan that is in a file: cogplan
// about the review, conftest and opa about the input that it makes of it.
const gateOperation operation = "ask"

// measureGate puts plans of some sizes before cogplan and the peers that are
// there: in bin/peers, where `make peers` puts them, or on PATH.
func measureGate(ctx context.Context, o options, out io.Writer) error {
	scratch, err := os.MkdirTemp("", "cogplan-bench-gate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	cogplan, err := filepath.Abs(o.cogplan)
	if err != nil {
		return err
	}
	var everything []row
	for _, n := range o.gate {
		dir := filepath.Join(scratch, fmt.Sprint(n))
		if err := writeGate(dir, n); err != nil {
			return err
		}
		var rows []row
		for _, peer := range gatePeers(cogplan) {
			r := row{Case: fmt.Sprintf("gate-%d", n), Tool: peer.name, Op: gateOperation}
			for range o.runs {
				s, err := measure(ctx, command{argv: peer.argv, dir: dir, env: os.Environ(), limit: o.limit})
				if err != nil {
					return err
				}
				r.Samples = append(r.Samples, s)
			}
			rows = append(rows, r)
		}
		if err := printRows(out, rows); err != nil {
			return err
		}
		everything = append(everything, rows...)
	}
	return writeJSON(o.json, everything)
}

// batched says that the rules look at one action at a time; to the peers it is a
// comment.
const batched = "# METADATA\n# custom:\n#   batch: true\n"

type gatePeer struct {
	name string
	argv []string
}

func gatePeers(cogplan string) []gatePeer {
	peers := []gatePeer{{toolCogplan, []string{cogplan, "policy", "eval", "review.json"}}}
	if path := findPeer("conftest"); path != "" {
		peers = append(peers, gatePeer{"conftest", []string{path, "test", "--policy", "policy", "input.json"}})
	}
	if path := findPeer("opa"); path != "" {
		peers = append(peers, gatePeer{"opa", []string{path, "eval", "--data", "policy", "--input", "input.json", "--strict-builtin-errors", "data.main"}})
	}
	return peers
}

// findPeer prefers the version that `make peers` builds.
func findPeer(name string) string {
	if path, err := filepath.Abs(filepath.Join("bin", "peers", name)); err == nil {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

// writeGate writes a module with the rules, the review of a plan, and what
// policies see of it.
func writeGate(dir string, n int) error {
	review := manyActions(n)
	encoded, err := json.Marshal(review)
	if err != nil {
		return err
	}
	input, err := policy.InputJSON(review)
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{
		"main.hcl":          []byte("cogplan {\n  policy { paths = [\"policy\"] }\n}\n"),
		"policy/bench.rego": []byte(batched + rules), "review.json": encoded, "input.json": input,
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// manyActions is a review of a plan that no rule objects to.
func manyActions(n int) reconcile.Review {
	plan := &reconcile.Plan{
		ResourceType: "file.site", GeneratedAt: time.Unix(0, 0).UTC().Format(time.RFC3339), ConfigPath: "main.hcl", Warnings: []string{},
	}
	for i := range n {
		name := fmt.Sprintf("dir%02d/file%06d.txt", i%50, i)
		effect := reconcile.Effect{Capability: reconcile.CapabilityFile, Operation: "write", Target: "out/" + name}
		plan.Actions = append(plan.Actions, reconcile.Action{
			Action: reconcile.ActionCreate, ResourceType: "file", Name: name,
			Details: map[string]any{
				"after":   map[string]any{"path": "out/" + name, "size": i % 4096, "mode": "0644", "sha256": fmt.Sprintf("%064x", i)},
				"changed": []string{"path", "size", "mode", "sha256"}, "reason": "it does not exist", "effects": []reconcile.Effect{effect},
			},
		})
	}
	plan.Summary.Creates = n
	return reconcile.Review{
		Plan: plan, Digest: reconcile.DigestBytes([]byte(fmt.Sprint(n))),
		Resource:    reconcile.MetaResource{Name: "file.site", Source: "file"},
		Declaration: reconcile.Declaration{Address: "file.site", Mode: "resource"},
		Provider: reconcile.ProviderInfo{
			Name: "file", Source: "file", Version: "0.1.0", Grants: reconcile.Grants{Write: []string{"./out"}},
		},
	}
}
