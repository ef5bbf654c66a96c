package comment_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/comment"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/comment/commenttest"
)

var forges = []string{"github", "gitlab", "gitea"}

// forge starts a stand-in that is held against its description until the test
// ends.
func forge(t *testing.T, name string) *commenttest.Server {
	t.Helper()
	server, err := commenttest.Start(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Close()
		for _, problem := range server.Problems() {
			t.Errorf("not as it is described: %s", problem)
		}
	})
	return server
}

func targetOf(s *commenttest.Server) comment.Target {
	return comment.Target{Forge: comment.Forge(s.Forge), API: s.API, Repo: s.Repo, Number: s.Number}
}

// pauses remembers how long was waited, and does not wait.
type pauses []time.Duration

func (p *pauses) wait(ctx context.Context, pause time.Duration) error {
	*p = append(*p, pause)
	return ctx.Err()
}

var testTime = time.Date(2026, 11, 27, 5, 45, 0, 0, time.UTC)

func commenter(t *testing.T, target comment.Target, waited *pauses) *comment.Commenter {
	t.Helper()
	c, err := comment.New(target, commenttest.Token, "cogplan/test", func() time.Time { return testTime }, comment.WithWait(waited.wait))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func upsert(t *testing.T, s *commenttest.Server, id, text string) (comment.Result, error) {
	t.Helper()
	return commenter(t, targetOf(s), new(pauses)).Upsert(t.Context(), id, text)
}

func mustUpsert(t *testing.T, s *commenttest.Server, id, text string) comment.Result {
	t.Helper()
	result, err := upsert(t, s, id, text)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestUpsertWritesOneComment(t *testing.T) {
	for _, name := range forges {
		t.Run(name, func(t *testing.T) {
			s := forge(t, name)
			s.Add(commenttest.Comment{Body: "Nice!", Author: "ann"}, commenttest.Comment{Body: "<!-- cogplan:other -->\nx"})
			for _, tc := range []struct {
				text string
				want comment.Action
			}{
				{"### plan\n", comment.Created},
				{"### plan\n", comment.Unchanged},
				{"### another plan\n", comment.Updated},
				{"### another plan", comment.Unchanged},
				{"### another plan\r\n", comment.Unchanged},
			} {
				result := mustUpsert(t, s, "plan", tc.text)
				if result.Action != tc.want || result.Author != "robot" || result.Others != 0 || result.Cut {
					t.Errorf("%q: %+v, want %s", tc.text, result, tc.want)
				}
				if !strings.HasPrefix(result.URL, "https://forge.example.org/") || !strings.HasSuffix(result.URL, "1002") {
					t.Errorf("%q: the address is %q", tc.text, result.URL)
				}
			}
			want := []string{"Nice!", "<!-- cogplan:other -->\nx", "<!-- cogplan:plan -->\n### another plan\n"}
			if diff := cmp.Diff(want, bodies(s)); diff != "" {
				t.Errorf("comments:\n%s", diff)
			}
			if writes := writes(s); len(writes) != 2 {
				t.Errorf("what is unchanged was written: %q", writes)
			}
		})
	}
}

func bodies(s *commenttest.Server) []string {
	var out []string
	for _, c := range s.Comments() {
		out = append(out, c.Body)
	}
	return out
}

func writes(s *commenttest.Server) []string {
	return slices.DeleteFunc(s.Requests(), func(r string) bool { return strings.HasPrefix(r, "GET ") })
}

func TestUpsertKeepsOneCommentForEachName(t *testing.T) {
	s := forge(t, "github")
	for _, id := range []string{"plan", "site/dns", "plan", "plan2"} {
		mustUpsert(t, s, id, "of "+id)
	}
	want := []string{"<!-- cogplan:plan -->\nof plan\n", "<!-- cogplan:site/dns -->\nof site/dns\n", "<!-- cogplan:plan2 -->\nof plan2\n"}
	if diff := cmp.Diff(want, bodies(s)); diff != "" {
		t.Errorf("comments:\n%s", diff)
	}
}

func TestUpsertLooksThroughAllPages(t *testing.T) {
	for _, name := range forges {
		for _, at := range []int{0, 99, 100, 249} {
			t.Run(fmt.Sprint(name, at), func(t *testing.T) {
				s := forge(t, name)
				for i := range 250 {
					body := "comment " + strconv.Itoa(i)
					if i == at {
						body = "<!-- cogplan:plan -->\nold"
					}
					s.Add(commenttest.Comment{Body: body, Author: "ann"})
				}
				if result := mustUpsert(t, s, "plan", "new"); result.Action != comment.Updated || result.Author != "ann" {
					t.Errorf("%+v", result)
				}
				if got := s.Comments(); len(got) != 250 || got[at].Body != "<!-- cogplan:plan -->\nnew\n" {
					t.Errorf("comment %d of %d is %q", at, len(got), got[at].Body)
				}
			})
		}
	}
}

func TestUpsertTakesTheNewestOfSeveral(t *testing.T) {
	for _, name := range forges {
		t.Run(name, func(t *testing.T) {
			s := forge(t, name)
			for _, author := range []string{"robot", "ann", "", "bob"} {
				s.Add(commenttest.Comment{Body: "<!-- cogplan:plan -->\r\nold", Author: author})
			}
			s.Add(commenttest.Comment{Body: "Nice!"})
			result := mustUpsert(t, s, "plan", "new")
			if result.Action != comment.Updated || result.Others != 3 || result.Author != "bob" {
				t.Errorf("%+v", result)
			}
			if got := bodies(s)[3]; got != "<!-- cogplan:plan -->\nnew\n" {
				t.Errorf("the newest is %q", got)
			}
		})
	}
}

// A mark is one in the first line only: whoever quotes a comment, or plans a file
// that holds a mark, takes nothing over.
func TestAMarkElsewhereIsNone(t *testing.T) {
	for _, body := range []string{
		"\n<!-- cogplan:plan -->\nx", " <!-- cogplan:plan -->", "> <!-- cogplan:plan -->", "<!-- cogplan:plan --> x",
		"text\n<!-- cogplan:plan -->\n", "<!-- cogplan:plan2 -->", "<!-- cogplan:other -->\n<!-- cogplan:plan -->\n", "\ufeff<!-- cogplan:plan -->",
	} {
		for _, name := range forges {
			s := forge(t, name)
			s.Add(commenttest.Comment{Body: body, Author: "mallory"})
			if result := mustUpsert(t, s, "plan", "new"); result.Action != comment.Created {
				t.Errorf("%s: %q was %s", name, body, result.Action)
			}
		}
	}
	s := forge(t, "github")
	mustUpsert(t, s, "one", "<!-- cogplan:two -->\nwhat a plan shows")
	if result := mustUpsert(t, s, "two", "x"); result.Action != comment.Created {
		t.Errorf("the mark in a text was taken for one: %s", result.Action)
	}
}

func TestSystemNotesAreNoComments(t *testing.T) {
	s := forge(t, "gitlab")
	s.Add(commenttest.Comment{Body: "<!-- cogplan:plan -->", System: true})
	if result := mustUpsert(t, s, "plan", "new"); result.Action != comment.Created {
		t.Errorf("%+v", result)
	}
}

// answers answers the first requests of a method with these.
func answers(s *commenttest.Server, method string, answers ...func(http.ResponseWriter)) {
	s.Before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != method || len(answers) == 0 {
			return false
		}
		answers[0](w)
		answers = answers[1:]
		return true
	}
}

func status(code int, header ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

func TestUpsertTriesAgain(t *testing.T) {
	for _, tc := range []struct {
		name    string
		method  string
		answers []func(http.ResponseWriter)
		waited  pauses
		ok      bool
	}{
		{"seconds", "GET", []func(http.ResponseWriter){status(429, "Retry-After", "7")}, pauses{7 * time.Second}, true},
		{"a time", "GET", []func(http.ResponseWriter){status(503, "Retry-After", testTime.Add(9*time.Second).Format(http.TimeFormat))}, pauses{9 * time.Second}, true},
		{"a time that is over", "GET", []func(http.ResponseWriter){status(503, "Retry-After", testTime.Add(-time.Hour).Format(http.TimeFormat))}, pauses{0}, true},
		{"growing pauses", "GET", []func(http.ResponseWriter){status(502), status(503), status(429)}, pauses{time.Second, 2 * time.Second, 4 * time.Second}, true},
		{"four times at most", "GET", []func(http.ResponseWriter){status(502), status(502), status(502), status(502)}, pauses{time.Second, 2 * time.Second, 4 * time.Second}, false},
		{"more than a minute", "GET", []func(http.ResponseWriter){status(429, "Retry-After", "3600")}, nil, false},
		{"no words", "GET", []func(http.ResponseWriter){status(429, "Retry-After", "soon")}, pauses{time.Second}, true},
		{"less than nothing", "GET", []func(http.ResponseWriter){status(429, "Retry-After", "-5")}, pauses{0}, true},
		{"GitHub's second limit", "GET", []func(http.ResponseWriter){status(403, "Retry-After", "3")}, pauses{3 * time.Second}, true},
		{"not what is broken", "GET", []func(http.ResponseWriter){status(500)}, nil, false},
		{"an update", "PATCH", []func(http.ResponseWriter){status(502), status(429)}, pauses{time.Second, 2 * time.Second}, true},
		{"a creation", "POST", []func(http.ResponseWriter){status(503), status(502)}, pauses{time.Second, time.Second}, true},
		{"a creation that was refused", "POST", []func(http.ResponseWriter){status(429), status(429)}, pauses{time.Second, 2 * time.Second}, true},
		{"a creation, four times", "POST", []func(http.ResponseWriter){status(503), status(502), status(502), status(502)}, pauses{time.Second, time.Second, time.Second, time.Second}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := forge(t, "github")
			if tc.method == "PATCH" {
				s.Add(commenttest.Comment{Body: "<!-- cogplan:plan -->"})
			}
			answers(s, tc.method, tc.answers...)
			var waited pauses
			_, err := commenter(t, targetOf(s), &waited).Upsert(t.Context(), "plan", "text")
			if (err == nil) != tc.ok {
				t.Errorf("error: %v", err)
			}
			if diff := cmp.Diff(tc.waited, waited); diff != "" {
				t.Errorf("pauses:\n%s", diff)
			}
			if got := len(s.Comments()); tc.ok && got != 1 {
				t.Errorf("there are %d comments", got)
			}
		})
	}
}

// A gateway that gives up does not know whether the comment was made.
func TestACreationThatWasCarriedOutIsNotMadeTwice(t *testing.T) {
	for _, name := range forges {
		t.Run(name, func(t *testing.T) {
			s := forge(t, name)
			answers(s, "POST", status(http.StatusBadGateway))
			patient := func(ctx context.Context, _ time.Duration) error {
				s.Add(commenttest.Comment{Body: "<!-- cogplan:plan -->\ntext\n", Author: "robot"})
				return ctx.Err()
			}
			c, err := comment.New(targetOf(s), commenttest.Token, "cogplan/test", time.Now, comment.WithWait(patient))
			if err != nil {
				t.Fatal(err)
			}
			result, err := c.Upsert(t.Context(), "plan", "text")
			if err != nil || result.Action != comment.Created || len(s.Comments()) != 1 {
				t.Errorf("%+v, %v; %d comments", result, err, len(s.Comments()))
			}
		})
	}
}

func TestUpsertEndsWithItsContext(t *testing.T) {
	s := forge(t, "github")
	answers(s, "GET", status(503))
	ctx, cancel := context.WithCancel(t.Context())
	c, err := comment.New(targetOf(s), commenttest.Token, "cogplan/test", time.Now, comment.WithWait(func(ctx context.Context, _ time.Duration) error {
		cancel()
		return ctx.Err()
	}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Upsert(ctx, "plan", "text"); !errors.Is(err, context.Canceled) {
		t.Errorf("error: %v", err)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, tc := range []struct {
		forge string
		code  int
		want  []string
	}{
		{"github", 401, []string{"GitHub does not accept the token in GITHUB_TOKEN"}},
		{"github", 403, []string{"GITHUB_TOKEN may not", "pull-requests: write", "workflow_run"}},
		{"github", 404, []string{"GitHub has no pull request 7 in octo/site", "-repo, -number and -api"}},
		{"gitlab", 401, []string{"GitLab does not accept the token in GITLAB_TOKEN"}},
		{"gitlab", 403, []string{"GITLAB_TOKEN may not", "scope api"}},
		{"gitlab", 404, []string{"GitLab has no merge request 7 in group/sub/site"}},
		{"gitea", 401, []string{"Gitea does not accept the token in GITEA_TOKEN"}},
		{"gitea", 403, []string{"GITEA_TOKEN may not", "write:issue"}},
		{"gitea", 404, []string{"Gitea has no pull request 7 in octo/site"}},
		{"gitea", 429, []string{"Gitea is busy"}},
		{"gitea", 500, []string{"no pull request 7: look at -number"}},
		{"github", 500, []string{"GitHub fails"}},
		{"github", 422, []string{"GitHub refuses the comment", "says the server"}},
	} {
		t.Run(fmt.Sprint(tc.forge, tc.code), func(t *testing.T) {
			s := forge(t, tc.forge)
			s.Before = func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(tc.code)
				_, _ = fmt.Fprintf(w, `{"message": "says the server, of %s"}`, commenttest.Token)
				return true
			}
			_, err := upsert(t, s, "plan", "text")
			if err == nil {
				t.Fatal("there is no error")
			}
			for _, want := range append(tc.want, strconv.Itoa(tc.code), "says the server") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), commenttest.Token) {
				t.Errorf("%q holds the token", err)
			}
		})
	}
}

// A comment with the mark can be of somebody who only wants to be in the way.
func TestACommentThatMayNotBeChangedIsNamed(t *testing.T) {
	for _, name := range forges {
		s := forge(t, name)
		s.Add(commenttest.Comment{Body: "<!-- cogplan:plan -->", Author: "mallory"})
		s.Before = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodGet {
				return false
			}
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		if _, err := upsert(t, s, "plan", "text"); err == nil || !strings.Contains(err.Error(), "comment 1000 of mallory") || !strings.Contains(err.Error(), "has to be deleted") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAWrongTokenIsRefused(t *testing.T) {
	for _, name := range forges {
		s := forge(t, name)
		c, err := comment.New(targetOf(s), "another-token", "cogplan/test", time.Now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Upsert(t.Context(), "plan", "text"); err == nil || !strings.Contains(err.Error(), "does not accept the token") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// thief is a server that must see no request.
func thief(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s was sent elsewhere, with %q and %q", r.Method, r.URL, r.Header.Get("Authorization"), r.Header.Get("Private-Token"))
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(server.Close)
	return server
}

func TestTheTokenStaysOnItsOrigin(t *testing.T) {
	for _, name := range forges {
		for _, method := range []string{"GET", "POST"} {
			for _, code := range []int{301, 302, 303, 307, 308} {
				t.Run(fmt.Sprint(name, method, code), func(t *testing.T) {
					s, elsewhere := forge(t, name), thief(t)
					answers(s, method, status(code, "Location", elsewhere.URL+"/x"))
					_, err := upsert(t, s, "plan", "text")
					if err == nil || !strings.Contains(err.Error(), "redirects to "+elsewhere.URL+", which is not followed, as the token") || len(s.Comments()) != 0 {
						t.Errorf("error: %v", err)
					}
				})
			}
		}
	}
}

func TestTheNextPageElsewhereIsRefused(t *testing.T) {
	for _, name := range []string{"github", "gitea"} {
		s, elsewhere := forge(t, name), thief(t)
		answers(s, "GET", func(w http.ResponseWriter) {
			w.Header().Set("Link", "<"+elsewhere.URL+`/x>; rel="next"`)
			_, _ = fmt.Fprint(w, "[]")
		})
		if _, err := upsert(t, s, "plan", "text"); err == nil || !strings.Contains(err.Error(), "not sent there") || len(s.Comments()) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Where a repository has another name now, GitHub redirects on its own origin.
func TestRedirectsOnTheOrigin(t *testing.T) {
	for _, tc := range []struct {
		name, method string
		code         int
		ok           bool
	}{
		{"reading", "GET", 301, true},
		{"writing, and it stays one", "POST", 307, true},
		{"writing, which would become reading", "POST", 301, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := forge(t, "github")
			answers(s, tc.method, status(tc.code, "Location", s.API+"/repos/octo/site/issues/7/comments"))
			result, err := upsert(t, s, "plan", "text")
			if (err == nil) != tc.ok || tc.ok && result.Action != comment.Created {
				t.Errorf("%+v, %v", result, err)
			}
			if err != nil && !strings.Contains(err.Error(), "the name that the repository has now") {
				t.Errorf("error: %v", err)
			}
		})
	}
}

// A gateway that answers with a page to sign in must not pass for a request
// without comments.
func TestWhatIsNoAnswerIsAnError(t *testing.T) {
	for _, body := range []string{"<html>", "", `{"message": "hello"}`, `[{"id": "x"}]`} {
		for _, name := range forges {
			s := forge(t, name)
			s.Before = func(w http.ResponseWriter, _ *http.Request) bool {
				_, _ = fmt.Fprint(w, body)
				return true
			}
			_, err := upsert(t, s, "plan", "text")
			if name == "gitlab" && strings.HasPrefix(body, "{") {
				continue // it is asked for the request first, which is an object
			}
			if err == nil || !strings.Contains(err.Error(), "is -api right?") {
				t.Errorf("%s: %q: %v", name, body, err)
			}
		}
	}
}

func TestPagesWithoutEndAreAnError(t *testing.T) {
	for _, name := range forges {
		s := forge(t, name)
		s.Before = func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/merge_requests/7") {
				return false
			}
			w.Header().Set("X-Next-Page", "2")
			w.Header().Set("Link", "<"+s.API+`/repos/octo/site/issues/7/comments>; rel="next"`)
			_, _ = fmt.Fprint(w, "[]")
			return true
		}
		if _, err := upsert(t, s, "plan", "text"); err == nil || !strings.Contains(err.Error(), "more than 100 pages") {
			t.Errorf("%s: %v", name, err)
		}
		if len(writes(s)) != 0 {
			t.Errorf("%s: it wrote %q", name, writes(s))
		}
	}
}

func TestATextWithTheTokenIsRefused(t *testing.T) {
	s := forge(t, "github")
	_, err := upsert(t, s, "plan", "env: "+commenttest.Token)
	if err == nil || strings.Contains(err.Error(), commenttest.Token) || len(s.Requests()) != 0 {
		t.Errorf("error: %v; requests: %q", err, s.Requests())
	}
}

func TestLongTextsAreCut(t *testing.T) {
	for name, limit := range map[string]int{"github": 65_536, "gitlab": 1_000_000} {
		t.Run(name, func(t *testing.T) {
			s := forge(t, name)
			text := "<details>\n\n```diff\n" + strings.Repeat("+ one more line\n", limit/10) + "```\n\n</details>\n"
			result := mustUpsert(t, s, "plan", text)
			body := bodies(s)[0]
			if !result.Cut || len(body) > limit || len(body) < limit-300 {
				t.Errorf("cut: %v, %d characters", result.Cut, len(body))
			}
			if !strings.Contains(body, "+ one more line\n```\n\n</details>\n\n_Cut after line ") {
				t.Errorf("it ends with %q", body[len(body)-200:])
			}
			if again := mustUpsert(t, s, "plan", text); again.Action != comment.Unchanged || !again.Cut {
				t.Errorf("again: %+v", again)
			}
		})
	}
	s := forge(t, "gitea")
	text := strings.Repeat("line\n", 400_000)
	if result := mustUpsert(t, s, "plan", text); result.Cut || !strings.HasSuffix(bodies(s)[0], text) {
		t.Errorf("Gitea's was cut: %+v", result)
	}
}
