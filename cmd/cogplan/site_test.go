package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"go.yaml.in/yaml/v3"
)

// documents are the pages of docs/ and of the top folder, by their paths from it.
func documents(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	for _, pattern := range []string{"docs/*.md", "*.md", "examples/*/README.md"} {
		names, err := filepath.Glob(filepath.Join("..", "..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			pages[filepath.ToSlash(strings.TrimPrefix(name, filepath.Join("..", "..")+string(filepath.Separator)))] = string(data)
		}
	}
	if len(pages) < 18 {
		t.Fatalf("only %d pages were found", len(pages))
	}
	return pages
}

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	inFences = regexp.MustCompile("(?ms)^```.*?^```$")
	ourTree  = regexp.MustCompile(`^https://github.com/cogplan/cogplan/(?:blob|tree)/main/(.*)$`)
)

// anchors are the headings of a page as sites link them.
func anchors(text string) map[string]bool {
	out := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(inFences.ReplaceAllString(text, ""), -1) {
		var b strings.Builder
		for _, r := range strings.ToLower(m[1]) {
			switch {
			case r == ' ' || r == '-':
				b.WriteByte('-')
			case r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
				b.WriteRune(r)
			}
		}
		out[b.String()] = true
	}
	return out
}

func TestLinksLeadSomewhere(t *testing.T) {
	pages, found := documents(t), 0
	for name, text := range pages {
		for _, m := range link.FindAllStringSubmatch(inFences.ReplaceAllString(text, ""), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			found++
			path := filepath.ToSlash(filepath.Join(filepath.Dir(name), filepath.FromSlash(target)))
			switch ours := ourTree.FindStringSubmatch(target); {
			case ours != nil:
				path = ours[1]
			case strings.Contains(target, "://"), strings.HasPrefix(target, "mailto:"):
				continue // the world is not ours to check
			case target == "":
				path = name
			case strings.HasPrefix(name, "docs/") && !strings.HasPrefix(path, "docs/"):
				t.Errorf("%s: %s leads out of the folder, which a site does not have; write https://github.com/cogplan/cogplan/blob/main/%s", name, m[1], path)
			}
			if _, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(path))); err != nil {
				t.Errorf("%s: %s leads nowhere", name, m[1])
			} else if text, isPage := pages[path]; isPage && anchor != "" && !anchors(text)[anchor] {
				t.Errorf("%s: %s has no heading #%s", name, path, anchor)
			}
		}
	}
	if found < 60 {
		t.Fatalf("only %d links were found", found)
	}
}

// Whatever is not run is at least well-formed.
func TestSnippetsAreWellFormed(t *testing.T) {
	check := map[string]func(string) error{
		"hcl": func(text string) error {
			if _, diags := hclsyntax.ParseConfig([]byte(text), "snippet", hcl.InitialPos); diags.HasErrors() {
				return diags
			}
			return nil
		},
		"json": func(text string) error { return json.Unmarshal([]byte(text), new(any)) },
		"yaml": func(text string) error { return yaml.Unmarshal([]byte(text), new(any)) },
	}
	snippet := regexp.MustCompile("(?ms)^```([a-z]+)[^\n]*\n(.*?)^```$")
	found := 0
	for name, text := range documents(t) {
		for _, m := range snippet.FindAllStringSubmatch(text, -1) {
			if well, ok := check[m[1]]; ok {
				found++
				if err := well(m[2]); err != nil {
					t.Errorf("%s: %v in\n%s", name, err, m[2])
				}
			}
		}
	}
	if found < 30 {
		t.Fatalf("only %d snippets were found", found)
	}
}

// The site has every page, and no other.
func TestEveryPageIsInTheNavigation(t *testing.T) {
	data, err := os.ReadFile("../../mkdocs.yml")
	if err != nil {
		t.Fatal(err)
	}
	front, err := os.ReadFile("../../docs/index.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)[ :]([a-z-]+\.md)$`).FindAllStringSubmatch(string(data), -1) {
		listed[m[1]] = true
	}
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		name := filepath.Base(page)
		if !listed[name] {
			t.Errorf("mkdocs.yml does not list %s", name)
		}
		if name != "index.md" && !strings.Contains(string(front), "]("+name+")") {
			t.Errorf("docs/index.md does not lead to %s", name)
		}
		delete(listed, name)
	}
	for name := range listed {
		t.Errorf("mkdocs.yml lists %s, and there is no such page", name)
	}
}
