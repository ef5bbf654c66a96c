package main

import (
	"context"
	"encoding/base64"
	"os"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/sdk"
)

// The arguments of data blocks beside those of objects.
const (
	attrType  = "type"
	attrFiles = "files"
	// attrPermissions is not called mode, which is a word of the language.
	attrPermissions = "permissions"
)

// maxData is the largest file whose content a data block gives.
const maxData = 1 << 20

// maxListed is how many files a data block lists.
const maxListed = 10_000

func dataBlock() *reconcile.Block {
	return &reconcile.Block{
		Attributes: []reconcile.Attribute{
			{Name: attrPath, Type: sdk.TypeString, Required: true, Doc: "The file or directory to read, relative to the module's directory or absolute. It has to be granted for reading."},
			{Name: "include", Type: sdk.ListOf(sdk.TypeString), Optional: true, Doc: "Patterns of paths below a directory, as in tree. Only files that match one are listed; all if not set."},
			{Name: "exclude", Type: sdk.ListOf(sdk.TypeString), Optional: true, Doc: "Patterns of paths that are left out, whole directories too."},
			{Name: attrType, Type: sdk.TypeString, Computed: true, Doc: "`file` or `directory`."},
			{Name: attrContent, Type: sdk.TypeString, Computed: true, Doc: "The content of a file, if it is text in UTF-8 of at most 1 MiB; otherwise null."},
			{Name: attrBase64, Type: sdk.TypeString, Computed: true, Doc: "The content of a file of at most 1 MiB in base64; otherwise null."},
			{Name: attrSHA256, Type: sdk.TypeString, Computed: true, Doc: "The SHA-256 of a file's content in hex; null for a directory."},
			{Name: attrSize, Type: sdk.TypeNumber, Computed: true, Doc: "The size of a file in bytes; null for a directory."},
			{Name: attrPermissions, Type: sdk.TypeString, Computed: true, Doc: "The mode in octal: \"0644\"; null where the host does not tell."},
			{Name: attrFiles, Type: sdk.ListOf(sdk.TypeString), Computed: true, Doc: "The paths of all files below a directory, sorted; empty for a file."},
		},
		Doc: "Reads a file, or lists the files below a directory.",
	}
}

// readData answers a data block.
func readData(_ context.Context, session *sdk.Session) (map[string]any, error) {
	body := session.Body()
	words := body.String(attrPath)
	if why := checkPlace(words); why != "" {
		return nil, body.Error(attrPath, why)
	}
	words = path.Clean(words)
	infos, err := session.Stat([]string{guestPath(words)}, true)
	if err != nil {
		return nil, err
	}
	info := infos[0]
	want := typeFile
	if info.Kind == sdk.FileDirectory {
		want = typeDirectory
	}
	if why := refused(info, want); why != "" {
		return nil, body.Error(attrPath, words+": "+why)
	}
	value := map[string]any{attrType: want}
	if session.KnowsModes() {
		value[attrPermissions] = formatMode(info.Mode)
	}
	if want == typeDirectory {
		return listData(session, body, value)
	}
	return contentData(session, body, words, info, value)
}

func contentData(session *sdk.Session, body sdk.Body, words string, info sdk.FileInfo, value map[string]any) (map[string]any, error) {
	value[attrFiles], value[attrSHA256], value[attrSize] = []any{}, info.SHA256, info.Size
	if info.Size > maxData {
		return value, nil
	}
	data, err := os.ReadFile(session.Path(guestPath(words)))
	if err != nil {
		return nil, body.Error(attrPath, words+": "+sdk.Reason(err))
	}
	// One reading alone decides: the file may have changed since it was looked at.
	if int64(len(data)) != info.Size {
		return nil, body.Error(attrPath, words+" changed while it was read; try again")
	}
	value[attrBase64] = base64.StdEncoding.EncodeToString(data)
	if text := string(data); utf8.ValidString(text) && !strings.ContainsRune(text, 0) {
		value[attrContent] = text
	}
	return value, nil
}

func listData(session *sdk.Session, body sdk.Body, value map[string]any) (map[string]any, error) {
	t := &tree{
		site: &site{session: session, declared: map[string]*item{}}, block: body, from: path.Clean(body.String(attrPath)),
		include: body.Strings("include"), exclude: body.Strings("exclude"), most: maxListed, blamed: attrPath,
	}
	if !t.check() {
		return nil, body.Err()
	}
	t.walk("")
	files := make([]any, 0, len(t.items))
	for _, item := range t.items {
		files = append(files, item.name)
	}
	value[attrFiles] = files
	return value, body.Err()
}
