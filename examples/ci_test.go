package examples

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

func readYAML(t *testing.T, name string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := yaml.Unmarshal(data, &document); err != nil {
		t.Fatal(err)
	}
	return document
}

// GitHub's and Gitea's are checked by actionlint (make check-workflows).
func TestGitLabPipelineFitsItsSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("testdata/gitlab-ci.json")
	if err != nil {
		t.Fatal(err)
	}
	pipeline := readYAML(t, "ci/gitlab/.gitlab-ci.yml")
	if err := schema.Validate(pipeline); err != nil {
		t.Error(err)
	}
	// The schema can say no.
	job, _ := pipeline["apply"].(map[string]any)
	job["scripts"] = []any{"true"}
	if schema.Validate(pipeline) == nil {
		t.Error("a keyword that is none passes")
	}
}

// scripts are the commands of a workflow, by the forge's own keyword.
func scripts(node any) []string {
	var out []string
	switch node := node.(type) {
	case map[string]any:
		for key, value := range node {
			switch value := value.(type) {
			case string:
				if key == "run" {
					out = append(out, value)
				}
			case []any:
				if key == "script" || key == "after_script" {
					for _, line := range value {
						text, _ := line.(string)
						out = append(out, text)
					}
					continue
				}
				out = append(out, scripts(value)...)
			default:
				out = append(out, scripts(value)...)
			}
		}
	case []any:
		for _, item := range node {
			out = append(out, scripts(item)...)
		}
	}
	return out
}

// What people type, into a title or an input, is never pasted into a script; and all
// forges run what the test of the two jobs runs.
func TestWorkflowsOfTheExampleRunTheSameScript(t *testing.T) {
	files, err := filepath.Glob("ci/git*/*.yml")
	if err != nil || len(files) != 4 {
		t.Fatal(files, err)
	}
	steps := regexp.MustCompile(`\./cogplan-ci\.sh (plan|apply)\n?$`)
	for _, name := range files {
		ours := 0
		for _, script := range scripts(readYAML(t, name)) {
			if strings.Contains(script, "${{") {
				t.Errorf("%s: an expression is part of a script: %s", name, script)
			}
			if strings.Contains(script, "cogplan plan") || strings.Contains(script, "cogplan apply") {
				t.Errorf("%s: it does not run what is tested: %s", name, script)
			}
			if steps.MatchString(script) {
				ours++
			}
		}
		if ours == 0 {
			t.Errorf("%s: it runs no step of cogplan-ci.sh", name)
		}
	}
}

// What an artifact holds is the word of whoever made the plan: unpacked over the
// checkout it could replace the module, the script, or what git runs.
func TestNoWorkflowUnpacksAnArtifactOverTheCheckout(t *testing.T) {
	if got := downloads(readYAML(t, "ci/github/apply.yml")); len(got) != 1 || !strings.HasPrefix(got[0], "${{ runner.temp }}/") {
		t.Errorf("artifacts go to %q", got)
	}
	for _, name := range []string{"ci/github/plan.yml", "ci/gitea/cogplan.yml"} {
		if got := downloads(readYAML(t, name)); len(got) != 0 {
			t.Errorf("%s: artifacts go to %q", name, got)
		}
	}
}

// downloads are the folders into which steps of a workflow unpack artifacts; empty is
// the checkout.
func downloads(node any) []string {
	var out []string
	switch node := node.(type) {
	case map[string]any:
		if uses, _ := node["uses"].(string); strings.HasPrefix(uses, "actions/download-artifact@") {
			with, _ := node["with"].(map[string]any)
			path, _ := with["path"].(string)
			out = append(out, path)
		}
		for _, value := range node {
			out = append(out, downloads(value)...)
		}
	case []any:
		for _, item := range node {
			out = append(out, downloads(item)...)
		}
	}
	return out
}
