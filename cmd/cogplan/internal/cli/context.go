package cli

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// cacheDir is where compiled providers and schemas are kept.
func (p *process) cacheDir() (string, error) {
	if dir := p.environ["COGPLAN_CACHE_DIR"]; dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a place for the cache: %w; set COGPLAN_CACHE_DIR to a directory", err)
	}
	return filepath.Join(dir, "cogplan"), nil
}

// runContext says who runs what and where, for the policies.
func (p *process) runContext(command string) reconcile.RunContext {
	return reconcile.RunContext{
		Command: command,
		Actor:   p.actor(),
		CI:      p.environ["CI"] != "" && p.environ["CI"] != "false",
		Commit:  p.first("COGPLAN_COMMIT", "GITHUB_SHA", "CI_COMMIT_SHA"),
		Branch:  p.first("COGPLAN_BRANCH", "GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME"),
		Time:    p.now().UTC().Format(time.RFC3339),
	}
}

func (p *process) actor() string {
	if actor := p.first("COGPLAN_ACTOR", "GITHUB_ACTOR", "GITLAB_USER_LOGIN"); actor != "" {
		return actor
	}
	if who, err := user.Current(); err == nil {
		return who.Username
	}
	return ""
}

// first is the value of the first variable that is set.
func (p *process) first(names ...string) string {
	for _, name := range names {
		if value := p.environ[name]; value != "" {
			return value
		}
	}
	return ""
}

// holder names this process to whoever finds the lock.
func (p *process) holder() string {
	return fmt.Sprintf("%s (cogplan, process %d)", p.actor(), os.Getpid())
}
