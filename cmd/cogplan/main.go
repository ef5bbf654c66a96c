// Command cogplan plans what is declared in HCL, asks policy about the plan and
// applies what is allowed. Everything it does is in internal/cli.
package main

import (
	"context"
	"os"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/cli"
)

func main() {
	os.Exit(cli.Main(context.Background()))
}
