package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/sdk"
	"github.com/cogplan/cogplan/sdk/sdktest"
)

// These tests run the provider natively against an API on the loopback
// interface. In the sandbox, with grants and a credential, it is tested with
// PowerDNS in cmd/cogplan.

// api is a server with a collection of users. It adds fields of its own, as
// servers do.
type api struct {
	*httptest.Server
	mu    sync.Mutex
	next  int64
	items map[string]map[string]any
	// log holds what changed something, and its body.
	log   []string
	reads int
	// pages cuts the list into pages of two, in one of the styles.
	pages string
	// answer overrides everything.
	answer http.HandlerFunc
}

func newAPI(t *testing.T) *api {
	t.Helper()
	a := &api{next: 100, items: map[string]map[string]any{}}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *api) put(fields map[string]any) string {
	a.next++
	id := strconv.FormatInt(a.next, 10)
	fields["id"], fields["created_at"] = a.next, "2026-01-01T00:00:00Z"
	a.items[id] = fields
	return id
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.answer != nil {
		a.answer(w, r)
		return
	}
	data, _ := io.ReadAll(r.Body)
	if r.Method != http.MethodGet {
		a.log = append(a.log, strings.TrimSpace(r.Method+" "+r.URL.String()+" "+string(data)))
	} else {
		a.reads++
	}
	var body map[string]any
	_ = json.Unmarshal(data, &body)
	if inner, wrapped := body["user"].(map[string]any); wrapped {
		body = inner
	}
	id, one := strings.CutPrefix(r.URL.Path, "/v1/users/")
	switch {
	case !one && r.Method == http.MethodPost:
		id = a.put(body)
		w.Header().Set("Location", "/v1/users/"+id)
		w.WriteHeader(http.StatusCreated)
		reply(w, map[string]any{"data": visible(a.items[id])})
	case !one:
		a.list(w, r)
	case a.items[id] == nil:
		http.Error(w, `{"error":{"message":"no such user"}}`, http.StatusNotFound)
	case r.Method == http.MethodDelete:
		delete(a.items, id)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPatch:
		maps.Copy(a.items[id], body)
	case r.Method == http.MethodPut:
		body["id"], body["created_at"] = a.items[id]["id"], "2026-01-01T00:00:00Z"
		a.items[id] = body
	default:
		reply(w, visible(a.items[id]))
	}
}

// visible is what the API tells: never a password.
func visible(fields map[string]any) map[string]any {
	out := maps.Clone(fields)
	delete(out, "password")
	return out
}

func reply(w io.Writer, v any) { _ = json.NewEncoder(w).Encode(v) }

func (a *api) list(w http.ResponseWriter, r *http.Request) {
	var all []any
	for _, id := range slices.Sorted(maps.Keys(a.items)) {
		all = append(all, visible(a.items[id]))
	}
	if a.pages == "" {
		reply(w, map[string]any{"data": all})
		return
	}
	from, _ := strconv.Atoi(r.URL.Query().Get(map[string]string{"link": "at", "page": "p", "cursor": "cursor"}[a.pages]))
	if a.pages == "page" {
		from = (from - 1) * 2
	}
	from = min(from, len(all))
	to := min(from+2, len(all))
	meta := map[string]any{}
	if to < len(all) {
		meta["next"] = strconv.Itoa(to)
		w.Header().Add("Link", fmt.Sprintf(`</v1/users?at=0>; rel="first", <%s/v1/users?at=%d>; rel="next"`, a.URL, to))
	}
	reply(w, map[string]any{"data": all[from:to], "meta": meta})
}

func (a *api) changes() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	log := a.log
	a.log = nil
	return log
}

// world is the API, a declaration, and what is recorded.
type world struct {
	t     *testing.T
	api   *api
	body  map[string]any
	state []reconcile.Resource
}

func newWorld(t *testing.T, more map[string]any) *world {
	t.Helper()
	w := &world{t: t, api: newAPI(t), body: map[string]any{"collection": "/users", "items": "/data", "item": "/users/{id}"}}
	maps.Copy(w.body, more)
	return w
}

// declare sets the objects: name and body in turn.
func (w *world) declare(objects ...any) {
	declared := map[string]any{}
	for i := 0; i < len(objects); i += 2 {
		declared[objects[i].(string)] = map[string]any{"body": objects[i+1]}
	}
	w.body["object"] = declared
}

