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
	line, err := key.TrustLine(name)
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
		"nothing":          {"# nobody\n", "no key"},
		"one key of two":   {line + "\nbob " + strings.Fields(line)[1], "line 2: the key of \"bob\""},
		"no key":           {"ada", "line 1"},
		"another kind":     {"ada rsa:AAAA", "is no key"},
		"a short key":      {"ada ed25519:AAAA", "is no key"},
		"a look-alike":     {"аda " + strings.Fields(line)[1], "is no name"},
		"more than a pair": {line + " x", "not a name and a key"},
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
