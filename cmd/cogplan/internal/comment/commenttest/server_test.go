package commenttest

import (
	"net/http"
	"strings"
	"testing"
)

// The control: what is not described is refused and remembered, or the tests that
// rest on this server hold nothing.
func TestWhatIsNotDescribedIsAProblem(t *testing.T) {
	for _, tc := range []struct{ forge, method, path, body, want string }{
		{"github", "GET", "/repos/octo/site/pulls/7/comments", "", "no operation"},
		{"github", "DELETE", "/repos/octo/site/issues/7/comments", "", "no operation"},
		{"github", "GET", "/repos/octo/site/issues/seven/comments", "", "issue_number"},
		{"github", "GET", "/repos/octo/site/issues/7/comments?limit=50", "", "limit is not described"},
		{"github", "GET", "/repos/octo/site/issues/7/comments?per_page=many", "", "per_page"},
		{"github", "GET", "/repos/octo/site/issues/7/comments", "{}", "none is described"},
		{"github", "POST", "/repos/octo/site/issues/7/comments", "{}", "body"},
		{"github", "POST", "/repos/octo/site/issues/7/comments", `{"body": 7}`, "body"},
		{"github", "POST", "/repos/octo/site/issues/7/comments", "", "body"},
		{"github", "PUT", "/repos/octo/site/issues/comments/1", `{"body": "x"}`, "no operation"},
		{"gitea", "GET", "/repos/octo/site/issues/7/comments?page=1", "", "page is not described"},
		{"gitea", "PATCH", "/repos/octo/site/issues/comments/x", `{"body": "x"}`, "id"},
		{"gitlab", "GET", "/projects/group/sub/site/merge_requests/7/notes", "", "no operation"},
		{"gitlab", "GET", "/projects/group%2Fsub%2Fsite/merge_requests/7/notes?per_page=101", "", "per_page"},
		{"gitlab", "PATCH", "/projects/3/merge_requests/7/notes/1", `{"body": "x"}`, "no operation"},
		{"gitlab", "POST", "/projects/3/merge_requests/7/notes", `{"text": "x"}`, "body"},
	} {
		s, err := Start(tc.forge)
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(t.Context(), tc.method, s.API+tc.path, strings.NewReader(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", map[string]string{"github": "Bearer ", "gitea": "token "}[tc.forge]+Token)
		request.Header.Set("Private-Token", Token)
		request.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if got := s.Problems(); answer.StatusCode/100 == 2 || len(got) != 1 || !strings.Contains(got[0], tc.want) {
			t.Errorf("%s %s: %d, %q; want %q", tc.method, tc.path, answer.StatusCode, got, tc.want)
		}
		s.Close()
	}
}

func TestStartKnowsItsForges(t *testing.T) {
	if _, err := Start("svn"); err == nil {
		t.Error("it starts what is not described")
	}
}