func (w *world) open(phase abi.Phase) (*sdktest.Client, error) {
	c := sdktest.NewClient(sdk.NewObjects(description(), open))
	return c, c.Open(w.t.Context(), &abi.OpenRequest{
		Address: "rest.users", Kind: abi.KindResource, Phase: phase, Body: w.body,
		Provider: map[string]any{"base_url": w.api.URL + "/v1"},
	})
}

// plan reads and compares as the host does.
func (w *world) plan() ([]abi.ObjectAction, []reconcile.Resource, error) {
	c, err := w.open(abi.PhaseRead)
	if err != nil {
		return nil, nil, err
	}
	if err := c.Known(w.t.Context(), w.state); err != nil {
		return nil, nil, err
	}
	desired, err := c.LoadConfig(w.t.Context())
	if err != nil {
		return nil, nil, err
	}
	live, err := c.FetchLive(w.t.Context())
	if err != nil {
		return nil, nil, err
	}
	schema := description().Schema
	return sdktest.Actions(&schema, desired.Objects, live.Objects, w.state), live.Objects, nil
}

// apply plans, holds every request against the declared effect, and records.
func (w *world) apply() error {
	w.t.Helper()
	actions, _, err := w.plan()
	if err != nil {
		return err
	}
	return w.carry(actions)
}

func (w *world) carry(actions []abi.ObjectAction) error {
	w.t.Helper()
	reader, err := w.open(abi.PhaseRead)
	if err != nil {
		return err
	}
	effects, err := reader.Effects(w.t.Context(), actions)
	if err != nil {
		return err
	}
	writer, err := w.open(abi.PhaseWrite)
	if err != nil {
		return err
	}
	for i := range actions {
		before := len(w.api.log)
		if _, err := writer.Apply(w.t.Context(), &abi.ApplyRequest{ObjectAction: actions[i], Effects: effects[i], Key: "k"}); err != nil {
			return err
		}
		for _, done := range w.api.log[before:] {
			if want := effects[i][0].Operation + " " + strings.TrimPrefix(effects[i][0].Target, w.api.URL); len(effects[i]) != 1 || !strings.HasPrefix(done, want) {
				w.t.Errorf("%s is not the effect %v", done, effects[i])
			}
		}
	}
	w.record()
	return nil
}

// record keeps what is declared and live.
func (w *world) record() {
	w.t.Helper()
	_, live, err := w.plan()
	if err != nil {
		w.t.Fatal(err)
	}
	declared, _ := w.body["object"].(map[string]any)
	w.state = nil
	for _, o := range live {
		if declared[o.Name] != nil {
			o.Mode, o.UnmanagedReason = reconcile.ModeManaged, ""
			w.state = append(w.state, o)
		}
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// settled wants that nothing is left to do.
func (w *world) settled() {
	w.t.Helper()
	actions, _, err := w.plan()
	if err != nil || len(actions) != 0 {
		w.t.Errorf("not settled: %+v, %v", actions, err)
	}
}

func (w *world) wantChanges(want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.api.changes()); diff != "" {
		w.t.Error(diff)
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error is %q, want %q in it", err, part)
		}
	}
}

func TestLife(t *testing.T) {
	w := newWorld(t, map[string]any{"create": map[string]any{"id": "/data/id"}})
	w.api.put(map[string]any{"name": "theirs", "role": "owner"})
	w.declare("ann", map[string]any{"role": "admin", "tags": []any{"x", "y"}, "quota": int64(5)}, "bob", map[string]any{"role": "user"})
	w.must(w.apply())
	w.wantChanges(`POST /v1/users {"name":"ann","quota":5,"role":"admin","tags":["x","y"]}`, `POST /v1/users {"name":"bob","role":"user"}`)
	w.settled()
	if w.state[0].ExternalID != "102" {
		t.Errorf("state %+v", w.state)
	}

	w.api.items["102"]["role"] = "changed by hand"
	w.must(w.apply())
	w.wantChanges(`PUT /v1/users/102 {"name":"ann","quota":5,"role":"admin","tags":["x","y"]}`)
	w.settled()

	w.declare("ann", map[string]any{"role": "admin"})
	w.must(w.apply())
	w.wantChanges(`DELETE /v1/users/103`)
	w.settled()
	if _, there := w.api.items["101"]; !there {
		t.Error("what is not ours was deleted")
	}
}

