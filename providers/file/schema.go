package main

import (
	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/sdk"
)

// version of the provider.
const version = "0.1.0"

// The types of objects.
const (
	typeFile      = "file"
	typeDirectory = "directory"
)

// The attributes of objects.
const (
	attrPath    = "path"
	attrSHA256  = "sha256"
	attrMode    = "mode"
	attrSize    = "size"
	attrContent = "content"
	attrBase64  = "content_base64"
	attrSource  = "source"
)

const modePattern = "0?[0-7]{3}"

func description() reconcile.Description {
	return reconcile.Description{
		Name:    "file",
		Version: version,
		Doc:     "Manages files and directories below one root.",
		Schema: reconcile.Schema{
			Version:  1,
			Resource: body(),
			Data:     dataBlock(),
			Objects:  objectTypes(),
		},
		Capabilities: []reconcile.Capability{
			{Kind: "write", Reason: "the root, whose files and directories it manages"},
			{Kind: "read", Reason: "the files that source and tree copy from", Optional: true},
		},
	}
}

func body() reconcile.Block {
	return reconcile.Block{
		Attributes: []reconcile.Attribute{
			{Name: "root", Type: sdk.TypeString, Required: true, Doc: "The directory whose contents are managed: relative to the module's directory, or absolute. It has to be granted for writing in those words."},
		},
		Blocks: []reconcile.NestedBlock{
			{Type: "file", Nesting: reconcile.NestingMap, Label: "path", Block: fileBlock()},
			{Type: "directory", Nesting: reconcile.NestingMap, Label: "path", Block: reconcile.Block{
				Doc:        "A directory. Directories that files need are made without being declared.",
				Attributes: []reconcile.Attribute{modeAttribute("The directory's mode")},
			}},
			{Type: "tree", Nesting: reconcile.NestingList, Block: treeBlock()},
		},
		Doc: "Files and directories below one root. What is declared here, and the directories it needs, is ours; what else lies there is left alone.",
	}
}

func fileBlock() reconcile.Block {
	return reconcile.Block{
		Doc: "A file, by its path below the root. It has exactly one of content, content_base64 and source.",
		Attributes: []reconcile.Attribute{
			{Name: attrContent, Type: sdk.TypeString, Optional: true, Doc: "The content, as text in UTF-8."},
			{Name: attrBase64, Type: sdk.TypeString, Optional: true, Doc: "The content in base64, for what is no text."},
			{Name: attrSource, Type: sdk.TypeString, Optional: true, Doc: "A file to copy, relative to the module's directory or absolute. It has to be granted for reading."},
			modeAttribute("The file's mode"),
		},
	}
}

func treeBlock() reconcile.Block {
	return reconcile.Block{
		Doc: "Copies all files below a directory.",
		Attributes: []reconcile.Attribute{
			{Name: "from", Type: sdk.TypeString, Required: true, Doc: "The directory to copy from, relative to the module's directory or absolute. It has to be granted for reading."},
			{Name: "to", Type: sdk.TypeString, Optional: true, Doc: "The directory below the root to copy to; the root itself if not set."},
			{Name: "include", Type: sdk.ListOf(sdk.TypeString), Optional: true, Doc: "Patterns of paths below from: `*` and `?` stay inside one name, `**` spans directories, `[a-z]` is a class. Only files that match one are copied; all if not set."},
			{Name: "exclude", Type: sdk.ListOf(sdk.TypeString), Optional: true, Doc: "Patterns of paths that are left out, whole directories too."},
			modeAttribute("The mode of all files"),
		},
	}
}

func modeAttribute(what string) reconcile.Attribute {
	return reconcile.Attribute{
		Name: attrMode, Type: sdk.TypeString, Optional: true, Pattern: modePattern,
		Doc: what + ", in octal: \"0644\". It is not managed if not set.",
	}
}

func objectTypes() []reconcile.ObjectType {
	location := reconcile.ObjectAttribute{Name: attrPath, Immutable: true, Doc: "Where it lies, in the words of the grant."}
	mode := reconcile.ObjectAttribute{Name: attrMode, Computed: true, Doc: "The mode in octal; compared only if declared."}
	return []reconcile.ObjectType{
		{Name: typeFile, UniqueIDs: true, Doc: "A regular file, named by its path below the root.", Attributes: []reconcile.ObjectAttribute{
			location,
			{Name: attrSHA256, Doc: "The SHA-256 of the content in hex."},
			mode,
			{Name: attrSize, Computed: true, Doc: "The size in bytes."},
			{Name: attrContent, Payload: true, Doc: "The content, where it is a small text."},
			{Name: attrBase64, Payload: true, Doc: "The content in base64."},
			{Name: attrSource, Payload: true, Doc: "The file that is copied."},
		}},
		{Name: typeDirectory, UniqueIDs: true, Doc: "A directory, named by its path below the root; the root itself is `.`.", Attributes: []reconcile.ObjectAttribute{location, mode}},
	}
}
