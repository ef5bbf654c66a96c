// Command file is the provider of files and directories: it manages what lies
// below one root, byte for byte. It is built for the sandbox:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o file.wasm ./providers/file
//
// It refuses symbolic links and special files, names that leave the root, two
// declarations of one path, and to overwrite or delete a file that is not any
// more what the plan saw.
package main

import "github.com/cogplan/cogplan/sdk"

func init() { sdk.ServeObjects(description(), open, sdk.WithData(readData)) }

// main never runs: a provider is a library that the host calls.
func main() {}
