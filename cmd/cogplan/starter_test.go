package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// users is a JSON API of the kind that the starter is for.
type users struct {
	lock  sync.Mutex
	items map[string]map[string]any
	next  int
	// strangers counts the requests that came without the token.
	strangers int
}

func (u *users) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.lock.Lock()
	defer u.lock.Unlock()
	if r.Header.Get("Authorization") != "Bearer s3cr3t-of-the-api" {
		u.strangers++
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	id := strings.Trim(strings.TrimPrefix(r.URL.Path, "/v1/users"), "/")
	body := map[string]any{}
	if r.Method == http.MethodPost || r.Method == http.MethodPut {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
	}
	switch {
	case r.Method == http.MethodGet && id == "":
		list := []any{}
		for _, item := range u.items {
			list = append(list, item)
		}
		_ = json.NewEncoder(w).Encode(list)
		return
	case r.Method == http.MethodPost:
		u.next++
		id = fmt.Sprint("u", u.next)
		body["id"], body["created"] = id, "today"
		u.items[id] = body
		w.WriteHeader(http.StatusCreated)
	case u.items[id] == nil:
		w.WriteHeader(http.StatusNotFound)
		return
	case r.Method == http.MethodPut:
		body["id"], body["created"] = id, u.items[id]["created"]
		u.items[id] = body
	case r.Method == http.MethodDelete:
		delete(u.items, id)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	_ = json.NewEncoder(w).Encode(u.items[id])
}

// The starter for an API works as it is, once it knows where the API is.
func TestStarterForAnAPI(t *testing.T) {
	api := &users{items: map[string]map[string]any{}}
	server := httptest.NewServer(api)
	defer server.Close()
	m := &module{t: t, dir: t.TempDir(), env: []string{"API_TOKEN=s3cr3t-of-the-api"}}
	m.run(0, "init", "-starter", "rest", "-auto-approve")
	source := strings.ReplaceAll(m.source(), "https://api.example.org", server.URL)
	m.write(strings.Replace(source, "paths      = [", "private    = true\n      paths      = [", 1))
	if err := os.Remove(filepath.Join(m.dir, "cogplan.lock.hcl")); err != nil {
		t.Fatal(err)
	}
	m.run(0, "init", "-auto-approve")
	wantText(t, m.run(0, "plan", "-effects", "-lockfile=readonly"), "effect: http POST "+server.URL+"/v1/users", "1 to create")
	m.run(0, "apply", "-auto-approve", "-lockfile=readonly")
	m.settled()
	if u := api.items["u1"]; u["name"] != "ann" || u["role"] != "reader" || api.strangers > 0 {
		t.Fatalf("the server has %v, and %d requests came without the token", api.items, api.strangers)
	}
	m.write(strings.Replace(m.source(), `role = "reader"`, `role = "admin"`, 1))
	wantText(t, m.run(3, "plan"), `"ann" would become an administrator`)
}
