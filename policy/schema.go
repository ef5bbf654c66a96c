package policy

import (
	_ "embed"
	"encoding/json"

	"github.com/open-policy-agent/opa/v1/ast"
)

//go:embed schema/input.json
var inputSchema string

//go:embed schema/run.json
var runSchema string

// InputSchema is the JSON schema of the input of package main. An object with
// properties has those and no others.
func InputSchema() string { return inputSchema }

// RunSchema is the JSON schema of the input of package main.run.
func RunSchema() string { return runSchema }

// schemaSet types the input of policies, so that a misspelt field is an error
// when they are loaded and not undefined when they rule.
func schemaSet(text string) (*ast.SchemaSet, error) {
	var schema any
	if err := json.Unmarshal([]byte(text), &schema); err != nil {
		return nil, err
	}
	set := ast.NewSchemaSet()
	set.Put(ast.SchemaRootRef, schema)
	return set, nil
}
