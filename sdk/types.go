package sdk

import (
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// The simple types of arguments, for [reconcile.Attribute]'s Type.
const (
	TypeString  = `"string"`
	TypeNumber  = `"number"`
	TypeBool    = `"bool"`
	TypeDynamic = `"dynamic"`
)

// ListOf is the type of a list of values of one type.
func ListOf(element string) string { return `["list",` + element + `]` }

// SetOf is the type of a set of values of one type.
func SetOf(element string) string { return `["set",` + element + `]` }

// MapOf is the type of a map from strings to values of one type.
func MapOf(element string) string { return `["map",` + element + `]` }

// ObjectOf is the type of an object with these attributes: name, type, name,
// type…
func ObjectOf(attributes ...string) string {
	var b strings.Builder
	b.WriteString(`["object",{`)
	for i := 0; i+1 < len(attributes); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + attributes[i] + `":` + attributes[i+1])
	}
	b.WriteString(`}]`)
	return b.String()
}

// Object makes an object.
func Object(objectType, name string, attributes map[string]any) reconcile.Resource {
	return reconcile.Resource{
		Type: objectType, Name: name, Mode: reconcile.ModeManaged, Attributes: attributes,
	}
}

// Unmanaged makes an object that exists and is not ours, and says why.
func Unmanaged(objectType, name, reason string, attributes map[string]any) reconcile.Resource {
	return reconcile.Resource{
		Type: objectType, Name: name, Mode: reconcile.ModeUnmanaged,
		UnmanagedReason: reason, Attributes: attributes,
	}
}
