package comment

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Forge is a kind of server that requests are reviewed on.
type Forge string

// The forges. Forgejo speaks as Gitea does.
const (
	GitHub Forge = "github"
	GitLab Forge = "gitlab"
	Gitea  Forge = "gitea"
)

// String is the forge's own name.
func (f Forge) String() string {
	switch f {
	case GitHub:
		return "GitHub"
	case GitLab:
		return "GitLab"
	case Gitea:
		return "Gitea"
	default:
		return string(f)
	}
}

// Target is the request that is commented on. Fields that are empty are to be
// found out by [Detect].
type Target struct {
	Forge Forge
	// API is the address of the forge's API.
	API string
	// Repo is owner/name; on GitLab the path or the number of the project.
	Repo string
	// Number is that of the pull or merge request.
	Number int
}

// CI is what a job knows of where it runs.
type CI struct {
	Environ map[string]string
	// ReadFile reads the file of the event.
	ReadFile func(name string) ([]byte, error)
}

// Detect fills in what is not given from the job. What the job of one forge says
// is never taken for another forge.
func (ci CI) Detect(given Target) (Target, error) {
	here := ci.job()
	given.Forge = cmp.Or(given.Forge, here.Forge)
	if given.Forge == "" {
		return Target{}, errors.New("it is not known where the request is: no job of GitHub, GitLab or Gitea runs this. Give -forge, -repo and -number")
	}
	if here.Forge == given.Forge {
		given.API = cmp.Or(given.API, here.API)
		given.Repo = cmp.Or(given.Repo, here.Repo)
		given.Number = cmp.Or(given.Number, here.Number)
	}
	given.API = cmp.Or(given.API, publicAPI(given.Forge))
	return given, given.check()
}

// job is what the environment says.
func (ci CI) job() Target {
	env := ci.Environ
	switch {
	case env["GITLAB_CI"] == "true":
		number, _ := strconv.Atoi(env["CI_MERGE_REQUEST_IID"])
		return Target{
			Forge: GitLab, API: env["CI_API_V4_URL"], Number: number,
			// In the pipeline of a fork, the request is not in the fork.
			Repo: cmp.Or(env["CI_MERGE_REQUEST_PROJECT_ID"], env["CI_PROJECT_ID"]),
		}
	case isGitea(env):
		return Target{Forge: Gitea, API: env["GITHUB_API_URL"], Repo: env["GITHUB_REPOSITORY"], Number: ci.pullRequest()}
	case env["GITHUB_ACTIONS"] == "true":
		return Target{Forge: GitHub, API: env["GITHUB_API_URL"], Repo: env["GITHUB_REPOSITORY"], Number: ci.pullRequest()}
	default:
		return Target{}
	}
}

// isGitea tells the jobs of Gitea and Forgejo, which also say that they are
// GitHub's.
func isGitea(env map[string]string) bool {
	return env["GITEA_ACTIONS"] == "true" ||
		env["GITHUB_ACTIONS"] == "true" && strings.HasSuffix(strings.TrimSuffix(env["GITHUB_API_URL"], "/"), "/api/v1")
}

// pullRef is what a job for a pull request checks out.
var pullRef = regexp.MustCompile(`^refs/pull/([0-9]+)/`)

// pullRequest is the number of the pull request that the event is about; 0 for
// none. The event says it in more jobs than the name of what is checked out.
func (ci CI) pullRequest() int {
	if n := ci.eventNumber(); n > 0 {
		return n
	}
	if m := pullRef.FindStringSubmatch(ci.Environ["GITHUB_REF"]); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n
	}
	return 0
}

// eventNumber is the number in the file of the event, of a pull request or of a
// comment on one; 0 where it holds none, or cannot be read.
func (ci CI) eventNumber() int {
	path := ci.Environ["GITHUB_EVENT_PATH"]
	if path == "" {
		return 0
	}
	data, err := ci.ReadFile(path)
	if err != nil {
		return 0
	}
	var event struct {
		PullRequest struct{ Number int } `json:"pull_request"`
		Issue       struct {
			Number      int
			PullRequest *struct{} `json:"pull_request"`
		}
	}
	if json.Unmarshal(data, &event) != nil {
		return 0
	}
	if event.Issue.PullRequest != nil {
		return event.Issue.Number
	}
	return event.PullRequest.Number
}

func publicAPI(forge Forge) string {
	switch forge {
	case GitHub:
		return "https://api.github.com"
	case GitLab:
		return "https://gitlab.com/api/v4"
	case Gitea:
		return "" // each is somewhere else
	default:
		return ""
	}
}

var (
	ownerAndName = regexp.MustCompile(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$`)
	projectPath  = regexp.MustCompile(`^[0-9]+$|^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$`)
)

// check says which flag is missing or wrong.
func (t *Target) check() error {
	shape, what := ownerAndName, "owner/name"
	if t.Forge == GitLab {
		shape, what = projectPath, "the path or the number of the project"
	}
	switch {
	case publicAPI(t.Forge) == "" && t.Forge != Gitea:
		return fmt.Errorf("%q is no forge that is known", string(t.Forge))
	case t.API == "":
		return errors.New("the address of the API is not known: give -api, as in https://git.example.org/api/v1")
	case t.Repo == "":
		return fmt.Errorf("the repository is not known: give -repo, %s", what)
	case !shape.MatchString(t.Repo) || hasDots(t.Repo):
		return fmt.Errorf("-repo is %s, and not %q", what, t.Repo)
	case t.Number < 1:
		return errors.New("the request is not known, as this is no job for one: give -number")
	}
	_, err := baseURL(t.API)
	return err
}

// hasDots tells what would lead to another address.
func hasDots(repo string) bool {
	for part := range strings.SplitSeq(repo, "/") {
		if part == "." || part == ".." {
			return true
		}
	}
	return false
}

// baseURL is the address of an API that a token may be sent to.
func baseURL(api string) (*url.URL, error) {
	u, err := url.Parse(api)
	switch {
	case err != nil || u.Host == "":
		return nil, fmt.Errorf("-api is an address as in https://git.example.org/api/v1, and not %q", api)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the address of the API holds no user, question mark or fragment; the token comes from the environment")
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), ""
		return u, nil
	default:
		return nil, fmt.Errorf("the address of the API is %s: without https the token could be read on its way, and it is sent only to this machine so", api)
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
