package lang_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/hcl/v2"

	"github.com/cogplan/cogplan/lang"
)

func TestCredentials(t *testing.T) {
	t.Chdir(writeModule(t, map[string]string{"main.hcl": `
provider "web" {
  source = "rest"
  allow {
    http {
      origin     = "https://api.example.org"
      credential = "api"
    }
  }
}
credential "pass" {
  origin  = "https://other.example.org:8443"
  kind    = "query"
  name    = "token"
  command = ["pass", "show", "other"]
}
credential "api" {
  origin   = "https://api.example.org"
  kind     = "basic"
  username = "robot"
  file     = "secrets/api"
}
`}))
	m, diags := lang.Load(".")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	want := []lang.CredentialConfig{
		{Name: "api", Origin: "https://api.example.org", Kind: "basic", Username: "robot", File: "secrets/api"},
		{Name: "pass", Origin: "https://other.example.org:8443", Kind: "query", Field: "token", Command: []string{"pass", "show", "other"}},
	}
	if diff := cmp.Diff(want, m.Credentials(), cmpopts.IgnoreTypes(hcl.Range{})); diff != "" {
		t.Error(diff)
	}
}
