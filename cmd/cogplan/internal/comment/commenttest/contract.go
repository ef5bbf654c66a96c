package commenttest

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed testdata/*.json
var descriptions embed.FS

// contract is the description of an API, in the shape of OpenAPI 3.1.
type contract struct {
	operations []operation
}

type operation struct {
	method string
	// path are the elements of the path, with {name} for a parameter.
	path       []string
	parameters []parameter
	// request is the schema of the body; nil for none.
	request *jsonschema.Schema
	// status and answer are what a success looks like.
	status int
	answer *jsonschema.Schema
}

type parameter struct {
	name, in string
	required bool
	schema   *jsonschema.Schema
}

// document is what is read of a description directly; schemas are compiled where
// they stand.
type document struct {
	Paths map[string]map[string]struct {
		Parameters []struct {
			Name     string `json:"name"`
			In       string `json:"in"`
			Required bool   `json:"required"`
		} `json:"parameters"`
		RequestBody *struct{}           `json:"requestBody"`
		Responses   map[string]struct{} `json:"responses"`
	} `json:"paths"`
}

func loadContract(forge string) (*contract, error) {
	name := "testdata/" + forge + ".json"
	data, err := descriptions.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var doc document
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	schemas := jsonschema.NewCompiler()
	schemas.AssertFormat()
	if err := schemas.AddResource("api.json", whole); err != nil {
		return nil, err
	}
	return newContract(&doc, schemas)
}

func newContract(doc *document, schemas *jsonschema.Compiler) (*contract, error) {
	c := &contract{}
	for path, methods := range doc.Paths {
		for method, described := range methods {
			at := []string{"paths", path, method}
			op := operation{method: strings.ToUpper(method), path: strings.Split(path, "/")}
			var err error
			for i, p := range described.Parameters {
				param := parameter{name: p.Name, in: p.In, required: p.Required}
				if param.schema, err = compile(schemas, slices.Concat(at, []string{"parameters", strconv.Itoa(i), "schema"})); err != nil {
					return nil, err
				}
				op.parameters = append(op.parameters, param)
			}
			if described.RequestBody != nil {
				if op.request, err = compile(schemas, slices.Concat(at, []string{"requestBody", "content", "application/json", "schema"})); err != nil {
					return nil, err
				}
			}
			for status := range described.Responses {
				if op.status, err = strconv.Atoi(status); err != nil {
					return nil, err
				}
				if op.answer, err = compile(schemas, slices.Concat(at, []string{"responses", status, "content", "application/json", "schema"})); err != nil {
					return nil, err
				}
			}
			c.operations = append(c.operations, op)
		}
	}
	return c, nil
}

// compile compiles the schema at that place of the description.
func compile(schemas *jsonschema.Compiler, at []string) (*jsonschema.Schema, error) {
	var pointer strings.Builder
	for _, token := range at {
		token = strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
		pointer.WriteString("/" + url.PathEscape(token))
	}
	return schemas.Compile("api.json#" + pointer.String())
}

// find is the operation that a request is for, and the parameters of its path.
func (c *contract) find(method, escapedPath string) (*operation, map[string]string) {
	elements := strings.Split(escapedPath, "/")
	for i := range c.operations {
		if op := &c.operations[i]; op.method == method && len(op.path) == len(elements) {
			if values, ok := match(op.path, elements); ok {
				return op, values
			}
		}
	}
	return nil, nil
}

func match(template, elements []string) (map[string]string, bool) {
	values := map[string]string{}
	for i, part := range template {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			value, err := url.PathUnescape(elements[i])
			if err != nil || value == "" {
				return nil, false
			}
			values[strings.TrimSuffix(name, "}")] = value
		} else if part != elements[i] {
			return nil, false
		}
	}
	return values, true
}

// check says what is wrong with a request by its description.
func (op *operation) check(r *http.Request, path map[string]string, body []byte) []string {
	var wrong []string
	query := r.URL.Query()
	for _, p := range op.parameters {
		value, given := path[p.name]
		if p.in == "query" {
			given = query.Has(p.name)
			value = query.Get(p.name)
			query.Del(p.name)
		}
		switch {
		case !given && p.required:
			wrong = append(wrong, "the parameter "+p.name+" is missing")
		case given && p.schema.Validate(typed(value)) != nil && p.schema.Validate(value) != nil:
			wrong = append(wrong, fmt.Sprintf("the parameter %s is %q", p.name, value))
		}
	}
	for name := range query {
		wrong = append(wrong, "the parameter "+name+" is not described")
	}
	return append(wrong, op.checkBody(r, body)...)
}

// typed is a parameter as a number, where it is one.
func typed(value string) any {
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		return json.Number(strconv.FormatInt(n, 10))
	}
	return value
}

func (op *operation) checkBody(r *http.Request, body []byte) []string {
	if op.request == nil {
		if len(body) > 0 {
			return []string{"there is a body, and none is described"}
		}
		return nil
	}
	if got := r.Header.Get("Content-Type"); got != "application/json" {
		return []string{fmt.Sprintf("the body is said to be %q", got)}
	}
	if err := valid(op.request, body); err != nil {
		return []string{"the body: " + err.Error()}
	}
	return nil
}

// valid holds a JSON document against a schema.
func valid(schema *jsonschema.Schema, data []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}
