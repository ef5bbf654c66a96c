// Package commenttest is a stand-in for GitHub, GitLab and Gitea as far as
// comments go, for tests. It holds each request against the published description
// of the forge's API (testdata/README.md), and so are its own answers held.
//
// It refuses what is not described, and remembers it: a test ends with a look at
// [Server.Problems]. It knows one repository and one request, and nobody's rights.
package commenttest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Token is the token that the server accepts.
const Token = "secret-token-of-the-test"

// Comment is a comment on the server.
type Comment struct {
	ID   int64
	Body string
	// Author is empty where the account is gone.
	Author string
	// System tells a line that GitLab wrote itself.
	System bool
}

// Server is a forge with one request that can be commented on.
type Server struct {
	// Forge is github, gitlab or gitea.
	Forge string
	// API is the address of its API, Repo and Number name the request.
	API    string
	Repo   string
	Number int
	// Before answers instead of the server, or returns false. It is called for one
	// request at a time.
	Before func(w http.ResponseWriter, r *http.Request) bool

	contract *contract
	server   *httptest.Server
	base     string
	mu       sync.Mutex
	comments []Comment
	requests []string
	problems []string
}

// Start starts the stand-in of a forge. It ends with Close.
func Start(forge string) (*Server, error) {
	c, err := loadContract(forge)
	if err != nil {
		return nil, err
	}
	s := &Server{Forge: forge, Repo: "octo/site", Number: 7, contract: c}
	switch forge {
	case "github":
		s.base = "/api/v3"
	case "gitlab":
		s.base, s.Repo = "/api/v4", "group/sub/site"
	default:
		s.base = "/api/v1"
	}
	// Requests read the address: it is there before the first one.
	s.server = httptest.NewUnstartedServer(s)
	s.API = "http://" + s.server.Listener.Addr().String() + s.base
	s.server.Start()
	return s, nil
}

// Close ends the server.
func (s *Server) Close() { s.server.Close() }

// Add puts comments there, numbered on from the last one.
func (s *Server) Add(comments ...Comment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range comments {
		s.add(c)
	}
}

func (s *Server) add(c Comment) Comment {
	if c.ID == 0 {
		c.ID = 1000 + int64(len(s.comments))
	}
	s.comments = append(s.comments, c)
	return c
}

// Comments are all comments, the oldest first.
func (s *Server) Comments() []Comment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.comments)
}

// Requests are the requests so far: method and path.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Problems are what was not as it is described.
func (s *Server) Problems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.problems)
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := strings.TrimPrefix(r.URL.EscapedPath(), s.base)
	s.requests = append(s.requests, r.Method+" "+path)
	if s.Before != nil && s.Before(w, r) {
		return
	}
	if !s.authorised(r.Header) {
		fail(w, http.StatusUnauthorized, "Bad credentials")
		return
	}
	op, values := s.contract.find(r.Method, path)
	if op == nil {
		s.problem(w, "there is no operation %s %s", r.Method, path)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.problem(w, "%s %s: %v", r.Method, path, err)
		return
	}
	if wrong := op.check(r, values, body); len(wrong) > 0 {
		s.problem(w, "%s %s: %s", r.Method, path, strings.Join(wrong, "; "))
		return
	}
	if !s.knows(values) {
		fail(w, http.StatusNotFound, "Not Found")
		return
	}
	s.serve(w, r, op, values, body)
}

// serve carries an operation out.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, op *operation, values map[string]string, body []byte) {
	switch {
	case r.Method == http.MethodGet && !isList(op):
		s.answer(w, op, map[string]any{"id": 99, "iid": s.Number, "project_id": 3, "web_url": s.page()})
	case r.Method == http.MethodGet:
		s.answer(w, op, s.list(w, r))
	case r.Method == http.MethodPost:
		s.answer(w, op, s.comment(s.add(Comment{Body: bodyOf(body), Author: "robot"})))
	default:
		id := first(values, "comment_id", "note_id", "id")
		i := slices.IndexFunc(s.comments, func(c Comment) bool { return strconv.FormatInt(c.ID, 10) == id })
		if i < 0 {
			fail(w, http.StatusNotFound, "Not Found")
			return
		}
		s.comments[i].Body = bodyOf(body)
		s.answer(w, op, s.comment(s.comments[i]))
	}
}

func isList(op *operation) bool {
	last := op.path[len(op.path)-1]
	return last == "comments" || last == "notes"
}

func bodyOf(data []byte) string {
	var written struct{ Body string }
	_ = json.Unmarshal(data, &written) // it was held against its schema
	return written.Body
}

