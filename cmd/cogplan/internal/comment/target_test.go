package comment

import (
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// job is a job with that environment, and that event.
func job(event string, environ ...string) CI {
	ci := CI{Environ: map[string]string{}, ReadFile: func(name string) ([]byte, error) {
		if name != "/event.json" {
			return nil, os.ErrNotExist
		}
		return []byte(event), nil
	}}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		ci.Environ[name] = value
	}
	return ci
}

func TestDetect(t *testing.T) {
	github := []string{"GITHUB_ACTIONS=true", "GITHUB_API_URL=https://api.github.com", "GITHUB_REPOSITORY=octo/site", "GITHUB_EVENT_PATH=/event.json"}
	gitea := []string{"GITEA_ACTIONS=true", "GITHUB_ACTIONS=true", "GITHUB_API_URL=https://git.example.org/api/v1", "GITHUB_REPOSITORY=octo/site"}
	gitlab := []string{"GITLAB_CI=true", "CI_API_V4_URL=https://gitlab.example.org/api/v4", "CI_PROJECT_ID=3", "CI_MERGE_REQUEST_IID=7"}
	onGitHub := Target{GitHub, "https://api.github.com", "octo/site", 7}
	onGitea := Target{Gitea, "https://git.example.org/api/v1", "octo/site", 7}
	for _, tc := range []struct {
		name  string
		ci    CI
		given Target
		want  Target
		err   string
	}{
		{"GitHub, by the event", job(`{"pull_request": {"number": 7}}`, github...), Target{}, onGitHub, ""},
		{"GitHub, by the name of what is checked out", job(`{}`, append(github, "GITHUB_REF=refs/pull/7/merge")...), Target{}, onGitHub, ""},
		{"the event goes first", job(`{"pull_request": {"number": 7}}`, append(github, "GITHUB_REF=refs/pull/8/merge")...), Target{}, onGitHub, ""},
		{"a comment on a pull request", job(`{"issue": {"number": 7, "pull_request": {"url": "x"}}}`, github...), Target{}, onGitHub, ""},
		{"a comment on an issue", job(`{"issue": {"number": 7}}`, github...), Target{}, Target{}, "-number"},
		{"no event to read", job(``, "GITHUB_ACTIONS=true", "GITHUB_API_URL=https://api.github.com", "GITHUB_REPOSITORY=octo/site", "GITHUB_EVENT_PATH=/none", "GITHUB_REF=refs/pull/7/merge"), Target{}, onGitHub, ""},
		{"a push", job(`{"ref": "refs/heads/main"}`, append(github, "GITHUB_REF=refs/heads/main")...), Target{}, Target{}, "give -number"},
		{"an event that is none", job(`[`, github...), Target{}, Target{}, "give -number"},
		{"Gitea", job("", append(gitea, "GITHUB_REF=refs/pull/7/head")...), Target{}, onGitea, ""},
		{"Forgejo, which says it by its address", job("", append(gitea[1:], "GITHUB_REF=refs/pull/7/head")...), Target{}, onGitea, ""},
		{"GitLab", job("", gitlab...), Target{}, Target{GitLab, "https://gitlab.example.org/api/v4", "3", 7}, ""},
		{"GitLab, from a fork", job("", append(gitlab, "CI_MERGE_REQUEST_PROJECT_ID=2")...), Target{}, Target{GitLab, "https://gitlab.example.org/api/v4", "2", 7}, ""},
		{"what is given goes first", job("", gitlab...), Target{Repo: "a/b", Number: 9, API: "https://x.example.org"}, Target{GitLab, "https://x.example.org", "a/b", 9}, ""},
		{"another forge takes nothing over", job("", gitlab...), Target{Forge: GitHub}, Target{}, "-repo"},
		{"another forge, given whole", job("", gitlab...), Target{Forge: GitHub, Repo: "octo/site", Number: 7}, onGitHub, ""},
		{"GitHub's job, and Gitea asked for", job(`{"pull_request": {"number": 7}}`, github...), Target{Forge: Gitea}, Target{}, "-api"},
		{"nowhere", job(""), Target{}, Target{}, "Give -forge"},
		{"without a job", job(""), Target{Forge: GitLab, Repo: "g/s/p", Number: 1}, Target{GitLab, "https://gitlab.com/api/v4", "g/s/p", 1}, ""},
		{"a forge that nobody knows", job(""), Target{Forge: "svn", API: "https://x", Repo: "a/b", Number: 1}, Target{}, "no forge"},
		{"no name of a repository", job(""), Target{Forge: GitHub, Repo: "site", Number: 1}, Target{}, "owner/name"},
		{"a repository elsewhere", job(""), Target{Forge: GitHub, Repo: "../site", Number: 1}, Target{}, "owner/name"},
		{"a number below one", job(""), Target{Forge: GitHub, Repo: "a/b", Number: -1}, Target{}, "-number"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.ci.Detect(tc.given)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("error: %v, want %q in it", err, tc.err)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestTheAPIIsReachedByHTTPSOrHere(t *testing.T) {
	for api, ok := range map[string]bool{
		"https://api.github.com": true, "https://git.example.org:8443/git/api/v1/": true,
		"http://127.0.0.1:3000/api/v1": true, "http://[::1]:3000": true, "http://localhost:3000": true,
		"http://git.example.org/api/v1": false, "http://127.0.0.1.example.org": false, "http://localhost.example.org": false,
		"ftp://127.0.0.1": false, "git.example.org": false, "": false, "https://": false, "https://token@git.example.org": false,
		"https://git.example.org?x=y": false, "https://git.example.org#x": false, "http://10.0.0.1": false, "//git.example.org": false,
	} {
		_, err := New(Target{Gitea, api, "a/b", 1}, "token", "", nil)
		if (err == nil) != ok {
			t.Errorf("%q: %v", api, err)
		}
	}
}

func TestToken(t *testing.T) {
	for _, tc := range []struct {
		name      string
		ci        CI
		forge     Forge
		want, err string
	}{
		{"GitHub", job("", "GITHUB_TOKEN= abc\n", "GITLAB_TOKEN=x", "GITEA_TOKEN=y"), GitHub, "abc", ""},
		{"GitLab", job("", "GITLAB_TOKEN=abc", "CI_JOB_TOKEN=x"), GitLab, "abc", ""},
		{"Gitea", job("", "GITEA_TOKEN=abc", "GITHUB_TOKEN=x"), Gitea, "abc", ""},
		{"GitHub's is not for Gitea", job("", "GITHUB_TOKEN=x"), Gitea, "", "GITEA_TOKEN is not set"},
		{"GitHub's is not for Gitea, in its jobs either", job("", "GITHUB_TOKEN=x", "GITEA_ACTIONS=true"), Gitea, "", "secrets.GITEA_TOKEN"},
		{"a job's on GitLab", job("", "CI_JOB_TOKEN=x"), GitLab, "", "CI_JOB_TOKEN may not write comments"},
		{"none on GitLab", job(""), GitLab, "", "scope api"},
		{"none in a job on GitHub", job("", "GITHUB_ACTIONS=true"), GitHub, "", "github.token"},
		{"none", job(""), GitHub, "", "GITHUB_TOKEN is not set"},
		{"several lines", job("", "GITHUB_TOKEN=ab\ncd"), GitHub, "", "cannot be a token"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.ci.Token(tc.forge)
			if got != tc.want || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestWithoutATokenThereIsNoCommenter(t *testing.T) {
	if _, err := New(Target{GitHub, "https://api.github.com", "a/b", 1}, "", "", nil); err == nil {
		t.Error("there is one")
	}
	var failed *statusError
	if errors.As(&explainedError{"x", &statusError{}}, &failed); failed == nil {
		t.Error("the cause is lost")
	}
}

func TestSameOrigin(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"https://git.example.org/x", "https://GIT.example.org/api", true},
		{"http://git.example.org", "https://git.example.org", false},
		{"https://git.example.org:8443", "https://git.example.org", false},
		{"https://git.example.org.example.com", "https://git.example.org", false},
	} {
		a, errA := url.Parse(tc.a)
		b, errB := url.Parse(tc.b)
		if got := sameOrigin(a, b); got != tc.want || errors.Join(errA, errB) != nil {
			t.Errorf("%s and %s: %v", tc.a, tc.b, got)
		}
	}
}
