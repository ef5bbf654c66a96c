package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// slowUsers is an API with a collection of users, each of whose changes takes a while.
type slowUsers struct {
	mu    sync.Mutex
	names map[string]string // by ID
	// lists counts how often all were read, and changes what was changed.
	lists, changes int
	pause          time.Duration
	// changed is called after each change, with the lock held.
	changed func(u *slowUsers)
}

func (u *slowUsers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimPrefix(r.URL.Path, "/users/")
	if r.Method == http.MethodPut {
		time.Sleep(u.pause)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	var answer any
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/users":
		u.lists++
		all := []map[string]string{}
		for id, mail := range u.names {
			all = append(all, map[string]string{"id": id, "name": id, "mail": mail})
		}
		slices.SortFunc(all, func(a, b map[string]string) int { return strings.Compare(a["id"], b["id"]) })
		answer = all
	case r.Method == http.MethodGet && u.names[id] != "":
		answer = map[string]string{"id": id, "name": id, "mail": u.names[id]}
	case r.Method == http.MethodPut && u.names[id] != "":
		var body map[string]string
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		u.names[id] = body["mail"]
		u.changes++
		u.changed(u)
		answer = map[string]string{"id": id, "name": id, "mail": u.names[id]}
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// TestAnApplyOverTheNetworkLooksAgain has somebody change an item of an API while a
// long apply is under way: the item stays as it is, and all others are changed.
func TestAnApplyOverTheNetworkLooksAgain(t *testing.T) {
	api := &slowUsers{names: map[string]string{}, pause: 400 * time.Millisecond}
	api.changed = func(u *slowUsers) {
		if u.changes == 2 {
			u.names["u9"] = "by hand"
		}
	}
	server := httptest.NewServer(api)
	defer server.Close()
	var hcl strings.Builder
	fmt.Fprintf(&hcl, `
provider "rest" {
  source = "rest"
  config { base_url = "%[1]s" }
  allow {
    http {
      origin  = "%[1]s"
      methods = ["GET", "PUT"]
      private = true
    }
  }
}
resource "rest" "users" {
  collection = "/users"
  item       = "/users/{id}"
`, server.URL)
	for i := range 10 {
		api.names[fmt.Sprintf("u%d", i)] = "old"
		fmt.Fprintf(&hcl, "  object \"u%d\" { body = { mail = \"new\" } }\n", i)
	}
	hcl.WriteString("}\n")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(hcl.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("cogplan", "apply", "-auto-approve")
	cmd.Dir = dir
	began := time.Now()
	text, _ := cmd.CombinedOutput() // its exit code is looked at
	took := time.Since(began)
	if code := cmd.ProcessState.ExitCode(); code != 6 {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(string(text), "x update u9: not begun: it has changed since the plan, at mail; plan again") ||
		!strings.Contains(string(text), "Applied in part: 9 updated, 1 FAILED") {
		t.Errorf("it says\n%s", text)
	}
	api.mu.Lock()
	defer api.mu.Unlock()
	for id, mail := range api.names {
		if want := map[bool]string{true: "by hand", false: "new"}[id == "u9"]; mail != want {
			t.Errorf("%s is %q, want %q", id, mail, want)
		}
	}
	// The plan, the reading before the apply, the one after it, its health, and at
	// most one a second.
	if most := 4 + int(took/time.Second); api.lists < 5 || api.lists > most {
		t.Errorf("all users were read %d times in %s", api.lists, took)
	}
}
