// The guest that proves sdk/nethttp with a client library as it is. It is a
// module of its own, so that cogplan does not depend on that library.
module github.com/cogplan/cogplan/testdata/guests/github

go 1.26.0

require github.com/cogplan/cogplan v0.0.0

require (
	github.com/google/go-github/v74 v74.0.0
	github.com/google/go-querystring v1.1.0 // indirect
)

replace github.com/cogplan/cogplan => ../../..
