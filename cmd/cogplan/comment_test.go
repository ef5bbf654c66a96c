package main

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/comment/commenttest"
)

// startedForges are the stand-ins that run, by the address of their API.
var startedForges sync.Map

// standInForge starts a stand-in for GitHub, GitLab or Gitea and lets the script
// be a job of it for its request: forge start github. With show it puts the
// comments on stdout, with add it adds one with the text of a file.
func standInForge(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: forge start github|gitlab|gitea, forge show, forge add file")
	}
	if args[0] == "start" {
		startForge(ts, args[1])
		return
	}
	value, ok := startedForges.Load(ts.Getenv("FORGE_API"))
	if !ok {
		ts.Fatalf("no forge was started")
	}
	server := value.(*commenttest.Server)
	if args[0] == "add" {
		server.Add(commenttest.Comment{Body: strings.TrimSuffix(ts.ReadFile(args[1]), "\n"), Author: "ann"})
		return
	}
	for _, c := range server.Comments() {
		_, err := fmt.Fprintf(ts.Stdout(), "[%d]\n%s\n", c.ID, strings.TrimSuffix(c.Body, "\n"))
		ts.Check(err)
	}
}

func startForge(ts *testscript.TestScript, forge string) {
	server, err := commenttest.Start(forge)
	ts.Check(err)
	startedForges.Store(server.API, server)
	ts.Defer(func() {
		startedForges.Delete(server.API)
		server.Close()
		if problems := server.Problems(); len(problems) > 0 {
			ts.Fatalf("not as the API is described: %q", problems)
		}
	})
	ts.Setenv("FORGE_API", server.API)
	ts.Setenv("FORGE_TOKEN", commenttest.Token)
	if forge == "gitlab" {
		ts.Setenv("GITLAB_CI", "true")
		ts.Setenv("CI_API_V4_URL", server.API)
		ts.Setenv("CI_PROJECT_ID", server.Repo)
		ts.Setenv("CI_MERGE_REQUEST_IID", strconv.Itoa(server.Number))
		return
	}
	ts.Setenv("GITHUB_ACTIONS", "true")
	ts.Setenv("GITHUB_API_URL", server.API)
	ts.Setenv("GITHUB_REPOSITORY", server.Repo)
	ts.Setenv("GITHUB_REF", fmt.Sprintf("refs/pull/%d/merge", server.Number))
	if forge == "gitea" {
		ts.Setenv("GITEA_ACTIONS", "true")
	}
}
