package main

import (
	"context"
	"strings"

	"github.com/cogplan/cogplan/sdk"
	"github.com/cogplan/cogplan/sdk/jsonvalue"
)

// settings are a resource's arguments, checked.
type settings struct {
	base       string // without a slash at its end
	headers    map[string]string
	collection string
	query      map[string]string
	items, id  jsonvalue.Pointer
	name, item template
	hasItem    bool
	readItem   bool
	unordered  map[string]bool
	writeOnly  map[string]bool
	missing    map[int]bool
	unmanaged  bool
	pages      *pagination

	health *health

	create, update, remove operation
}

type pagination struct {
	style, parameter string
	cursor           jsonvalue.Pointer
	first            int64
}

// operation is one way to change the world.
type operation struct {
	method  string
	path    template
	body    string
	with    map[string]any
	wrap    jsonvalue.Pointer
	id      jsonvalue.Pointer
	query   map[string]string
	headers map[string]string
	expect  map[int]bool
}

// rest serves one resource.
type rest struct {
	settings
	session *sdk.Session
	// desired are the declared bodies by label.
	objects []sdk.LabeledBlock
	// seen are the items as they were listed in this session; nil before.
	seen map[string]item
}

func open(_ context.Context, s *sdk.Session) (*rest, error) {
	r := &rest{session: s}
	b, config := s.Body(), s.Provider()
	r.base = strings.TrimSuffix(config.String("base_url"), "/")
	if r.base == "" {
		b.Fail("collection", "the provider block has no config { base_url = … }")
	}
	r.headers = config.Map("headers")
	r.collection, r.query = b.String("collection"), b.Map("query")
	r.items = pointer(b, "items", "")
	r.id = pointer(b, "id", "/id")
	r.name = templateOf(b, "name", "{name}")
	r.item, r.hasItem = templateOf(b, "item", ""), b.Has("item")
	if r.readItem = b.String("read") == "item"; r.readItem && !r.hasItem {
		b.Fail("read", "items can be read one by one only where item is set")
	}
	r.unordered, r.writeOnly = set(b.Strings("unordered")), set(b.Strings("write_only"))
	r.missing = statuses(b, "missing", 404, 410)
	r.unmanaged = !b.Has("unmanaged") || b.Bool("unmanaged")
	r.pages = pages(b)
	r.health = healthOf(b)
	r.create = r.operation(b, "create", "POST", r.collection, "declared")
	r.update = r.operation(b, "update", "PUT", b.String("item"), "declared")
	r.remove = r.operation(b, "delete", "DELETE", b.String("item"), "none")
	r.objects = b.LabeledBlocks("object")
	return r, b.Err()
}

func pointer(b sdk.Body, name, missing string) jsonvalue.Pointer {
	text := missing
	if b.Has(name) {
		text = b.String(name)
	}
	p, err := jsonvalue.ParsePointer(text)
	if err != nil {
		b.Fail(name, err.Error())
	}
	return p
}

func templateOf(b sdk.Body, name, missing string) template {
	text := missing
	if b.Has(name) {
		text = b.String(name)
	}
	t, err := parseTemplate(text)
	if err != nil {
		b.Fail(name, err.Error())
	}
	return t
}

func set(list []string) map[string]bool {
	out := map[string]bool{}
	for _, s := range list {
		out[s] = true
	}
	return out
}

func statuses(b sdk.Body, name string, missing ...int) map[int]bool {
	out := map[int]bool{}
	list, _ := b.Value(name).([]any)
	for _, v := range list {
		n, ok := v.(int64)
		if !ok || n < 200 || n > 599 {
			b.Fail(name, "want statuses from 200 to 599")
		}
		out[int(n)] = true
	}
	if !b.Has(name) {
		for _, n := range missing {
			out[n] = true
		}
	}
	return out
}

func pages(b sdk.Body) *pagination {
	p, ok := b.Block("pagination")
	if !ok {
		return nil
	}
	out := &pagination{style: p.String("style"), parameter: p.String("parameter"), cursor: pointer(p, "cursor", ""), first: 1}
	if out.parameter == "" {
		out.parameter = out.style
	}
	if p.Has("first") {
		out.first = p.Int("first")
	}
	if out.style == "cursor" && len(out.cursor) == 0 {
		p.Fail("cursor", "say where the cursor stands in the answer, like \"/meta/next\"")
	}
	return out
}

func (r *rest) operation(b sdk.Body, name, method, path, body string) operation {
	block, written := b.Block(name)
	if !written {
		block = sdk.NewBody(nil)
	}
	op := operation{
		method: method, body: body, query: block.Map("query"), headers: block.Map("headers"),
		expect: statuses(block, "expect"), wrap: pointer(block, "wrap", ""), id: r.id,
	}
	if m := block.String("method"); m != "" {
		op.method = m
		if m == "PATCH" && name == "update" {
			op.body = "changed"
		}
	}
	if kind := block.String("body"); kind != "" {
		op.body = kind
	}
	if name != "update" && op.body == "changed" || name == "create" && op.body == "merged" {
		block.Fail("body", "nothing has changed in a "+name)
	}
	if block.Has("id") {
		op.id = pointer(block, "id", "")
	}
	op.path = templateOf(block, "path", path)
	if with := block.Value("with"); with != nil {
		fields, ok := with.(map[string]any)
		if !ok {
			block.Fail("with", "want an object: { field = value }")
		}
		op.with = fields
	}
	return op
}
