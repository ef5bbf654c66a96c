package lang

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/cogplan/cogplan/lang/funcs"
	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

const envPrefix = "COGPLAN_VAR_"

// input is the value of a variable of the root module and where it came from.
type input struct {
	val    cty.Value
	origin string
	rng    hcl.Range
}

// readInputs gives each variable of the root module a value.
func (ev *Evaluation) readInputs() {
	ev.inputs = map[string]*input{}
	given := map[string]*input{}
	ev.environment(given)
	if !ev.opts.Variables.SkipFiles {
		ev.autoFiles(given)
	}
	for _, arg := range ev.opts.Variables.Args {
		ev.argumentGiven(arg, given)
	}
	for _, name := range sortedKeys(ev.module.variables) {
		ev.inputs[name] = ev.input(ev.module.variables[name], given[name])
	}
}

func (ev *Evaluation) environment(given map[string]*input) {
	for _, name := range sortedKeys(ev.module.variables) {
		text, ok := ev.opts.Variables.Environ[envPrefix+name]
		if !ok {
			continue
		}
		in := &input{origin: "environment", rng: ev.textRange("environment "+envPrefix+name, text)}
		in.val, _ = ev.parseText(ev.module.variables[name], text, in.rng)
		given[name] = in
	}
}

func (ev *Evaluation) autoFiles(given map[string]*input) {
	entries, err := os.ReadDir(ev.module.dir)
	if err != nil {
		return // an overlay without a directory has no such files
	}
	root, err := os.OpenRoot(ev.module.dir)
	if err != nil {
		return
	}
	defer root.Close() //nolint:errcheck // it was only read
	var names []string
	for _, e := range entries {
		name := e.Name()
		if strings.HasSuffix(name, ".auto.hclvars") || strings.HasSuffix(name, ".auto.hclvars.json") {
			names = append(names, name)
		}
	}
	for _, name := range slices.Concat([]string{"cogplan.hclvars", "cogplan.hclvars.json"}, names) {
		shown := filepath.Join(ev.module.dir, name)
		src, err := readRegular(root, name, maxFileBytes)
		switch {
		case os.IsNotExist(err):
		case err != nil:
			ev.mistake(hcl.Range{Filename: shown}, "File cannot be read", "%s.", readReason(err))
		default:
			ev.variablesFile(shown, src, given)
		}
	}
}

// argumentGiven reads one -var or -var-file.
func (ev *Evaluation) argumentGiven(arg VariableArg, given map[string]*input) {
	if arg.File != "" {
		src, err := readGiven(arg.File)
		if err != nil {
			ev.mistake(hcl.Range{Filename: arg.File}, "File cannot be read", "%s.", readReason(err))
			return
		}
		ev.variablesFile(arg.File, src, given)
		return
	}
	rng := ev.textRange("-var "+arg.Name, arg.Value)
	v := ev.module.variables[arg.Name]
	if v == nil {
		ev.mistake(rng, "Unknown variable", "The module has no variable %s.%s", quote(arg.Name),
			didYouMeanOrList(arg.Name, sortedKeys(ev.module.variables), "variable"))
		return
	}
	val, _ := ev.parseText(v, arg.Value, rng)
	given[arg.Name] = &input{val: val, origin: "-var", rng: rng}
}

func readGiven(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	return readLimited(f, name, maxFileBytes)
}

// textRange makes a source of a text that stands in no file, so that messages
// can show it.
func (ev *Evaluation) textRange(name, text string) hcl.Range {
	ev.module.addFile(name, &hcl.File{Bytes: []byte(text), Body: hcl.EmptyBody()})
	end := hcl.InitialPos
	if line, _, found := strings.Cut(text, "\n"); !found {
		end.Column, end.Byte = len(line)+1, len(line)
	}
	return hcl.Range{Filename: name, Start: hcl.InitialPos, End: end}
}

// parseText reads the value of a -var: as it stands for a variable that is a
// string, number or bool or has no type, as an expression for all others.
func (ev *Evaluation) parseText(v *variable, text string, rng hcl.Range) (cty.Value, bool) {
	if !v.typed || v.typ.IsPrimitiveType() {
		return cty.StringVal(text), true
	}
	if diags := bounds.Expression([]byte(text), rng.Filename); diags.HasErrors() {
		ev.add(diags)
		return cty.NilVal, false
	}
	expr, diags := hclsyntax.ParseExpression([]byte(text), rng.Filename, hcl.InitialPos)
	if !diags.HasErrors() {
		var more hcl.Diagnostics
		expr, more = ev.module.budget.Guard(expr)
		diags = append(diags, more...)
	}
	if diags.HasErrors() {
		ev.add(diags)
		return cty.NilVal, false
	}
	val, diags := variableConstant(&hcl.Attribute{Name: v.name, Expr: expr})
	ev.add(diags)
	if diags.HasErrors() {
		return cty.NilVal, false
	}
	return val, true
}

