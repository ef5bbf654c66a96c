package reconcile

// Schema describes what a provider accepts and what it manages. A guest returns
// it from describe; lang checks declarations against it; the planner follows
// its object types. The JSON form is what `cogplan provider inspect -json`
// prints and what the schema cache holds.
type Schema struct {
	// Version is the provider's own version of its schema, from 1.
	Version int `json:"version"`
	// Resource is the body of a resource block of this provider.
	Resource Block `json:"resource"`
	// Data is the body of a data block; nil where the provider has none.
	Data *Block `json:"data,omitempty"`
	// Config is the body of the config block inside the provider block; nil
	// where the provider takes no configuration.
	Config *Block `json:"config,omitempty"`
	// Objects are the types of objects that a resource manages.
	Objects []ObjectType `json:"objects"`
}

// ObjectType returns the object type of that name, or nil.
func (s *Schema) ObjectType(name string) *ObjectType {
	if s == nil {
		return nil
	}
	for i := range s.Objects {
		if s.Objects[i].Name == name {
			return &s.Objects[i]
		}
	}
	return nil
}

// Block is a body: attributes and nested blocks.
type Block struct {
	Attributes []Attribute   `json:"attributes,omitempty"`
	Blocks     []NestedBlock `json:"blocks,omitempty"`
	// Doc is Markdown for the author of a module.
	Doc string `json:"doc,omitempty"`
	// Deprecated is empty, or says what to use instead.
	Deprecated string `json:"deprecated,omitempty"`
}

// Attribute is one argument of a block.
type Attribute struct {
	Name string `json:"name"`
	// Type is a type in cty's JSON notation: `"string"`, `["list","number"]`,
	// `["object",{"a":"bool"}]`, `"dynamic"`.
	Type string `json:"type"`
	// Required, or else optional. A computed attribute that is not optional may
	// not be set by the author.
	Required bool `json:"required,omitempty"`
	Optional bool `json:"optional,omitempty"`
	// Computed attributes get their value from the provider's outputs once the
	// resource is live.
	Computed bool `json:"computed,omitempty"`
	// Sensitive values are redacted wherever they would be shown.
	Sensitive bool `json:"sensitive,omitempty"`
	// Default is used where the author sets nothing; nil for none. It is a JSON
	// value of Type.
	Default any `json:"default,omitempty"`
	// OneOf lists the allowed strings; empty allows all.
	OneOf []string `json:"one_of,omitempty"`
	// Pattern is an RE2 expression that a string must match in full; empty
	// allows all.
	Pattern    string `json:"pattern,omitempty"`
	Doc        string `json:"doc,omitempty"`
	Deprecated string `json:"deprecated,omitempty"`
}

// Nesting says how often a nested block may stand, and what it decodes to.
type Nesting string

// The nestings. In a config value a single block is an object or null, a list
// is a list of objects, and a map (one label) is a map of objects by label.
const (
	NestingSingle Nesting = "single"
	NestingList   Nesting = "list"
	NestingMap    Nesting = "map"
)

// NestedBlock is a block inside a block.
type NestedBlock struct {
	// Type is the block's keyword.
	Type    string  `json:"type"`
	Nesting Nesting `json:"nesting"`
	// Label names the one label of a map block, for documentation; it is empty
	// for the other nestings.
	Label string `json:"label,omitempty"`
	// Min and Max bound how many there may be; Max 0 is no bound.
	Min   int   `json:"min,omitempty"`
	Max   int   `json:"max,omitempty"`
	Block Block `json:"block"`
}

// ObjectType describes one type of object and guides the planner.
type ObjectType struct {
	Name       string            `json:"name"`
	Attributes []ObjectAttribute `json:"attributes"`
	// UniqueIDs says that an external ID is that of one object, whichever resource
	// names it: a path, a UUID. Then objects of several resources can be told to be
	// the same; a number that each collection counts for itself is none.
	UniqueIDs bool   `json:"unique_ids,omitempty"`
	Doc       string `json:"doc,omitempty"`
}

// Attribute returns the attribute of that name, or nil.
func (t *ObjectType) Attribute(name string) *ObjectAttribute {
	if t == nil {
		return nil
	}
	for i := range t.Attributes {
		if t.Attributes[i].Name == name {
			return &t.Attributes[i]
		}
	}
	return nil
}

// ObjectAttribute describes one attribute of an object. An attribute that is
// not described is compared like any other.
type ObjectAttribute struct {
	Name string `json:"name"`
	// Computed attributes come from the world; they are never compared unless
	// the desired object sets them.
	Computed bool `json:"computed,omitempty"`
	// Sensitive attributes are redacted in plans, and hashed or encrypted in
	// state.
	Sensitive bool `json:"sensitive,omitempty"`
	// Recall asks that the value of a sensitive attribute is kept encrypted, because
	// the provider needs it back: it finds it in what it is told of the record.
	Recall bool `json:"recall,omitempty"`
	// Immutable attributes cannot be updated: a difference is a delete and a
	// create.
	Immutable bool `json:"immutable,omitempty"`
	// Unordered lists are compared as sets.
	Unordered bool `json:"unordered,omitempty"`
	// Payload attributes carry what an apply needs (a file's content); they are
	// shown but not compared, because another attribute (its hash) is.
	Payload bool   `json:"payload,omitempty"`
	Doc     string `json:"doc,omitempty"`
}
