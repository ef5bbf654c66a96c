package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tool is one program that is measured.
type tool struct {
	name string
	path string
	env  []string
	// kinds it can do.
	kinds []kind
	// write writes the case's configuration for the tool.
	write func(testCase, fill) error
	// prepare is run before anything is measured, if not empty.
	prepare []string
	args    map[operation][]string
}

func (t tool) can(k kind) bool { return slices.Contains(t.kinds, k) }

func (t tool) command(op operation, c testCase) []string {
	if t.name == toolFloor {
		return []string{t.path, floorArgument, string(op), c.dir, strconv.Itoa(c.n)}
	}
	return append([]string{t.path}, t.args[op]...)
}

func (t tool) init(ctx context.Context, dir string) error {
	if len(t.prepare) == 0 {
		return nil
	}
	return quiet(ctx, dir, t.env, append([]string{t.path}, t.prepare...)...)
}

const (
	toolFloor   = "floor"
	toolCogplan = "cogplan"
	// toolNative is cogplan with its provider compiled natively.
	toolNative = "native"
	// toolRules is cogplan with policies of the module beside the default one.
	toolRules    = "rules"
	toolRecorded = "recorded"
)

// findTools returns what was asked for and is there, the floor first.
func findTools(ctx context.Context, o options, scratch string) ([]tool, error) {
	var tools []tool
	for name := range strings.SplitSeq(o.tools, ",") {
		switch name {
		case toolFloor:
			self, err := os.Executable()
			if err != nil {
				return nil, err
			}
			tools = append(tools, tool{
				name: toolFloor, path: self, env: os.Environ(),
				kinds: []kind{kindOne, kindEach, kindTree, kindChain},
				write: func(c testCase, _ fill) error { return os.MkdirAll(c.dir, 0o755) },
			})
		case toolCogplan, toolNative, toolRules:
			t, err := variant(ctx, name, o, scratch)
			if err != nil {
				return nil, err
			}
			tools = append(tools, t)
		case toolRecorded:
		case "terraform", "tofu":
			if path, err := peer(name); err == nil {
				tools = append(tools, terraformTools(ctx, name, path, scratch)...)
			}
		default:
			return nil, fmt.Errorf("-tools: %q is none of floor, cogplan, native, rules, terraform, tofu, recorded", name)
		}
	}
	return tools, nil
}

// variant is cogplan, or what differs from it in one thing.
func variant(ctx context.Context, name string, o options, scratch string) (tool, error) {
	path := o.cogplan
	if name == toolNative {
		var err error
		if path, err = buildNative(ctx, ".", scratch); err != nil {
			return tool{}, fmt.Errorf("build the native twin: %w", err)
		}
	}
	t, err := cogplanTool(path, scratch)
	t.name = name
	if name == toolRules {
		t.write = writeRules
	}
	return t, err
}

func cogplanTool(path, scratch string) (tool, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return tool{}, err
	}
	if _, err := os.Stat(path); err != nil {
		return tool{}, fmt.Errorf("%w: run make build", err)
	}
	return tool{
		name: toolCogplan, path: path,
		// A cache of its own: the first command of all compiles the provider, and
		// is not measured unless somebody asks for it.
		env:   append(os.Environ(), "COGPLAN_CACHE_DIR="+filepath.Join(scratch, "cache"), "NO_COLOR=1"),
		kinds: []kind{kindOne, kindEach, kindTree, kindChain},
		write: writeCogplan,
		// The first plan compiles the provider, once for all cases.
		prepare: []string{"plan"},
		args: map[operation][]string{
			opValidate: {"validate"},
			opPlan:     {"plan"},
			opApply:    {"apply", "-auto-approve"},
			opNoop:     {"plan", "-detailed-exitcode"},
			opRemove:   {"apply", "-auto-approve"},
		},
	}, nil
}

// terraformTools returns the tool with its built-in resource, and with real
// files where hashicorp/local can be had.
func terraformTools(ctx context.Context, name, path, scratch string) []tool {
	data := tool{
		name: name + " data", path: path,
		env:     append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_INPUT=0"),
		kinds:   []kind{kindOne, kindEach, kindChain},
		write:   writeTerraform(false),
		prepare: []string{"init", "-no-color", "-input=false"},
		args: map[operation][]string{
			opValidate: {"validate", "-no-color"},
			opPlan:     {"plan", "-no-color", "-input=false"},
			opApply:    {"apply", "-no-color", "-input=false", "-auto-approve"},
			opNoop:     {"plan", "-no-color", "-input=false", "-detailed-exitcode"},
			opRemove:   {"apply", "-no-color", "-input=false", "-auto-approve"},
		},
	}
	local := data
	local.name, local.write = name+" local", writeTerraform(true)
	if rc, err := overrides(scratch); err == nil {
		local.env = append(slices.Clone(data.env), "TF_CLI_CONFIG_FILE="+rc)
		local.prepare = nil // what is overridden is not installed
		return []tool{data, local}
	}
	probe := testCase{kind: kindOne, n: 1, dir: filepath.Join(scratch, "probe-"+name)}
	defer os.RemoveAll(probe.dir)
	if err := local.write(probe, full); err != nil {
		return []tool{data}
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := local.init(ctx, probe.dir); err != nil {
		return []tool{data}
	}
	return []tool{data, local}
}

// peersDir is where make peers and make peers-tofu build into.
const peersDir = "bin/peers"

// peer finds a tool on PATH, or else among those that were built here.
func peer(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	path, err := filepath.Abs(filepath.Join(peersDir, name))
	if err != nil {
		return "", err
	}
	_, err = os.Stat(path)
	return path, err
}

// overrides writes a configuration that has hashicorp/local from where it was
// built; an error where it was not.
func overrides(scratch string) (string, error) {
	if _, err := peer("terraform-provider-local"); err != nil {
		return "", err
	}
	dir, err := filepath.Abs(peersDir)
	if err != nil {
		return "", err
	}
	rc := filepath.Join(scratch, "peers.rc")
	text := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"hashicorp/local\" = %q\n  }\n  direct {}\n}\n", dir)
	return rc, os.WriteFile(rc, []byte(text), 0o600)
}

// quiet runs a command that is not measured.
func quiet(ctx context.Context, dir string, env []string, argv ...string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out)
	}
	return nil
}
