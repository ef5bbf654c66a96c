package policy

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

func TestGranted(t *testing.T) {
	grants := reconcile.Grants{
		Read: []string{"./in"}, Write: []string{"./out", "/srv/www", "one.txt"},
		HTTP: []reconcile.HTTPGrant{
			{Origin: "https://api.example.org", Methods: []string{"GET", "PUT"}, Paths: []string{"/v1/zones"}},
			{Origin: "http://[::1]:8080"},
		},
		TCP: []reconcile.TCPGrant{{Address: "db.example.org:5432"}},
	}
	tests := []struct {
		effect string
		want   bool
	}{
		{"file write out/a", true},
		{"file write ./out/a", true},
		{"file mkdir out", true},
		{"file delete /srv/www/a/b", true},
		{"file write one.txt", true},
		{"file write one.txt.bak", false},
		{"file write outer/a", false},
		{"file write in/a", false},
		{"file write out/../in/a", false},
		{"file write ../out/a", false},
		{"file write /out/a", false},
		{"file write out//a", false},
		{"file write out\\..\\a", false},
		{"file write /srv/wwwx", false},
		{"file write srv/www/a", false},
		{"file write ", false},
		{"file read out/a", false},
		{"http PUT https://api.example.org/v1/zones/{id}", true},
		{"http GET https://API.example.org:443/v1/zones", true},
		{"http GET https://api.example.org/v1/zones?x=1", true},
		{"http DELETE https://api.example.org/v1/zones/1", false},
		{"http PUT http://api.example.org/v1/zones/1", false},
		{"http PUT https://api.example.org:8443/v1/zones", false},
		{"http PUT https://api.example.org.evil/v1/zones", false},
		{"http PUT https://api.example.org@evil/v1/zones", false},
		{"http PUT https://api.example.org/v1/zonesx", false},
		{"http PUT https://api.example.org/v1/zones/../users", false},
		{"http PUT https://api.example.org/v1/zones/%2e%2e/users", false},
		{"http PUT https://api.example.org/v1/zones/%2Fx", false},
		{"http PUT https://api.example.org//v1/zones", false},
		{"http put https://api.example.org/v1/zones", false},
		{"http GET http://[::1]:8080/any", true},
		{"http POST http://[::1]:8080/any", false},
		{"http GET file:///etc/passwd", false},
		{"tcp connect DB.example.org:5432", true},
		{"tcp connect db.example.org:5433", false},
		{"tcp listen db.example.org:5432", false},
		{"udp connect db.example.org:5432", false},
		{"unbounded  ", true},
	}
	for _, tt := range tests {
		t.Run(tt.effect, func(t *testing.T) {
			parts := strings.SplitN(tt.effect, " ", 3)
			e := reconcile.Effect{Capability: parts[0], Operation: parts[1], Target: parts[2]}
			if got := granted(grants, e); got != tt.want {
				t.Errorf("%v", got)
			}
		})
	}
	if !granted(reconcile.Grants{Write: []string{"."}}, reconcile.Effect{Capability: "file", Operation: "write", Target: "a"}) ||
		granted(reconcile.Grants{Write: []string{"."}}, reconcile.Effect{Capability: "file", Operation: "write", Target: "/a"}) {
		t.Error("the module's directory is not the root")
	}
}

func TestIdentifiers(t *testing.T) {
	for _, good := range []string{"index.html", `file.site["eu"]`, "naïve.txt", "Straße", "отчёт.txt", "日本語.txt", "a b", "ΑΒΓ", "отчёт-2026/report.txt", "e\u0301t\u00e9"} {
		if problem := identifierProblem(good); problem != "" {
			t.Errorf("%q %s", good, problem)
		}
	}
	for _, bad := range []string{"m\u0430in", "a\u200db", "a\u00a0b", "\uff41", "a\nb", "a\x00", "a\x7f", "\U0001d41a", "a\u202eb", "x\ufe0f", "\u212a"} {
		if identifierProblem(bad) == "" {
			t.Errorf("%+q passes", bad)
		}
	}
	if utf8.RuneCountInString(lookAlikes) != len(latinOf) {
		t.Errorf("%d look-alikes and %d letters", utf8.RuneCountInString(lookAlikes), len(latinOf))
	}
	if skeleton("сор") != "cop" || skeleton("Αβ") != "Aβ" || skeleton("plain") != "plain" {
		t.Error(skeleton("сор"), skeleton("Αβ"))
	}
}
