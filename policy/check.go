package policy

import (
	"bytes"
	"context"
	"errors"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"
)

// Check looks at policies as [Load] does and then further: strict compilation
// (unused variables and imports, shadowed names), and formatting. It returns
// everything it finds; an error is what kept it from looking.
func Check(ctx context.Context, options Options) ([]Mistake, error) {
	_, err := Load(ctx, options)
	var found *LoadError
	switch {
	case errors.As(err, &found):
		return found.Mistakes, nil
	case err != nil:
		return nil, err
	}
	s := readSources(&options)
	var mistakes []Mistake
	user := parseModules(s.files, true)
	data, _ := mergeData(s.data, nil) // Load has looked at it
	for _, runs := range []bool{false, true} {
		mistakes = append(mistakes, checkStrictly(user, data, runs)...)
	}
	for _, f := range append(s.files, s.tests...) {
		formatted, err := Format(f)
		switch {
		case err != nil:
			mistakes = append(mistakes, Mistake{File: f.Name, Problem: err.Error()})
		case formatted != f.Text:
			mistakes = append(mistakes, Mistake{File: f.Name, Problem: "the file is not formatted", Remedy: "lay it out as opa fmt does"})
		}
	}
	return tidy(mistakes), nil
}

func checkStrictly(user *moduleSet, data map[string]any, runs bool) []Mistake {
	part, run := user.split(runPackage)
	text := inputSchema
	if runs {
		part, text = run, runSchema
	}
	schema, err := schemaSet(text)
	if err != nil {
		return []Mistake{{Problem: err.Error()}}
	}
	_, mistakes := compile(part.modules, part.rules, compileOptions{
		capabilities: gateCapabilities(false), schema: schema, data: data, strict: true, prints: true,
	})
	return mistakes
}

// Format returns the text of a policy in the one layout that all Rego has.
func Format(f File) (string, error) {
	text, err := format.SourceWithOpts(f.Name, []byte(f.Text), format.Opts{RegoVersion: ast.RegoV1})
	if err != nil {
		return "", err
	}
	return string(bytes.TrimRight(text, "\n")) + "\n", nil
}
