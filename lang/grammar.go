package lang

// grammar holds what may stand in each block of the language. It is made once
// for a load, because making it for each of 10,000 resources would show.
type grammar struct {
	root, cogplan, policyPaths, variable, validation *bodySpec
	provider, allow, http, tcp, limits               *bodySpec
	output, resource, data, module, timeouts         *bodySpec
	check, assert, moved, removed, imports, rule     *bodySpec
	credential, removal                              *bodySpec
}

func newGrammar() *grammar {
	condition := attrs("condition!", "error_message!")
	return &grammar{
		root:        rootSpec(),
		cogplan:     &bodySpec{where: "the cogplan block", attrs: attrs("required_version"), blocks: blocks("policy", "state:name")},
		policyPaths: &bodySpec{where: "a policy block", attrs: attrs("paths!", "key")},
		variable: &bodySpec{
			where:  "a variable block",
			attrs:  attrs("type", "default", "description", "sensitive", "nullable"),
			blocks: blocks("validation*"),
		},
		validation: &bodySpec{where: "a validation block", attrs: condition},
		provider: &bodySpec{
			where:  "a provider block",
			attrs:  attrs("source!", "trust"),
			blocks: blocks("allow", "limits", "config"),
		},
		allow:  &bodySpec{where: "an allow block", attrs: attrs("read", "write", "env"), blocks: blocks("http*", "tcp*")},
		http:   &bodySpec{where: "an http grant", attrs: attrs("origin!", "methods", "paths", "read_routes", "private", "credential", "ca")},
		tcp:    &bodySpec{where: "a tcp grant", attrs: attrs("address!", "private", "read", "tls", "ca", "credential", "read_credential")},
		limits: &bodySpec{where: "a limits block", attrs: attrs("memory", "timeout", "run", "output", "log", "requests", "rate", "response", "connections", "traffic", "cpu")},
		output: &bodySpec{
			where:  "an output block",
			attrs:  attrs("value!", "description", "sensitive", "depends_on"),
			blocks: blocks("precondition*"),
		},
		resource: &bodySpec{where: "a resource block", attrs: attrs(resourceArguments()...), blocks: resourceBlocks(), open: true},
		data:     &bodySpec{where: "a data block", attrs: attrs("depends_on", "for_each", "count", "interval", "wave", "tags"), blocks: resourceBlocks(), open: true},
		module: &bodySpec{
			where: "a module block", open: true,
			attrs: attrs("source!", "for_each", "count", "depends_on", "providers"),
		},
		timeouts: &bodySpec{where: "a timeouts block", attrs: attrs("plan", "apply", "health")},
		check:    &bodySpec{where: "a check block", blocks: blocks("assert*")},
		assert:   &bodySpec{where: "an assertion", attrs: condition},
		moved:    &bodySpec{where: "a moved block", attrs: attrs("from!", "to!")},
		removed:  &bodySpec{where: "a removed block", attrs: attrs("from!", "delete")},
		removal:  &bodySpec{where: "a removed block", attrs: attrs("from!", "delete"), open: true},
		imports:  &bodySpec{where: "an import block", attrs: attrs("to!", "id!")},
		rule:     &bodySpec{where: "a policy block", attrs: attrs("level"), blocks: blocks("parameters")},
		credential: &bodySpec{
			where: "a credential block",
			attrs: attrs("origin!", "kind!", "name", "username", "certificate", "env", "file", "command"),
		},
	}
}

func rootSpec() *bodySpec {
	return &bodySpec{
		where: "a module",
		attrs: map[string]attrSpec{},
		blocks: blocks("cogplan*", "variable*:name", "locals*", "provider*:name", "resource*:provider:name",
			"data*:provider:name", "output*:name", "module*:name", "check*:name", "moved*", "removed*", "import*", "policy*:rule",
			"credential*:name"),
	}
}

// resourceArguments are the arguments of a resource that are cogplan's own. A
// provider's schema cannot have them.
func resourceArguments() []string {
	return []string{
		"prune", "auto_apply", "interval", "wave", "suspended", "depends_on", "for_each", "count",
		"mode", "ignore_changes", "protect", "tags",
	}
}

func resourceBlocks() map[string]blockSpec {
	return blocks("precondition*", "postcondition*", "timeouts")
}

// attrs reads names of arguments; "!" marks a required one.
func attrs(names ...string) map[string]attrSpec {
	out := make(map[string]attrSpec, len(names))
	for _, name := range names {
		required := name[len(name)-1] == '!'
		if required {
			name = name[:len(name)-1]
		}
		out[name] = attrSpec{required: required}
	}
	return out
}

// blocks reads keywords of blocks: "http*" may stand many times, and what
// follows a colon names a label.
func blocks(words ...string) map[string]blockSpec {
	out := make(map[string]blockSpec, len(words))
	for _, word := range words {
		parts := splitColon(word)
		name := parts[0]
		many := name[len(name)-1] == '*'
		if many {
			name = name[:len(name)-1]
		}
		out[name] = blockSpec{labels: parts[1:], many: many}
	}
	return out
}