// variablesFile reads a file of variables.
func (ev *Evaluation) variablesFile(name string, src []byte, given map[string]*input) {
	f := &sourceFile{name: name, bytes: src}
	if strings.HasSuffix(name, ".json") {
		if f.diags = checkText(src, name); !f.diags.HasErrors() {
			f.file, f.diags = json.Parse(src, name)
		}
	} else {
		f.parse(ev.module.budget)
	}
	ev.add(f.diags)
	if f.file == nil || f.diags.HasErrors() {
		return
	}
	ev.module.addFile(name, f.file)
	attrs, diags := f.file.Body.JustAttributes()
	ev.add(diags)
	for _, key := range sortedKeys(attrs) {
		attr := attrs[key]
		if ev.module.variables[key] == nil {
			ev.add(hcl.Diagnostics{warning(attr.NameRange, "Unknown variable", "The module has no variable %s, so this value is not used.%s",
				quote(key), didYouMean(key, sortedKeys(ev.module.variables)))})
			continue
		}
		val, diags := variableConstant(attr)
		ev.add(diags)
		if !diags.HasErrors() {
			given[key] = &input{val: val, origin: name, rng: attr.Expr.Range()}
		}
	}
}

// variableConstant is constant, but null is a value.
func variableConstant(attr *hcl.Attribute) (cty.Value, hcl.Diagnostics) {
	if val, diags := attr.Expr.Value(nil); !diags.HasErrors() && val.IsNull() {
		return cty.NullVal(cty.DynamicPseudoType), nil
	}
	return constant(attr, cty.DynamicPseudoType)
}

// input settles the value of one variable.
func (ev *Evaluation) input(v *variable, given *input) *input {
	if given != nil && given.val == cty.NilVal {
		return &input{val: cty.UnknownVal(v.typ)} // what is wrong was reported
	}
	if given == nil && v.def == nil {
		given = ev.prompt(v)
		if given == nil {
			return &input{val: cty.DynamicVal}
		}
	}
	if given == nil {
		val, diags := ev.defaultOf(v, ev.module)
		ev.add(diags)
		return &input{val: val, origin: "default", rng: v.rng}
	}
	val, diags := v.accept(given.val, given.rng)
	ev.add(diags)
	given.val = val
	if val.IsNull() && !v.nullable && v.def != nil {
		given.val, diags = ev.defaultOf(v, ev.module)
		ev.add(diags)
	}
	return given
}

func (ev *Evaluation) prompt(v *variable) *input {
	if ev.opts.Variables.Prompt == nil {
		ev.mistake(v.rng, "Missing value of a variable",
			"The variable %s has no default and no value. Give it one with -var '%s=…', in a file with -var-file, or in the environment as %s.",
			quote(v.name), v.name, envPrefix+v.name)
		return nil
	}
	text, err := ev.opts.Variables.Prompt(v.public())
	if err != nil {
		ev.mistake(v.rng, "Missing value of a variable", "The variable %s has no value: %s.", quote(v.name), err)
		return nil
	}
	rng := ev.textRange("prompt "+v.name, text)
	val, ok := ev.parseText(v, text, rng)
	if !ok {
		return nil
	}
	return &input{val: val, origin: "prompt", rng: rng}
}

// defaultOf evaluates a default. It is the only place where env() works.
func (ev *Evaluation) defaultOf(v *variable, m *Module) (cty.Value, hcl.Diagnostics) {
	if v.def == nil {
		return cty.UnknownVal(v.typ), nil
	}
	opts := ev.functionOptions(m)
	opts.Env = ev.opts.Env
	if opts.Env == nil {
		opts.Env = map[string]string{}
	}
	val, diags := v.def.Value(&hcl.EvalContext{Functions: funcs.Functions(opts)})
	if diags.HasErrors() {
		return cty.UnknownVal(v.typ), explain(diags)
	}
	val, more := v.accept(val, v.def.Range())
	return val, append(diags, more...)
}

// accept converts a value to the type of the variable.
func (v *variable) accept(val cty.Value, rng hcl.Range) (cty.Value, hcl.Diagnostics) {
	if v.defaults != nil && !val.IsNull() {
		val = v.defaults.Apply(val)
	}
	conv, err := convert.Convert(val, v.typ)
	if err != nil {
		return cty.UnknownVal(v.typ), hcl.Diagnostics{mistake(rng, "Wrong type of a variable",
			"The variable %s (%s) takes %s.", quote(v.name), place(v.rng), mismatch(v.typ, val, err))}
	}
	if conv.IsNull() && !v.nullable && v.def == nil {
		return cty.UnknownVal(v.typ), hcl.Diagnostics{mistake(rng, "Null value of a variable",
			"The variable %s (%s) has nullable = false, so it cannot be null.", quote(v.name), place(v.rng))}
	}
	return conv, nil
}

// Inputs are the variables of the root module, sorted by name.
func (ev *Evaluation) Inputs() []Input {
	out := make([]Input, 0, len(ev.inputs))
	for _, name := range sortedKeys(ev.inputs) {
		in, v := ev.inputs[name], ev.module.variables[name]
		plain, marks := in.val.UnmarkDeep()
		one := Input{Name: name, Origin: in.origin, Sensitive: v.sensitive || len(marks) > 0, Digest: digestOf(plain)}
		if !one.Sensitive {
			one.Value, _ = toNative(plain) // what is no native value is shown by its digest
		}
		out = append(out, one)
	}
	return out
}

// digestOf tells values apart without showing them.
func digestOf(val cty.Value) string {
	raw, err := ctyjson.Marshal(val, cty.DynamicPseudoType)
	if err != nil {
		raw = []byte(fmt.Sprintf("%#v", val))
	}
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// addFile adds a source that was read after loading.
func (m *Module) addFile(name string, file *hcl.File) {
	m.mu.Lock()
	defer m.mu.Unlock()
	files := maps.Clone(m.files)
	files[name] = file
	m.files = files
}
