package policy

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed builtin
var builtinFiles embed.FS

// Builtin is the embedded default policy, without its tests, in the order of
// its file names.
func Builtin() []File {
	policies, _ := builtinSources()
	return policies
}

func builtinSources() (policies, tests []File) {
	entries, err := fs.ReadDir(builtinFiles, "builtin")
	if err != nil { // the folder is part of the executable
		panic(err)
	}
	for _, entry := range entries {
		text, err := builtinFiles.ReadFile("builtin/" + entry.Name())
		if err != nil {
			panic(err)
		}
		file := File{Name: "cogplan/builtin/" + entry.Name(), Text: string(text)}
		if strings.HasSuffix(entry.Name(), "_test.rego") {
			tests = append(tests, file)
		} else {
			policies = append(policies, file)
		}
	}
	return policies, tests
}
