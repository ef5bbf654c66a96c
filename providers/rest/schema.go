package main

import (
	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/sdk"
)

// version of the provider.
const version = "0.1.0"

// typeObject is the one type of objects: an item of the collection.
const typeObject = "object"

// attrWriteOnly holds what is sent and never compared.
const attrWriteOnly = "write_only"

func description() reconcile.Description {
	config := configBlock()
	return reconcile.Description{
		Name:    "rest",
		Version: version,
		Doc:     "Manages the items of a collection of any JSON API over HTTP.",
		Schema: reconcile.Schema{
			Version:  1,
			Resource: body(),
			Config:   &config,
			Objects: []reconcile.ObjectType{{
				Name: typeObject, Doc: "An item of the collection. Its attributes are the declared fields.",
				Attributes: []reconcile.ObjectAttribute{{Name: attrWriteOnly, Payload: true, Doc: "Fields that are sent and never compared."}},
			}},
		},
		Capabilities: []reconcile.Capability{
			{Kind: "http", Reason: "the API whose items it manages: GET to read, and the methods of create, update and delete"},
		},
	}
}

func text(name, doc string) reconcile.Attribute {
	return reconcile.Attribute{Name: name, Type: sdk.TypeString, Optional: true, Doc: doc}
}

func texts(name, doc string) reconcile.Attribute {
	return reconcile.Attribute{Name: name, Type: sdk.ListOf(sdk.TypeString), Optional: true, Doc: doc}
}

func textMap(name, doc string) reconcile.Attribute {
	return reconcile.Attribute{Name: name, Type: sdk.MapOf(sdk.TypeString), Optional: true, Doc: doc}
}

func configBlock() reconcile.Block {
	return reconcile.Block{
		Doc: "The API that all resources of this provider belong to.",
		Attributes: []reconcile.Attribute{
			{Name: "base_url", Type: sdk.TypeString, Required: true, Pattern: "https?://[^/?#]+(/[^?#]*)?", Doc: "Where the API begins: \"https://api.example.org/v1\". Its origin has to be granted."},
			textMap("headers", "Headers of every request. A credential does not belong here: grant one."),
		},
	}
}

func body() reconcile.Block {
	return reconcile.Block{
		Doc: "The items of one collection. Only what is declared is compared and changed.",
		Attributes: []reconcile.Attribute{
			{Name: "collection", Type: sdk.TypeString, Required: true, Pattern: "/.*", Doc: "The path of the collection below base_url; GET lists its items."},
			textMap("query", "Parameters of the query with which the collection is listed."),
			text("items", "A JSON pointer to the list of items in the answer: \"/data\". The answer itself if not set."),
			text("id", "A JSON pointer to the ID in an item; \"/id\" if not set. An item without it has its name for an ID."),
			text("name", "What an item is called: a template over its fields, like \"{name}\" or \"{name} {type}\". \"{name}\" if not set. Names have to be unique in the collection."),
			text("item", "The path of one item below base_url, a template: \"/zones/{id}\". {id} is the ID, {label} the name, {field} a declared field."),
			{Name: "read", Type: sdk.TypeString, Optional: true, OneOf: []string{"list", "item"}, Doc: "Where the fields of an item are read: from the list, or with GET from its own path. \"list\" if not set."},
			texts("unordered", "Fields whose lists have no order."),
			texts("write_only", "Fields that the API takes and never tells, like passwords. They are sent with every create and update, and never compared."),
			{Name: "missing", Type: sdk.ListOf(sdk.TypeNumber), Optional: true, Doc: "Statuses that mean that an item does not exist; 404 and 410 if not set."},
			{Name: "unmanaged", Type: sdk.TypeBool, Optional: true, Doc: "Whether items that are neither declared nor known are reported; true if not set."},
		},
		Blocks: []reconcile.NestedBlock{
			{Type: "object", Nesting: reconcile.NestingMap, Label: "name", Block: objectBlock()},
			{Type: "pagination", Nesting: reconcile.NestingSingle, Block: paginationBlock()},
			{Type: "health", Nesting: reconcile.NestingSingle, Block: healthBlock()},
			{Type: "create", Nesting: reconcile.NestingSingle, Block: operationBlock("How an item is made: POST to the collection with what is declared, if not set.")},
			{Type: "update", Nesting: reconcile.NestingSingle, Block: operationBlock("How an item is changed: PUT to its path with what is declared, if not set.")},
			{Type: "delete", Nesting: reconcile.NestingSingle, Block: operationBlock("How an item is removed: DELETE of its path without a body, if not set.")},
		},
	}
}

func objectBlock() reconcile.Block {
	return reconcile.Block{
		Doc: "One item, by its name.",
		Attributes: []reconcile.Attribute{
			{Name: "body", Type: sdk.TypeDynamic, Optional: true, Doc: "The fields that are managed. What is not here is left to the server."},
		},
	}
}

func paginationBlock() reconcile.Block {
	return reconcile.Block{
		Doc: "How the collection is listed in pages.",
		Attributes: []reconcile.Attribute{
			{Name: "style", Type: sdk.TypeString, Required: true, OneOf: []string{"link", "page", "cursor"}, Doc: "link: the header Link with rel=\"next\". page: a page number in the query, until a page is empty. cursor: a value in the answer that goes into the next query, until there is none."},
			text("parameter", "The parameter of the query, for page and cursor; \"page\" or \"cursor\" if not set."),
			text("cursor", "A JSON pointer to the cursor in the answer; needed for cursor."),
			{Name: "first", Type: sdk.TypeNumber, Optional: true, Doc: "The number of the first page; 1 if not set."},
		},
	}
}

func healthBlock() reconcile.Block {
	return reconcile.Block{
		Doc: "How the declared items fare, from a field of each. An apply waits until all are healthy.",
		Attributes: []reconcile.Attribute{
			{Name: "field", Type: sdk.TypeString, Required: true, Doc: "A JSON pointer to the field that tells: \"/status\"."},
			{Name: "healthy", Type: sdk.ListOf(sdk.TypeString), Required: true, Doc: "The values of an item that is healthy. Numbers and booleans are compared as they are written."},
			texts("degraded", "The values of an item that has failed, so that nothing is waited for. With any other value it is waited for."),
		},
	}
}

func operationBlock(doc string) reconcile.Block {
	return reconcile.Block{
		Doc: doc,
		Attributes: []reconcile.Attribute{
			{Name: "method", Type: sdk.TypeString, Optional: true, OneOf: []string{"POST", "PUT", "PATCH", "DELETE"}, Doc: "The HTTP method."},
			text("path", "The path below base_url, a template like item."),
			{Name: "body", Type: sdk.TypeString, Optional: true, OneOf: []string{"declared", "changed", "merged", "key", "none"}, Doc: "What is sent: all declared fields; the changed ones alone; what is live with the declared fields laid over it; the fields that make the name; nothing. A PATCH sends what changed, if not set."},
			{Name: "with", Type: sdk.TypeDynamic, Optional: true, Doc: "Further fields that are sent beside."},
			text("wrap", "A JSON pointer to where the fields stand in what is sent: \"/data\", \"/rrsets/0\". At the top if not set."),
			text("id", "A JSON pointer to the ID in the answer to a create; as in an item if not set."),
			textMap("query", "Parameters of the query."),
			textMap("headers", "Headers of the request."),
			{Name: "expect", Type: sdk.ListOf(sdk.TypeNumber), Optional: true, Doc: "Statuses that mean success; 200 to 299 if not set."},
		},
	}
}
