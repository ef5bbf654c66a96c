package main

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// tamper changes words in what is signed: tamper from to old new.
func tamper(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: tamper from to old new")
	}
	var envelope map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &envelope))
	encoded, _ := envelope["payload"].(string)
	payload, err := base64.StdEncoding.DecodeString(encoded)
	ts.Check(err)
	changed := strings.Replace(string(payload), args[2], args[3], 1)
	if changed == string(payload) {
		ts.Fatalf("%s does not say %q", args[0], args[2])
	}
	envelope["payload"] = base64.StdEncoding.EncodeToString([]byte(changed))
	data, err := json.Marshal(envelope)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data, 0o600))
}
