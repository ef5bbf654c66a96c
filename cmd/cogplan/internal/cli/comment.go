package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/comment"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
)

// maxComment bounds the file of a comment: no forge takes that much.
const maxComment = 16 << 20

// commentOptions are the flags of comment.
type commentOptions struct {
	json   bool
	id     string
	forge  string
	target comment.Target
}

func (a *app) commentCommand() *cobra.Command {
	var opts commentOptions
	cmd := &cobra.Command{
		Use:   "comment file|-",
		Short: "Put a plan in Markdown into one comment on a pull or merge request",
		Long: "Put a plan in Markdown, as plan -markdown writes it and show -markdown prints it,\n" +
			"into one comment on a pull or merge request of GitHub, GitLab, Gitea or Forgejo:\n" +
			"the same comment each time, found by a hidden mark in its first line. In a job of\n" +
			"one of them, the request is known. The token comes from GITHUB_TOKEN, GITLAB_TOKEN\n" +
			"or GITEA_TOKEN.",
		Example: "  cogplan plan -markdown plan.md && cogplan comment plan.md\n" +
			"  cogplan show -markdown site.plan | cogplan comment -id site -\n" +
			"  cogplan comment -forge github -repo octo/site -number 7 plan.md",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s takes the name of one file in Markdown, or - for standard input", cmd.CommandPath())
			}
			if cmd.Flags().Changed("number") && opts.target.Number < 1 {
				return usagef("-number is the number of a request, from 1 on")
			}
			if err := comment.CheckID(opts.id); err != nil {
				return usagef("-id: %v", err)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.comment(cmd.Context(), args[0], opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.json, "json", false, "print one JSON document")
	flags.StringVar(&opts.id, "id", "plan", "the `name` of the comment, where a request has several")
	flags.Var(&choiceFlag{&opts.forge, []string{string(comment.GitHub), string(comment.GitLab), string(comment.Gitea)}}, "forge", "where the request is (gitea: Forgejo too)")
	flags.StringVar(&opts.target.Repo, "repo", "", "the `repository` of the request: owner/name, or GitLab's path or number of the project")
	flags.IntVar(&opts.target.Number, "number", 0, "the `number` of the request")
	flags.StringVar(&opts.target.API, "api", "", "the `address` of the API, as in https://git.example.org/api/v1")
	return cmd
}

// commentDocument is the JSON of comment.
type commentDocument struct {
	FormatVersion string                      `json:"format_version"`
	Forge         comment.Forge               `json:"forge"`
	Action        comment.Action              `json:"action,omitempty"`
	URL           string                      `json:"url,omitempty"`
	Diagnostics   []render.DiagnosticDocument `json:"diagnostics"`
}

func (a *app) comment(ctx context.Context, path string, opts commentOptions) error {
	ci := comment.CI{Environ: a.proc.environ, ReadFile: os.ReadFile}
	opts.target.Forge = comment.Forge(opts.forge)
	target, err := ci.Detect(opts.target)
	if err != nil {
		return usagef("%s", sentence(err))
	}
	result, err := a.upsert(ctx, ci, target, commentText{path, opts.id})
	if err != nil && !opts.json {
		return err
	}
	messages := commentWarnings(&result, opts.id)
	if err != nil {
		messages = append(messages, errorMessage(err))
	}
	if !opts.json {
		fmt.Fprint(a.proc.stderr, a.errStyle().Messages(messages, nil))
		fmt.Fprintln(a.out, commentLine(&result))
		return nil
	}
	doc := commentDocument{
		FormatVersion: render.FormatVersion, Forge: target.Forge, Action: result.Action, URL: result.URL,
		Diagnostics: render.Diagnostics(messages, nil),
	}
	if err := render.WriteJSON(a.out, doc); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	if err != nil {
		return end(outcomeFailed, false)
	}
	return nil
}

// commentText is what is to be commented: the file, and the name of the comment.
type commentText struct{ path, id string }

func (a *app) upsert(ctx context.Context, ci comment.CI, target comment.Target, text commentText) (comment.Result, error) {
	token, err := ci.Token(target.Forge)
	if err != nil {
		return comment.Result{}, err
	}
	markdown, err := a.readComment(text.path)
	if err != nil {
		return comment.Result{}, fmt.Errorf("read %s: %w", text.path, err)
	}
	commenter, err := comment.New(target, token, "cogplan/"+version, a.proc.now)
	if err != nil {
		return comment.Result{}, err
	}
	result, err := commenter.Upsert(ctx, text.id, markdown)
	if err != nil {
		return comment.Result{}, fmt.Errorf("comment on %s#%d: %w", target.Repo, target.Number, err)
	}
	return result, nil
}

func (a *app) readComment(path string) (string, error) {
	from := io.Reader(a.proc.stdin)
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return "", reasonOf(err)
		}
		defer file.Close() //nolint:errcheck // only read
		from = file
	}
	data, err := io.ReadAll(io.LimitReader(from, maxComment+1))
	if err == nil && len(data) > maxComment {
		err = errors.New("it has more than 16 MiB")
	}
	return string(data), err
}

// commentLine tells what was done, and whose comment it is: its author can change
// it afterwards.
func commentLine(result *comment.Result) string {
	line := string(result.Action)
	if result.URL != "" {
		line += " " + render.Escape(result.URL)
	}
	if result.Action != comment.Created && result.Author != "" {
		line += " (of " + render.Escape(result.Author) + ")"
	}
	return line
}

func commentWarnings(result *comment.Result, id string) []render.Message {
	var messages []render.Message
	if result.Cut {
		messages = append(messages, render.Message{
			Severity: render.SeverityWarning, Summary: "The comment is cut",
			Detail: "The text is longer than the forge takes; the comment says after which line it ends.",
		})
	}
	if result.Others > 0 {
		messages = append(messages, render.Message{
			Severity: render.SeverityWarning, Summary: "Several comments of this name",
			Detail: fmt.Sprintf("%d older comments bear the mark of %q too. The newest was taken; delete the others, which stay as they are.", result.Others, id),
		})
	}
	return messages
}
