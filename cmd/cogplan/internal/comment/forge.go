package comment

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// maxPages bounds what is looked through: ten thousand comments.
const maxPages = 100

// perPage is the most that GitHub and GitLab give at once.
const perPage = "100"

// note is a comment that is there.
type note struct {
	id     int64
	author string
	body   string
	url    string
}

// thread is what hangs below one request.
type thread interface {
	// list returns all comments, or an error: never a part of them.
	list(ctx context.Context) ([]note, error)
	// create and update return the comment as the forge has it now.
	create(ctx context.Context, body string) (note, error)
	update(ctx context.Context, old note, body string) (note, error)
}

// written is the body of a request that writes.
type written struct {
	Body string `json:"body"`
}

// issueThread is a thread of GitHub, or of Gitea, which has taken over its paths.
// On both, a pull request is an issue.
type issueThread struct {
	client *client
	target Target
}

// issueComment is what both say of a comment.
type issueComment struct {
	ID      int64  `json:"id"`
	Body    string `json:"body"`
	HTMLURL string `json:"html_url"`
	// User is null where the account is gone.
	User *struct {
		Login string `json:"login"`
	} `json:"user"`
}

func (c *issueComment) note() note {
	n := note{id: c.ID, body: c.Body, url: c.HTMLURL}
	if c.User != nil {
		n.author = c.User.Login
	}
	return n
}

func (t *issueThread) path(elements ...string) []string {
	owner, name, _ := strings.Cut(t.target.Repo, "/")
	return append([]string{"repos", owner, name, "issues"}, elements...)
}

// list follows the header Link. Gitea knows no pages here, and gives all at once;
// should it give pages one day, it says so in the same header.
func (t *issueThread) list(ctx context.Context) ([]note, error) {
	query := url.Values{}
	if t.target.Forge == GitHub {
		query.Set("per_page", perPage)
	}
	next := t.client.address(query, t.path(strconv.Itoa(t.target.Number), "comments")...)
	var notes []note
	for range maxPages {
		var page []issueComment
		header, err := t.client.call(ctx, http.MethodGet, next, nil, &page)
		if err != nil {
			return nil, err
		}
		for i := range page {
			notes = append(notes, page[i].note())
		}
		if next, err = t.nextPage(header, next); next == nil {
			return notes, err
		}
	}
	return nil, errTooMany
}

func (t *issueThread) create(ctx context.Context, body string) (note, error) {
	u := t.client.address(nil, t.path(strconv.Itoa(t.target.Number), "comments")...)
	var made issueComment
	_, err := t.client.call(ctx, http.MethodPost, u, written{body}, &made)
	return made.note(), err
}

func (t *issueThread) update(ctx context.Context, old note, body string) (note, error) {
	u := t.client.address(nil, t.path("comments", strconv.FormatInt(old.id, 10))...)
	var made issueComment
	_, err := t.client.call(ctx, http.MethodPatch, u, written{body}, &made)
	return made.note(), err
}

// nextLink is the address of the next page in a header Link.
var nextLink = regexp.MustCompile(`<([^<>]*)>\s*;[^,<]*\brel="?next"?`)

// nextPage is nil where there is no more. A link to elsewhere is refused: it
// would take the token along.
func (t *issueThread) nextPage(header http.Header, from *url.URL) (*url.URL, error) {
	for _, line := range header.Values("Link") {
		m := nextLink.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		next, err := from.Parse(m[1])
		if err != nil || !sameOrigin(next, t.client.base) {
			return nil, fmt.Errorf("the next page of comments is said to be at %q, which is not below %s: the token is not sent there", m[1], t.client.base)
		}
		return next, nil
	}
	return nil, nil //nolint:nilnil // no link is the last page
}

// noteThread is a thread of GitLab.
type noteThread struct {
	client *client
	target Target
	// page is the address of the request, for people.
	page string
}

// gitlabNote is what GitLab says of a comment.
type gitlabNote struct {
	ID     int64  `json:"id"`
	Body   string `json:"body"`
	System bool   `json:"system"`
	Author struct {
		Username string `json:"username"`
	} `json:"author"`
}

func (t *noteThread) path(elements ...string) []string {
	return append([]string{"projects", t.target.Repo, "merge_requests", strconv.Itoa(t.target.Number)}, elements...)
}

// note adds the address, which GitLab says of the request alone.
func (t *noteThread) note(n *gitlabNote) note {
	made := note{id: n.ID, author: n.Author.Username, body: n.Body}
	if t.page != "" {
		made.url = t.page + "#note_" + strconv.FormatInt(n.ID, 10)
	}
	return made
}

// list asks for the request first, and then for page after page.
func (t *noteThread) list(ctx context.Context) ([]note, error) {
	var request struct {
		WebURL string `json:"web_url"`
	}
	if _, err := t.client.call(ctx, http.MethodGet, t.client.address(nil, t.path()...), nil, &request); err != nil {
		return nil, err
	}
	t.page = request.WebURL
	var notes []note
	page := "1"
	for range maxPages {
		var some []gitlabNote
		u := t.client.address(url.Values{"per_page": {perPage}, "page": {page}}, t.path("notes")...)
		header, err := t.client.call(ctx, http.MethodGet, u, nil, &some)
		if err != nil {
			return nil, err
		}
		for i := range some {
			if !some[i].System {
				notes = append(notes, t.note(&some[i]))
			}
		}
		if page = header.Get("X-Next-Page"); page == "" {
			return notes, nil
		}
	}
	return nil, errTooMany
}

func (t *noteThread) create(ctx context.Context, body string) (note, error) {
	var made gitlabNote
	_, err := t.client.call(ctx, http.MethodPost, t.client.address(nil, t.path("notes")...), written{body}, &made)
	return t.note(&made), err
}

func (t *noteThread) update(ctx context.Context, old note, body string) (note, error) {
	u := t.client.address(nil, t.path("notes", strconv.FormatInt(old.id, 10))...)
	var made gitlabNote
	_, err := t.client.call(ctx, http.MethodPut, u, written{body}, &made)
	return t.note(&made), err
}
