package lang

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// An ObjectAddress names a resource, or one object of it.
type ObjectAddress struct {
	// Resource is the address of the resource: file.site["eu"].
	Resource string
	// Type and Name of the object; empty where the resource itself is named.
	Type, Name string
}

// ParseObjectAddress reads file.site or file.site.file["index.html"]. The error says
// what is wrong with it and how it is written.
func ParseObjectAddress(text string) (ObjectAddress, error) {
	traversal, diags := hclsyntax.ParseTraversalAbs([]byte(text), "address", hcl.InitialPos)
	if diags.HasErrors() {
		return ObjectAddress{}, fmt.Errorf("%s is no address: write file.site or file.site.file[\"index.html\"], in single quotes for a shell", quote(text))
	}
	a, problem := parseAddress(traversal)
	switch {
	case problem != "":
		return ObjectAddress{}, errors.New(problem)
	case a.isModule() || a.data:
		return ObjectAddress{}, fmt.Errorf("%s is no resource", text)
	}
	return ObjectAddress{Resource: a.String(), Type: a.objectType, Name: a.object}, nil
}
