package report

import (
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"slices"
)

// writeSARIF writes SARIF 2.1.0, as code scanning services read it.
func writeSARIF(w io.Writer, items []Item) error {
	results := []map[string]any{}
	var rules []string
	for _, item := range items {
		for _, f := range findings(item) {
			rule := clean(f.Rule)
			if !slices.Contains(rules, rule) {
				rules = append(rules, rule)
			}
			result := map[string]any{
				"ruleId": rule, "level": severity(f), "message": map[string]string{"text": sentence(f)},
				"locations": []any{location(item)},
			}
			if f.Override != "" {
				result["suppressions"] = []any{map[string]string{"kind": "external", "justification": clean(f.Override)}}
			}
			results = append(results, result)
		}
	}
	described := make([]map[string]string, len(rules))
	for i, rule := range rules {
		described[i] = map[string]string{"id": rule}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string]any{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json",
		"version": "2.1.0",
		"runs": []any{map[string]any{
			"tool":    map[string]any{"driver": map[string]any{"name": "cogplan", "rules": described}},
			"results": results,
		}},
	})
}

func location(item Item) map[string]any {
	out := map[string]any{"logicalLocations": []any{map[string]string{"fullyQualifiedName": clean(item.Address), "kind": "resource"}}}
	if item.Source.Filename == "" {
		return out
	}
	physical := map[string]any{"artifactLocation": map[string]string{"uri": (&url.URL{Path: filepath.ToSlash(item.Source.Filename)}).String()}}
	if s := item.Source; s.StartLine > 0 {
		region := map[string]int{"startLine": s.StartLine}
		for name, n := range map[string]int{"startColumn": s.StartColumn, "endLine": s.EndLine, "endColumn": s.EndColumn} {
			if n > 0 {
				region[name] = n
			}
		}
		physical["region"] = region
	}
	out["physicalLocation"] = physical
	return out
}
