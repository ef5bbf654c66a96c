package wasm

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strconv"
)

// forms are the ways in which a secret shows up in texts: as it is, quoted,
// escaped for a URL, and in the usual encodings. It is no defence against a
// guest that wants to tell a secret, which the grants are for; it keeps an
// honest one from printing it.
func forms(s string) []string {
	list := []string{s}
	add := func(form string) {
		if form != s {
			list = append(list, form)
		}
	}
	quoted := strconv.Quote(s)
	add(quoted[1 : len(quoted)-1])
	if j, err := json.Marshal(s); err == nil {
		add(string(j[1 : len(j)-1]))
	}
	add(url.QueryEscape(s))
	add(url.PathEscape(s))
	add(base64.StdEncoding.EncodeToString([]byte(s)))
	add(base64.RawURLEncoding.EncodeToString([]byte(s)))
	add(hex.EncodeToString([]byte(s)))
	return list
}
