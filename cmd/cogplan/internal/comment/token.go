package comment

import (
	"errors"
	"fmt"
	"strings"
)

// TokenVariable is the variable of the environment that holds the token.
func TokenVariable(forge Forge) string {
	switch forge {
	case GitHub:
		return "GITHUB_TOKEN"
	case GitLab:
		return "GITLAB_TOKEN"
	case Gitea:
		return "GITEA_TOKEN"
	default:
		return ""
	}
}

// Token takes the token of the forge from the environment. The one of another
// forge is never taken for it.
func (ci CI) Token(forge Forge) (string, error) {
	name := TokenVariable(forge)
	token := strings.TrimSpace(ci.Environ[name])
	switch {
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", fmt.Errorf("%s holds what cannot be a token: it has several lines, or characters that no request can carry", name)
	case token != "":
		return token, nil
	case forge == GitLab && ci.Environ["CI_JOB_TOKEN"] != "":
		return "", errors.New("GITLAB_TOKEN is not set, and CI_JOB_TOKEN may not write comments: make a project access token with the scope api and the role Reporter or more, and give it to the job as GITLAB_TOKEN")
	case forge == GitLab:
		return "", errors.New("GITLAB_TOKEN is not set: set it to an access token with the scope api")
	case forge == GitHub && ci.Environ["GITHUB_ACTIONS"] != "":
		return "", errors.New("GITHUB_TOKEN is not set: give it to the step with `env: { GITHUB_TOKEN: \"${{ github.token }}\" }`, and the job `permissions: { pull-requests: write }`")
	case forge == Gitea && isGitea(ci.Environ):
		return "", errors.New("GITEA_TOKEN is not set: give it to the step with `env: { GITEA_TOKEN: \"${{ secrets.GITEA_TOKEN }}\" }`")
	default:
		return "", fmt.Errorf("%s is not set: set it to a token that may comment", name)
	}
}