// Fields that the server adds, at every depth, are no difference.
func TestServerAddsFields(t *testing.T) {
	w := newWorld(t, nil)
	w.declare("ann", map[string]any{"address": map[string]any{"city": "Bonn"}, "keys": []any{map[string]any{"k": "1"}, map[string]any{"k": "2"}}})
	w.must(w.apply())
	ann := w.api.items["101"]
	ann["etag"] = "v2"
	ann["address"].(map[string]any)["country"] = "DE"
	for i, key := range ann["keys"].([]any) {
		key.(map[string]any)["added"] = i
	}
	w.settled()
	ann["keys"] = append(ann["keys"].([]any), map[string]any{"k": "3"})
	if actions, _, err := w.plan(); err != nil || len(actions) != 1 || !slices.Equal(actions[0].Changed, []string{"keys"}) {
		t.Errorf("a third key is not seen: %+v, %v", actions, err)
	}
}

func TestUnordered(t *testing.T) {
	w := newWorld(t, map[string]any{"unordered": []any{"keys"}})
	w.declare("ann", map[string]any{"keys": []any{map[string]any{"k": "1"}, map[string]any{"k": "2"}}})
	w.must(w.apply())
	w.api.items["101"]["keys"] = []any{map[string]any{"k": "2", "x": 1}, map[string]any{"k": "1", "x": 2}}
	w.settled()
	w.api.items["101"]["keys"] = []any{map[string]any{"k": "2"}, map[string]any{"k": "2"}}
	if actions, _, err := w.plan(); err != nil || len(actions) != 1 {
		t.Errorf("a doubled member is not seen: %+v, %v", actions, err)
	}
}

func TestPatchSendsWhatChanged(t *testing.T) {
	w := newWorld(t, map[string]any{
		"read": "item", "write_only": []any{"password"},
		"update": map[string]any{"method": "PATCH", "query": map[string]any{"notify": "no one"}},
	})
	w.declare("ann", map[string]any{"role": "admin", "city": "Bonn", "password": "hidden"})
	w.must(w.apply())
	w.wantChanges(`POST /v1/users {"city":"Bonn","name":"ann","password":"hidden","role":"admin"}`)
	w.settled() // the API does not tell the password, and nobody asks
	w.api.items["101"]["city"] = "Ulm"
	w.must(w.apply())
	w.wantChanges(`PATCH /v1/users/101?notify=no%20one {"city":"Bonn","password":"hidden"}`)
	w.settled()
}

func TestMergedKeepsWhatTheServerHas(t *testing.T) {
	w := newWorld(t, map[string]any{"read": "item", "update": map[string]any{"body": "merged", "wrap": "/user", "with": map[string]any{"by": "cogplan"}}})
	w.declare("ann", map[string]any{"address": map[string]any{"city": "Bonn"}})
	id := w.api.put(map[string]any{"name": "ann", "address": map[string]any{"city": "Ulm", "zip": "1"}, "etag": "v1"})
	w.record() // taken over
	actions, _, err := w.plan()
	w.must(err)
	w.must(w.carry(actions))
	w.wantChanges(`PUT /v1/users/` + id + ` {"user":{"address":{"city":"Bonn","zip":"1"},"by":"cogplan","created_at":"2026-01-01T00:00:00Z","etag":"v1","id":101,"name":"ann"}}`)
}

func TestPages(t *testing.T) {
	for style, block := range map[string]map[string]any{
		"link":   {"style": "link"},
		"page":   {"style": "page", "parameter": "p"},
		"cursor": {"style": "cursor", "cursor": "/meta/next"},
	} {
		t.Run(style, func(t *testing.T) {
			w := newWorld(t, map[string]any{"pagination": block})
			w.api.pages = style
			for i := range 5 {
				w.api.put(map[string]any{"name": fmt.Sprintf("u%d", i)})
			}
			_, live, err := w.plan()
			if err != nil || len(live) != 5 {
				t.Errorf("%d items, %v", len(live), err)
			}
		})
	}
}

