package comment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Action is what was done.
type Action string

// The actions.
const (
	Created   Action = "created"
	Updated   Action = "updated"
	Unchanged Action = "unchanged"
)

// wholeTime bounds everything together.
const wholeTime = 5 * time.Minute

var errTooMany = fmt.Errorf("the request has more than %d pages of comments, and ours may be among the rest", maxPages)

// Result is what became of a comment.
type Result struct {
	Action Action
	// URL is where people find it; empty where the forge does not say.
	URL string
	// Author wrote the comment first; empty where the account is gone.
	Author string
	// Others is the number of older comments that bear the same mark.
	Others int
	// Cut reports that the text was longer than the forge takes.
	Cut bool
}

// Commenter writes to one request.
type Commenter struct {
	target Target
	token  string
	thread thread
}

// Option changes how a commenter works.
type Option func(*client)

// WithWait replaces what waits between two tries.
func WithWait(wait func(context.Context, time.Duration) error) Option {
	return func(c *client) { c.wait = wait }
}

// New returns a commenter for a target as [CI.Detect] returns it. The agent is
// what it calls itself; the clock is for servers that say until when to wait.
func New(target Target, token, agent string, now func() time.Time, options ...Option) (*Commenter, error) {
	if err := target.check(); err != nil {
		return nil, err
	}
	if token == "" {
		return nil, errors.New("there is no token")
	}
	base, err := baseURL(target.API)
	if err != nil {
		return nil, err
	}
	c := newClient(base, headerOf(target.Forge, token, agent))
	c.now, c.wait = now, sleep
	for _, option := range options {
		option(c)
	}
	commenter := &Commenter{target: target, token: token}
	commenter.thread = &issueThread{client: c, target: target}
	if target.Forge == GitLab {
		commenter.thread = &noteThread{client: c, target: target}
	}
	return commenter, nil
}

func headerOf(forge Forge, token, agent string) http.Header {
	header := http.Header{"User-Agent": {agent}, "Accept": {"application/json"}}
	switch forge {
	case GitHub:
		header.Set("Accept", "application/vnd.github+json")
		header.Set("X-GitHub-Api-Version", "2022-11-28")
		header.Set("Authorization", "Bearer "+token)
	case GitLab:
		header.Set("Private-Token", token)
	case Gitea:
		header.Set("Authorization", "token "+token)
	}
	return header
}

// Upsert writes the comment of that name: into the newest that bears its mark,
// whoever made it, or else into a new one. A comment that says the same already
// is not written again.
func (c *Commenter) Upsert(ctx context.Context, id, markdown string) (Result, error) {
	if err := CheckID(id); err != nil {
		return Result{}, err
	}
	body, cut, err := compose(markOf(id), markdown, c.target.Forge)
	if err != nil {
		return Result{}, err
	}
	if strings.Contains(body, c.token) {
		return Result{}, fmt.Errorf("the text holds the token in %s, and nothing was written; whoever has seen it has the token", TokenVariable(c.target.Forge))
	}
	ctx, cancel := context.WithTimeout(ctx, wholeTime)
	defer cancel()
	result, err := c.settle(ctx, markOf(id), body)
	result.Cut = cut
	return result, c.explain(err)
}

// settle looks again before it creates a second time: the first creation may have
// been carried out by a server that could not say so.
func (c *Commenter) settle(ctx context.Context, mark, body string) (Result, error) {
	for try := 1; ; try++ {
		result, err := c.once(ctx, mark, body)
		if _, unsure := errors.AsType[*unsureError](err); !unsure || try == attempts {
			if try > 1 && result.Action == Unchanged {
				result.Action = Created
			}
			return result, err
		}
	}
}

func (c *Commenter) once(ctx context.Context, mark, body string) (Result, error) {
	notes, err := c.thread.list(ctx)
	if err != nil {
		return Result{}, err
	}
	ours, count := newest(notes, mark)
	var made note
	var result Result
	switch {
	case count == 0:
		result.Action = Created
		made, err = c.thread.create(ctx, body)
	case same(ours.body, body):
		result.Action = Unchanged
	default:
		result.Action = Updated
		if made, err = c.thread.update(ctx, ours, body); err != nil {
			err = fmt.Errorf("write comment %d of %s: %w", ours.id, cmp.Or(ours.author, "nobody"), err)
		}
	}
	if err != nil {
		return Result{}, err
	}
	result.URL = webAddress(cmp.Or(made.url, ours.url))
	result.Author = cmp.Or(ours.author, made.author)
	result.Others = max(count-1, 0)
	return result, nil
}

// newest is the comment with the mark and the greatest number, and how many have
// the mark.
func newest(notes []note, mark string) (ours note, count int) {
	for i := range notes {
		if !hasMark(notes[i].body, mark) {
			continue
		}
		count++
		if count == 1 || notes[i].id > ours.id {
			ours = notes[i]
		}
	}
	return ours, count
}

// same compares as forges keep text: some take the last line end away, and some
// write ends of lines in their own way.
func same(there, body string) bool {
	return strings.TrimRight(unixLines(there), "\n ") == strings.TrimRight(body, "\n ")
}

// webAddress drops what is no address for a browser.
func webAddress(text string) string {
	if u, err := url.Parse(text); err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return text
}

// explain says what to do, and keeps the token out of what a server said.
func (c *Commenter) explain(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if failed, ok := errors.AsType[*statusError](err); ok {
		text = c.advice(failed) + ". It was: " + text
	}
	if strings.Contains(text, c.token) {
		text = strings.ReplaceAll(text, c.token, "***")
		return errors.New(text)
	}
	return &explainedError{text, err}
}

// explainedError is an error in other words.
type explainedError struct {
	text string
	err  error
}

// Error says what to do, and what it was.
func (e *explainedError) Error() string { return e.text }

// Unwrap is what it was.
func (e *explainedError) Unwrap() error { return e.err }