func first(values map[string]string, names ...string) string {
	for _, name := range names {
		if value, ok := values[name]; ok {
			return value
		}
	}
	return ""
}

// knows reports whether the path leads to the one request that there is.
func (s *Server) knows(values map[string]string) bool {
	number := strconv.Itoa(s.Number)
	if s.Forge == "gitlab" {
		return values["id"] == s.Repo && values["merge_request_iid"] == number
	}
	asked := first(values, "issue_number", "index")
	return values["owner"]+"/"+values["repo"] == s.Repo && (asked == "" || asked == number)
}

func (s *Server) authorised(header http.Header) bool {
	switch s.Forge {
	case "github":
		return header.Get("Authorization") == "Bearer "+Token
	case "gitlab":
		return header.Get("Private-Token") == Token
	default:
		return header.Get("Authorization") == "token "+Token
	}
}

// list is one page, as the forge gives pages.
func (s *Server) list(w http.ResponseWriter, r *http.Request) []any {
	shown := slices.Clone(s.comments)
	if s.Forge == "gitlab" {
		slices.Reverse(shown) // the newest first
	}
	if s.Forge != "gitea" {
		query := r.URL.Query()
		size, page := min(number(query, "per_page", 30), 100), number(query, "page", 1)
		from, to := min((page-1)*size, len(shown)), min(page*size, len(shown))
		s.tellNext(w, r.URL, page, to < len(shown))
		shown = shown[from:to]
	}
	page := make([]any, 0, len(shown))
	for _, c := range shown {
		page = append(page, s.comment(c))
	}
	return page
}

func number(query url.Values, name string, otherwise int) int {
	if n, err := strconv.Atoi(query.Get(name)); err == nil {
		return n
	}
	return otherwise
}

func (s *Server) tellNext(w http.ResponseWriter, u *url.URL, page int, more bool) {
	next := ""
	if more {
		next = strconv.Itoa(page + 1)
	}
	if s.Forge == "gitlab" {
		w.Header().Set("X-Next-Page", next)
		return
	}
	if next != "" {
		query := u.Query()
		query.Set("page", next)
		w.Header().Set("Link", fmt.Sprintf(`<%s/somewhere>; rel="prev", <%s%s?%s>; rel="next"`, s.server.URL, s.server.URL, u.EscapedPath(), query.Encode()))
	}
}

func (s *Server) page() string {
	if s.Forge == "gitlab" {
		return fmt.Sprintf("https://forge.example.org/%s/-/merge_requests/%d", s.Repo, s.Number)
	}
	return fmt.Sprintf("https://forge.example.org/%s/pull/%d", s.Repo, s.Number)
}

// comment is one as the forge writes it.
func (s *Server) comment(c Comment) map[string]any {
	const at = "2026-11-27T05:45:00Z"
	url := fmt.Sprintf("%s#issuecomment-%d", s.page(), c.ID)
	user := map[string]any{"id": 5, "login": c.Author, "html_url": "https://forge.example.org/" + c.Author}
	switch s.Forge {
	case "gitlab":
		return map[string]any{
			"id": c.ID, "body": strings.TrimRight(c.Body, "\n"), "system": c.System, "noteable_type": "MergeRequest",
			"author": map[string]any{"id": 5, "username": c.Author}, "created_at": at, "updated_at": at,
		}
	case "github":
		user["type"] = "Bot"
		comment := map[string]any{
			"id": c.ID, "node_id": "IC_1", "body": c.Body, "html_url": url, "url": s.API + "/comment", "issue_url": s.API + "/issue",
			"user": user, "created_at": at, "updated_at": at,
		}
		if c.Author == "" {
			comment["user"] = nil
		}
		return comment
	default:
		return map[string]any{
			"id": c.ID, "body": c.Body, "html_url": url, "user": user, "created_at": at, "updated_at": at,
			"issue_url": "", "pull_request_url": s.page(), "original_author": "", "original_author_id": 0,
		}
	}
}

// answer writes a success, and holds it against its description.
func (s *Server) answer(w http.ResponseWriter, op *operation, value any) {
	data, err := json.Marshal(value)
	if err == nil {
		err = valid(op.answer, data)
	}
	if err != nil {
		s.problem(w, "the answer to %s %s: %v", op.method, strings.Join(op.path, "/"), err)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(op.status)
	_, _ = w.Write(data)
}

func (s *Server) problem(w http.ResponseWriter, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.problems = append(s.problems, text)
	fail(w, http.StatusUnprocessableEntity, text)
}

func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}