// A server that leads in circles or away is not followed.
func TestPagesThatLeadNowhere(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was followed") }))
	defer elsewhere.Close()
	for link, part := range map[string]string{
		elsewhere.URL + "/v1/users":     "at another origin",
		"http://127.0.0.1@evil.example": "at another origin",
		"//evil.example/users":          "at another origin",
		"/v1/users":                     "its next page is itself",
	} {
		w := newWorld(t, map[string]any{"pagination": map[string]any{"style": "link"}})
		w.api.answer = func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Link", "<"+link+`>; rel="next"`)
			reply(rw, map[string]any{"data": []any{}})
		}
		_, _, err := w.plan()
		wantError(t, err, part)
	}
	w := newWorld(t, map[string]any{"pagination": map[string]any{"style": "cursor", "cursor": "/next"}})
	w.api.answer = func(rw http.ResponseWriter, _ *http.Request) {
		reply(rw, map[string]any{"data": []any{}, "next": "same"})
	}
	_, _, err := w.plan()
	wantError(t, err, "the same cursor again")
}

// What changed since the plan is left alone.
func TestStale(t *testing.T) {
	tests := []struct {
		name   string
		change func(w *world)
		part   string
	}{
		{"changed", func(w *world) { w.api.items["101"]["role"] = "third" }, "not any more what the plan saw"},
		{"gone", func(w *world) { delete(w.api.items, "101") }, "not there any more"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.declare("ann", map[string]any{"role": "admin"})
			w.must(w.apply())
			w.declare("ann", map[string]any{"role": "user"})
			actions, _, err := w.plan()
			w.must(err)
			w.api.changes()
			tt.change(w)
			err = w.carry(actions)
			wantError(t, err, tt.part)
			if e, ok := errors.AsType[*abi.Error](err); !ok || e.Kind != abi.KindStale {
				t.Errorf("error %#v", err)
			}
			w.wantChanges()
		})
	}
	t.Run("made meanwhile", func(t *testing.T) {
		w := newWorld(t, nil)
		w.declare("ann", map[string]any{"role": "admin"})
		actions, _, err := w.plan()
		w.must(err)
		w.api.put(map[string]any{"name": "ann", "role": "other"})
		wantError(t, w.carry(actions), "exists by now")
		w.wantChanges()
	})
}

// An action that is tried again finds what the first attempt did.
func TestAgain(t *testing.T) {
	w := newWorld(t, nil)
	w.declare("ann", map[string]any{"role": "admin"})
	create, _, err := w.plan()
	w.must(err)
	w.must(w.carry(create))
	w.must(w.carry(create))
	w.declare("ann", map[string]any{"role": "user"})
	update, _, err := w.plan()
	w.must(err)
	w.must(w.carry(update))
	w.must(w.carry(update))
	w.declare()
	remove, _, err := w.plan()
	w.must(err)
	w.must(w.carry(remove))
	w.must(w.carry(remove))
	w.wantChanges(`POST /v1/users {"name":"ann","role":"admin"}`, `PUT /v1/users/101 {"name":"ann","role":"user"}`, `DELETE /v1/users/101`)
}

func TestFind(t *testing.T) {
	w := newWorld(t, map[string]any{"read": "item"})
	id := w.api.put(map[string]any{"name": "ann", "role": "admin"})
	c, err := w.open(abi.PhaseRead)
	w.must(err)
	for _, request := range []*abi.FindRequest{
		{ID: id, Object: sdk.Object(typeObject, "whatever", nil)},
		{Key: "k", Object: sdk.Object(typeObject, "ann", map[string]any{"name": "ann"})},
	} {
		found, err := c.Find(t.Context(), request)
		if err != nil || found == nil || found.ExternalID != id || found.Name != "ann" {
			t.Errorf("%+v: %+v, %v", request, found, err)
		}
	}
	if found, err := c.Find(t.Context(), &abi.FindRequest{Key: "k", Object: sdk.Object(typeObject, "bob", nil)}); err != nil || found != nil {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestStatuses(t *testing.T) {
	for status, want := range map[int]struct {
		kind abi.ErrorKind
		part string
	}{
		401: {abi.KindError, "does the grant name a credential"},
		409: {abi.KindStale, "status 409: it is so"},
		422: {abi.KindError, "status 422: it is so"},
		503: {abi.KindTemporary, "status 503"},
	} {
		w := newWorld(t, nil)
		w.api.answer = func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(status)
			reply(rw, map[string]any{"error": "it is so"})
		}
		_, _, err := w.plan()
		wantError(t, err, want.part, "GET "+w.api.URL+"/v1/users")
		if e, ok := errors.AsType[*abi.Error](err); !ok || e.Kind != want.kind {
			t.Errorf("%d: %#v", status, err)
		}
	}
	w := newWorld(t, map[string]any{"missing": []any{int64(422)}})
	w.api.answer = func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(422) }
	if _, live, err := w.plan(); err != nil || len(live) != 0 {
		t.Errorf("a missing collection: %v, %v", live, err)
	}
	w.api.answer = func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "<html>") }
	_, _, err := w.plan()
	wantError(t, err, "no JSON")
}

