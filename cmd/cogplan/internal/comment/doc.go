// Package comment keeps one comment on a pull or merge request up to date, on
// GitHub, GitLab, and Gitea or Forgejo: it finds the comment by a mark in its
// first line, and writes it, writes it anew, or leaves it as it is.
//
// It sends the token to one origin, over HTTPS or to this machine, and to no
// other: it follows no redirect and no link away from there. It refuses to write
// a comment that holds the token, to take a mark for one that stands anywhere but
// in the first line, and to write a second comment where it cannot see all that
// are there. It deletes nothing, and reads neither the environment nor the clock:
// both are handed to it.
package comment
