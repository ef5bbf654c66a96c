package comment

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// advice says what to do about an answer that is no success.
func (c *Commenter) advice(failed *statusError) string {
	variable := TokenVariable(c.target.Forge)
	switch {
	case failed.temporary():
		return fmt.Sprintf("%s is busy, or asks to wait; try again later", c.target.Forge)
	case failed.status/100 == 3:
		return c.redirected(failed)
	case failed.status == http.StatusUnauthorized:
		return fmt.Sprintf("%s does not accept the token in %s: it is wrong, expired or revoked, or of another server than %s", c.target.Forge, variable, c.target.API)
	case failed.status == http.StatusForbidden:
		return c.forbidden()
	case failed.status == http.StatusNotFound:
		return fmt.Sprintf("%s has no %s %d in %s, or the token in %s may not see it: look at -repo, -number and -api. %s", c.target.Forge, c.requestName(), c.target.Number, c.target.Repo, variable, c.needs())
	case failed.status == http.StatusInternalServerError && c.target.Forge == Gitea:
		return fmt.Sprintf("Gitea fails; it also answers so where there is no pull request %d: look at -number", c.target.Number)
	case failed.status >= http.StatusInternalServerError:
		return fmt.Sprintf("%s fails; try again later", c.target.Forge)
	default:
		return fmt.Sprintf("%s refuses the comment", c.target.Forge)
	}
}

func (c *Commenter) requestName() string {
	if c.target.Forge == GitLab {
		return "merge request"
	}
	return "pull request"
}

func (c *Commenter) redirected(failed *statusError) string {
	u, err := url.Parse(failed.location)
	switch {
	case err != nil:
		u = &url.URL{Path: "an address that is none"}
	case u.Host != "" && !strings.HasPrefix(c.target.API, u.Scheme+"://"+u.Host):
		return fmt.Sprintf("the server redirects to %s://%s, which is not followed, as the token is for %s alone: give the address that the API has now with -api", u.Scheme, u.Host, c.target.API)
	}
	return fmt.Sprintf("the server redirects to %s, which is not followed, as nothing would be written: give the name that the repository has now with -repo", words(u.Path))
}

func (c *Commenter) forbidden() string {
	return fmt.Sprintf("the token in %s may not comment here, or not change this comment, which is somebody else's and then has to be deleted. %s", TokenVariable(c.target.Forge), c.needs())
}

// needs is what a token has to be allowed.
func (c *Commenter) needs() string {
	switch c.target.Forge {
	case GitHub:
		return "A job needs `permissions: { pull-requests: write }`, another token the permission \"Pull requests: write\" for the repository; in a job for a pull request from a fork, or of Dependabot, the token can only read, so comment from a job on workflow_run"
	case GitLab:
		return "The token needs the scope api and the role Reporter or more in the project, and Maintainer to change a comment of somebody else"
	case Gitea:
		return "The token needs the scope write:issue, and its user write access to change a comment of somebody else; a job can need `permissions: { pull-requests: write, issues: write }`"
	default:
		return ""
	}
}
