package cli

import (
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
)

// process is what cogplan gets from the system that runs it.
type process struct {
	args    []string
	environ map[string]string
	stdin   *os.File
	stdout  *os.File
	stderr  *os.File
	now     func() time.Time
}

func thisProcess() *process {
	return &process{
		args: os.Args[1:], environ: environment(os.Environ()),
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, now: time.Now,
	}
}

func environment(list []string) map[string]string {
	environ := make(map[string]string, len(list))
	for _, entry := range list {
		if name, value, ok := strings.Cut(entry, "="); ok && name != "" {
			environ[name] = value
		}
	}
	return environ
}

// style is how text is written to a file: in colour and to its width only where
// it is a terminal and nobody objects.
func (p *process) style(file *os.File, noColor bool) render.Style {
	if !isTerminal(file) {
		return render.Style{Width: render.Unlimited}
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		width = 0
	}
	return render.Style{Width: width, Color: !noColor && p.environ["NO_COLOR"] == "" && p.environ["TERM"] != "dumb"}
}

func isTerminal(file *os.File) bool { return term.IsTerminal(int(file.Fd())) }

// checked remembers the first error of a writer: an output that is cut short
// must not end with exit code 0.
type checked struct {
	out io.Writer
	err error
}

// Write writes, and remembers.
func (c *checked) Write(data []byte) (int, error) {
	n, err := c.out.Write(data)
	if err != nil && c.err == nil {
		c.err = err
	}
	return n, err
}