func TestExpect(t *testing.T) {
	w := newWorld(t, map[string]any{"create": map[string]any{"expect": []any{int64(202)}}})
	w.declare("ann", map[string]any{})
	wantError(t, w.apply(), "status 201")
}

// A name is a path's segment, whatever it holds.
func TestNamesInPaths(t *testing.T) {
	w := newWorld(t, map[string]any{"item": "/users/{label}", "id": "/none"})
	w.declare("a/b ü?#%..", map[string]any{})
	actions, _, err := w.plan()
	w.must(err)
	actions[0].Action, actions[0].Before = reconcile.ActionDelete, actions[0].Desired
	c, err := w.open(abi.PhaseRead)
	w.must(err)
	effects, err := c.Effects(t.Context(), actions)
	w.must(err)
	if want := w.api.URL + "/v1/users/a%2Fb%20%C3%BC%3F%23%25.."; effects[0][0].Target != want {
		t.Errorf("target %s, want %s", effects[0][0].Target, want)
	}
	actions[0].Name = ".."
	_, err = c.Effects(t.Context(), actions)
	wantError(t, err, "the segment ..")
}

func TestRefusedConfigurations(t *testing.T) {
	tests := []struct {
		name string
		body map[string]any
		part string
	}{
		{"pointer", map[string]any{"items": "data"}, "starts with a slash"},
		{"template", map[string]any{"item": "/users/{id"}, "does not end as {field}"},
		{"read without item", map[string]any{"read": "item", "item": nil}, "only where item is set"},
		{"cursor without pointer", map[string]any{"pagination": map[string]any{"style": "cursor"}}, "where the cursor stands"},
		{"label and name", map[string]any{"object": map[string]any{"ann": map[string]any{"body": map[string]any{"name": "bob"}}}}, `its fields make the name "bob"`},
		{"name of missing fields", map[string]any{"name": "{name} {type}", "object": map[string]any{"ann": map[string]any{"body": map[string]any{"name": "ann"}}}}, `there is no field "type"`},
		{"body is no object", map[string]any{"object": map[string]any{"ann": map[string]any{"body": "x"}}}, "want an object"},
		{"changed in a create", map[string]any{"create": map[string]any{"body": "changed"}}, "nothing has changed in a create"},
		{"status", map[string]any{"missing": []any{int64(42)}}, "want statuses"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.body)
			_, _, err := w.plan()
			wantError(t, err, tt.part)
			if e, ok := errors.AsType[*abi.Error](err); !ok || e.Kind != abi.KindConfig {
				t.Errorf("error %#v", err)
			}
		})
	}
	w := newWorld(t, nil)
	w.api.put(map[string]any{"name": "ann"})
	w.api.put(map[string]any{"name": "ann"})
	w.declare("ann", map[string]any{})
	_, _, err := w.plan()
	wantError(t, err, `two items of the collection are called "ann"`)
}

func TestExport(t *testing.T) {
	w := newWorld(t, nil)
	w.api.put(map[string]any{"name": "ann", "role": "admin"})
	c, err := w.open(abi.PhaseRead)
	w.must(err)
	body, err := c.Export(t.Context())
	w.must(err)
	want := map[string]any{
		"collection": "/users", "items": "/data", "item": "/users/{id}",
		"object": map[string]any{"ann": map[string]any{"body": map[string]any{"name": "ann", "role": "admin", "created_at": "2026-01-01T00:00:00Z"}}},
	}
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
}
