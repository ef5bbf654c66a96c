package approval

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func newKey(t *testing.T, name string) (*Key, string) {
	t.Helper()
	key, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	line, err := key.TrustLine(name, "")
	if err != nil {
		t.Fatal(err)
	}
	return key, line
}

func TestVerify(t *testing.T) {
	ada, adaLine := newKey(t, "ada")
	eve, _ := newKey(t, "eve")
	trust, err := ParseTrust("# who may\n" + adaLine + "\n")
	if err != nil {
		t.Fatal(err)
	}
	statement := Statement{Digest: "sha256:aa", Actor: "ada", Reason: "looked at it", Expires: time.Unix(2e9, 0).UTC()}
	sign := func(s Statement, key *Key) []byte {
		data, err := Sign(t.Context(), s, key)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	genuine := sign(statement, ada)
	got, err := Verify(t.Context(), genuine, trust)
	if err != nil || got != statement {
		t.Fatalf("got %v, %v", got, err)
	}
	change := func(edit func(envelope map[string]any)) []byte {
		var envelope map[string]any
		if err := json.Unmarshal(genuine, &envelope); err != nil {
			t.Fatal(err)
		}
		edit(envelope)
		data, err := json.Marshal(envelope)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	payload, err := json.Marshal(statement)
	if err != nil {
		t.Fatal(err)
	}
	tampered := bytes.Replace(payload, []byte("looked"), []byte("nodded"), 1)
	asBob := statement
	asBob.Actor = "bob"
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"another key":        {sign(statement, eve), "not in the trust file"},
		"another name":       {sign(asBob, ada), `signed with the key of "ada"`},
		"changed":            {change(func(e map[string]any) { e["payload"] = base64.StdEncoding.EncodeToString(tampered) }), "somebody changed it"},
		"another type":       {change(func(e map[string]any) { e["payloadType"] = "text/plain" }), "it is no approval"},
		"no signature":       {change(func(e map[string]any) { e["signatures"] = []any{} }), "0 signatures"},
		"an unknown field":   {change(func(e map[string]any) { e["x"] = 1 }), "unknown field"},
		"something behind":   {append(bytes.Clone(genuine), '1'), "data follows"},
		"nothing":            {nil, "EOF"},
		"a signature of air": {change(func(e map[string]any) { e["signatures"] = []any{map[string]any{"keyid": "", "sig": ""}} }), "not in the trust file"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Verify(t.Context(), test.data, trust); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestParseTrustRefuses(t *testing.T) {
	_, line := newKey(t, "ada")
	for name, test := range map[string]struct{ text, want string }{
		"nothing":        {"# nobody\n", "no key"},
		"one key of two": {line + "\nbob " + strings.Fields(line)[1], "line 2: the key of \"bob\""},
		"no key":         {"ada", "line 1"},
		"another kind":   {"ada rsa:AAAA", "is no key"},
		"a short key":    {"ada ed25519:AAAA", "is no key"},
		"a look-alike":   {"аda " + strings.Fields(line)[1], "is no name"},
		"another right":  {line + " root", "is not what a key may be used for"},
		"a right twice":  {line + " approve,approve", "is not what a key may be used for"},
		"an empty right": {line + " approve,", "is not what a key may be used for"},
		"more than that": {line + " approve override", "not a name and a key"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseTrust(test.text); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestSignRefuses(t *testing.T) {
	key, _ := newKey(t, "ada")
	whole := Statement{Digest: "sha256:aa", Actor: "ada", Reason: "r", Expires: time.Unix(2e9, 0)}
	for _, leave := range []func(*Statement){
		func(s *Statement) { s.Digest = "" }, func(s *Statement) { s.Actor = "" },
		func(s *Statement) { s.Reason = " " }, func(s *Statement) { s.Expires = time.Time{} },
	} {
		s := whole
		leave(&s)
		if _, err := Sign(t.Context(), s, key); err == nil {
			t.Errorf("%+v was signed", s)
		}
	}
}

// TestOverridesAreNoApprovals: each kind of word, and each right of a key, stands
// for itself.
func TestOverridesAreNoApprovals(t *testing.T) {
	ada, adaLine := newKey(t, "ada")
	bob, bobLine := newKey(t, "bob")
	trust, err := ParseTrust(adaLine + " override\n" + bobLine + "\n")
	if err != nil {
		t.Fatal(err)
	}
	word := func(name string) Override {
		return Override{
			Rule: "main.deny_x", Resource: "file.site",
			Statement: Statement{Digest: "sha256:aa", Actor: name, Reason: "the launch", Expires: time.Unix(2e9, 0).UTC()},
		}
	}
	override := func(name string, key *Key) []byte {
		data, err := SignOverride(t.Context(), word(name), key)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	approve := func(name string, key *Key) []byte {
		data, err := Sign(t.Context(), word(name).Statement, key)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	got, err := VerifyOverride(t.Context(), override("ada", ada), trust)
	if err != nil || got != word("ada") {
		t.Fatalf("got %v, %v", got, err)
	}
	if _, err := Verify(t.Context(), approve("bob", bob), trust); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"may only approve":   {override("bob", bob), "a key of bob that may not override"},
		"another's name":     {override("bob", ada), `signed with the key of "ada"`},
		"an approval":        {approve("ada", ada), "it is no override, but"},
		"an approval's type": {bytes.Replace(approve("ada", ada), []byte("approval.v1"), []byte("override.v1"), 1), "somebody changed it"},
	} {
		if _, err := VerifyOverride(t.Context(), test.data, trust); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if _, err := Verify(t.Context(), approve("ada", ada), trust); err == nil || !strings.Contains(err.Error(), "may not approve") {
		t.Errorf("a key that may only override approved: %v", err)
	}
	if _, err := Verify(t.Context(), override("ada", ada), trust); err == nil || !strings.Contains(err.Error(), "it is no approval, but") {
		t.Errorf("an override passes for an approval: %v", err)
	}
	for _, leave := range []func(*Override){func(o *Override) { o.Rule = "" }, func(o *Override) { o.Resource = "" }, func(o *Override) { o.Reason = "" }} {
		o := word("ada")
		leave(&o)
		if _, err := SignOverride(t.Context(), o, ada); err == nil {
			t.Errorf("%+v was signed", o)
		}
	}
}
