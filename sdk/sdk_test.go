package sdk_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/sdk"
	"github.com/cogplan/cogplan/sdk/sdktest"
)

// shelf is a small provider: boxes on a shelf that lives in the test.
type shelf struct {
	session *sdk.Session
	boxes   map[string]string
	count   int64
	fail    string
}

func (s *shelf) Desired(context.Context) ([]reconcile.Resource, error) {
	if s.fail == "panic" {
		panic("the shelf fell down")
	}
	var out []reconcile.Resource
	for i := range s.count {
		out = append(out, sdk.Object("box", "box-"+strconv.FormatInt(i, 10), map[string]any{"label": "x"}))
	}
	if s.fail == "value" {
		out = append(out, sdk.Object("box", "odd", map[string]any{"label": struct{}{}}))
	}
	if s.fail == "late" {
		s.session.Body().Fail("count", "found out late")
	}
	s.session.Warn("a warning")
	return out, nil
}

func (s *shelf) Live(_ context.Context, q sdk.Query) ([]reconcile.Resource, error) {
	var out []reconcile.Resource
	out = append(out, q.Known...)
	out = append(out, sdk.Unmanaged("box", "desired-"+strconv.Itoa(len(q.Desired)), "why not", nil))
	return out, nil
}

func (s *shelf) Create(_ context.Context, c sdk.Change) (sdk.Applied, error) {
	switch c.Name {
	case "busy":
		return sdk.Applied{}, sdk.Temporary("the shelf is busy", 1500*time.Millisecond)
	case "half":
		return sdk.Applied{ID: "id-half"}, errors.New("made, and then broken")
	case "wrapped":
		return sdk.Applied{}, fmt.Errorf("put it there: %w", sdk.Stale("moved"))
	}
	s.boxes[c.Name] = c.Key
	return sdk.Applied{ID: "id-" + c.Name, Object: c.Desired}, nil
}

func (s *shelf) Update(context.Context, sdk.Change) (sdk.Applied, error) {
	return sdk.Applied{}, errors.New("bad \xff byte")
}

func (s *shelf) Delete(_ context.Context, c sdk.Change) error {
	delete(s.boxes, c.Name)
	return nil
}

func (s *shelf) Outputs(context.Context) (map[string]any, error) {
	return map[string]any{"height": int64(3)}, nil
}

func (s *shelf) Find(_ context.Context, l sdk.Lookup) (*reconcile.Resource, error) {
	if l.Key != "k" {
		return nil, nil
	}
	o := sdk.Object("box", l.Object.Name, nil)
	return &o, nil
}

func shelfServer(boxes map[string]string, options ...sdk.Option) *sdk.Server {
	open := func(_ context.Context, session *sdk.Session) (*shelf, error) {
		b := session.Body()
		s := &shelf{session: session, boxes: boxes, count: b.Int("count"), fail: b.String("fail")}
		return s, nil
	}
	d := reconcile.Description{Name: "shelf", Version: "1", Schema: reconcile.Schema{Version: 1}}
	return sdk.NewObjects(d, open, options...)
}

func openShelf(t *testing.T, body map[string]any, phase abi.Phase) (*sdktest.Client, map[string]string) {
	t.Helper()
	boxes := map[string]string{}
	c := sdktest.NewClient(shelfServer(boxes))
	if err := c.Open(t.Context(), &abi.OpenRequest{Address: "shelf.a", Kind: abi.KindResource, Phase: phase, Body: body}); err != nil {
		t.Fatal(err)
	}
	return c, boxes
}

func wantError(t *testing.T, err error, kind abi.ErrorKind, text string) {
	t.Helper()
	e := message(t, err)
	if e.Kind != kind || !strings.Contains(e.Message, text) {
		t.Errorf("%s: %q, want %s: %q", e.Kind, e.Message, kind, text)
	}
}

func message(t *testing.T, err error) *abi.Error {
	t.Helper()
	e, ok := errors.AsType[*abi.Error](err)
	if !ok {
		t.Fatalf("%v is no error message", err)
	}
	return e
}

func TestAbilitiesAreThoseOfTheType(t *testing.T) {
	d, err := sdktest.NewClient(shelfServer(nil)).Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]abi.Ability{abi.AbilityFind, abi.AbilityReopen}, d.Abilities); diff != "" {
		t.Error(diff)
	}
	if d.Description.Plans {
		t.Error("it does not plan")
	}
}

func TestBatches(t *testing.T) {
	for _, n := range []int{0, 1, 999, 1000, 1001, 2500} {
		c, _ := openShelf(t, map[string]any{"count": int64(n)}, abi.PhaseRead)
		got, err := c.LoadConfig(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Objects) != n || len(got.Warnings) != 1 {
			t.Errorf("%d objects and %d warnings, want %d and 1", len(got.Objects), len(got.Warnings), n)
		}
	}
}

func TestBatchesAreCutByBytes(t *testing.T) {
	d := reconcile.Description{Name: "big", Version: "1", Schema: reconcile.Schema{Version: 1}}
	server := sdk.NewObjects(d, func(_ context.Context, s *sdk.Session) (*big, error) { return &big{}, nil })
	c := sdktest.NewClient(server)
	if err := c.Open(t.Context(), &abi.OpenRequest{Address: "big.a", Kind: abi.KindResource, Phase: abi.PhaseRead, Body: map[string]any{}}); err != nil {
		t.Fatal(err)
	}
	data, err := c.Raw(t.Context(), abi.OpLoadConfig, []byte{0x80})
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for op := abi.OpLoadConfig; ; op = abi.OpNext {
		b, err := abi.DecodeBatch(data, abi.OpLoadConfig, abi.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 6<<20 {
			t.Errorf("a batch of %d bytes after %s", len(data), op)
		}
		total += len(b.Objects)
		if !b.More {
			break
		}
		if data, err = c.Raw(t.Context(), abi.OpNext, []byte{0x80}); err != nil {
			t.Fatal(err)
		}
	}
	if total != 20 {
		t.Errorf("%d objects", total)
	}
}

type big struct{ shelf }

func (*big) Desired(context.Context) ([]reconcile.Resource, error) {
	var out []reconcile.Resource
	for i := range 20 {
		out = append(out, sdk.Object("box", strconv.Itoa(i), map[string]any{"content": strings.Repeat("x", 1<<20)}))
	}
	return out, nil
}

func TestFetchLiveLoadsByItself(t *testing.T) {
	c, _ := openShelf(t, map[string]any{"count": int64(7)}, abi.PhaseRead)
	if err := c.Known(t.Context(), []reconcile.Resource{sdk.Object("box", "a", nil)}); err != nil {
		t.Fatal(err)
	}
	got, err := c.FetchLive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Objects) != 2 || got.Objects[1].Name != "desired-7" || got.Outputs["height"] != int64(3) {
		t.Errorf("%v", got)
	}
}

func TestNextNeedsSomething(t *testing.T) {
	c, _ := openShelf(t, map[string]any{"count": int64(2000)}, abi.PhaseRead)
	_, err := c.Raw(t.Context(), abi.OpNext, []byte{0x80})
	wantError(t, err, abi.KindError, "next without")
	if _, err := c.Raw(t.Context(), abi.OpLoadConfig, []byte{0x80}); err != nil {
		t.Fatal(err)
	}
	if err := c.Known(t.Context(), []reconcile.Resource{sdk.Object("box", "a", nil)}); err != nil {
		t.Fatal(err)
	}
	_, err = c.Raw(t.Context(), abi.OpNext, []byte{0x80})
	wantError(t, err, abi.KindError, "next without")
}

func apply(t *testing.T, c *sdktest.Client, kind reconcile.ActionType, name string) (*abi.ApplyAnswer, error) {
	t.Helper()
	o := sdk.Object("box", name, map[string]any{"label": "x"})
	a := abi.ObjectAction{Action: kind, Type: "box", Name: name}
	if kind != reconcile.ActionCreate {
		a.Before = &o
	}
	if kind != reconcile.ActionDelete {
		a.Desired = &o
	}
	return c.Apply(t.Context(), &abi.ApplyRequest{ObjectAction: a, Key: "run:" + name})
}

func TestApply(t *testing.T) {
	c, boxes := openShelf(t, map[string]any{}, abi.PhaseWrite)
	got, err := apply(t, c, reconcile.ActionCreate, "new")
	if err != nil || got.CreatedID != "id-new" || got.Object.Name != "new" || boxes["new"] != "run:new" {
		t.Errorf("%v %v %v", got, err, boxes)
	}
	if _, err := apply(t, c, reconcile.ActionDelete, "new"); err != nil || len(boxes) != 0 {
		t.Errorf("%v %v", err, boxes)
	}
	_, err = apply(t, c, reconcile.ActionCreate, "busy")
	wantError(t, err, abi.KindTemporary, "busy")
	if e := message(t, err); e.RetryAfter != 1500 {
		t.Errorf("after %d", e.RetryAfter)
	}
	_, err = apply(t, c, reconcile.ActionCreate, "half")
	wantError(t, err, abi.KindError, "then broken")
	if e := message(t, err); e.CreatedID != "id-half" {
		t.Errorf("the ID of what was created is lost: %v", e)
	}
	_, err = apply(t, c, reconcile.ActionCreate, "wrapped")
	wantError(t, err, abi.KindStale, "put it there: moved")
	_, err = apply(t, c, reconcile.ActionUpdate, "x")
	wantError(t, err, abi.KindError, "bad \uFFFD byte")
}

func TestApplyNeedsItsObjectsAndPhase(t *testing.T) {
	c, _ := openShelf(t, map[string]any{}, abi.PhaseWrite)
	for _, kind := range []reconcile.ActionType{reconcile.ActionCreate, reconcile.ActionUpdate, reconcile.ActionDelete} {
		_, err := c.Apply(t.Context(), &abi.ApplyRequest{ObjectAction: abi.ObjectAction{Action: kind, Type: "box", Name: "x"}, Key: "k"})
		wantError(t, err, abi.KindUnsupported, "without the")
	}
	c, boxes := openShelf(t, map[string]any{}, abi.PhaseRead)
	_, err := apply(t, c, reconcile.ActionCreate, "new")
	wantError(t, err, abi.KindError, "only reads")
	if len(boxes) != 0 {
		t.Error("applied in a session that reads")
	}
}

func TestMistakesOfTheProvider(t *testing.T) {
	c, _ := openShelf(t, map[string]any{"fail": "panic"}, abi.PhaseRead)
	_, err := c.LoadConfig(t.Context())
	wantError(t, err, abi.KindError, "panicked during load_config: the shelf fell down")
	_, err = c.FetchLive(t.Context())
	wantError(t, err, abi.KindError, "not asked again")

	c, _ = openShelf(t, map[string]any{"fail": "value"}, abi.PhaseRead)
	_, err = c.LoadConfig(t.Context())
	wantError(t, err, abi.KindError, "label: a value of a type that no message can hold")

	c, _ = openShelf(t, map[string]any{"fail": "late"}, abi.PhaseRead)
	_, err = c.LoadConfig(t.Context())
	wantError(t, err, abi.KindConfig, "found out late")
	if e := message(t, err); !cmp.Equal(e.Path, []any{"count"}) {
		t.Errorf("%v", e.Path)
	}
}

func TestSessions(t *testing.T) {
	server := shelfServer(map[string]string{})
	c := sdktest.NewClient(server)
	_, err := c.LoadConfig(t.Context())
	wantError(t, err, abi.KindError, "load_config needs an open session")
	open := &abi.OpenRequest{Address: "shelf.a", Kind: abi.KindResource, Phase: abi.PhaseRead, Body: map[string]any{"count": "three"}}
	err = c.Open(t.Context(), open)
	wantError(t, err, abi.KindConfig, "want a whole number")
	e := message(t, err)
	if diff := cmp.Diff([]any{"count"}, e.Path); diff != "" {
		t.Error(diff)
	}
	open.Body = map[string]any{}
	if err := c.Open(t.Context(), open); err != nil {
		t.Fatal(err)
	}
	wantError(t, c.Open(t.Context(), open), abi.KindError, "open already")
	for _, op := range []abi.Op{abi.OpHealth, abi.OpExport} {
		_, err := c.Raw(t.Context(), op, []byte{0x80})
		wantError(t, err, abi.KindUnsupported, "")
	}
	_, err = c.Plan(t.Context(), nil)
	wantError(t, err, abi.KindUnsupported, "leaves planning to the host")
	_, err = c.BuildState(t.Context(), nil)
	wantError(t, err, abi.KindUnsupported, "leaves the state")
	_, err = c.Effects(t.Context(), []abi.ObjectAction{{Action: reconcile.ActionDelete, Type: "box", Name: "x"}})
	wantError(t, err, abi.KindUnsupported, "no effects")
	found, err := c.Find(t.Context(), &abi.FindRequest{Key: "k", Object: sdk.Object("box", "x", nil)})
	if err != nil || found == nil || found.Name != "x" {
		t.Errorf("%v %v", found, err)
	}
	found, err = c.Find(t.Context(), &abi.FindRequest{Key: "other", Object: sdk.Object("box", "x", nil)})
	if err != nil || found != nil {
		t.Errorf("%v %v", found, err)
	}
	_, err = c.Raw(t.Context(), 99, []byte{0x80})
	wantError(t, err, abi.KindUnsupported, "unknown operation")
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestData(t *testing.T) {
	read := func(_ context.Context, s *sdk.Session) (map[string]any, error) {
		return map[string]any{"doubled": 2 * s.Body().Int("n")}, nil
	}
	c := sdktest.NewClient(shelfServer(nil, sdk.WithData(read)))
	open := &abi.OpenRequest{Address: "data.shelf.a", Kind: abi.KindData, Phase: abi.PhaseRead, Body: map[string]any{"n": int64(21)}}
	if err := c.Open(t.Context(), open); err != nil {
		t.Fatal(err)
	}
	got, err := c.FetchLive(t.Context())
	if err != nil || got.Outputs["doubled"] != int64(42) {
		t.Errorf("%v %v", got, err)
	}
	wantError(t, sdktest.NewClient(shelfServer(nil)).Open(t.Context(), open), abi.KindUnsupported, "no data blocks")
}

func TestBody(t *testing.T) {
	values := map[string]any{
		"s": "text", "b": true, "i": int64(7), "f": 1.5, "whole": 3.0, "none": nil,
		"list": []any{"a", "b"}, "map": map[string]any{"k": "v"},
		"single": map[string]any{"x": "1"},
		"many":   []any{map[string]any{"x": "1"}, map[string]any{"x": int64(2)}},
		"named":  map[string]any{"b": map[string]any{"x": "2"}, "a": map[string]any{"x": false}},
	}
	b := sdk.NewBody(values)
	single, ok := b.Block("single")
	_, none := b.Block("missing")
	got := []any{
		b.String("s"), b.Bool("b"), b.Int("i"), b.Int("whole"), b.Float("f"), b.Float("i"), b.String("none"), b.Has("none"), b.Has("s"),
		b.Strings("list"), b.Strings("missing"), b.Map("map"), ok, none, single.String("x"),
		len(b.Blocks("many")), b.Blocks("many")[0].String("x"), b.LabeledBlocks("named")[0].Label, b.LabeledBlocks("named")[1].String("x"),
	}
	want := []any{
		"text", true, int64(7), int64(3), 1.5, 7.0, "", false, true,
		[]string{"a", "b"},
		[]string(nil),
		map[string]string{"k": "v"},
		true, false, "1",
		2, "1", "a", "2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if b.Err() != nil {
		t.Error(b.Err())
	}
	for name, tt := range map[string]struct {
		read func(b sdk.Body)
		path []any
	}{
		"string":        {func(b sdk.Body) { b.String("i") }, []any{"i"}},
		"fraction":      {func(b sdk.Body) { b.Int("f") }, []any{"f"}},
		"list of other": {func(b sdk.Body) { b.Strings("many") }, []any{"many"}},
		"in a list":     {func(b sdk.Body) { b.Blocks("many")[1].String("x") }, []any{"many", int64(1), "x"}},
		"in a map":      {func(b sdk.Body) { b.LabeledBlocks("named")[0].String("x") }, []any{"named", "a", "x"}},
		"not a block":   {func(b sdk.Body) { b.Blocks("list") }, []any{"list", int64(0)}},
		"not blocks":    {func(b sdk.Body) { b.LabeledBlocks("map") }, []any{"map", "k"}},
		"first counts":  {func(b sdk.Body) { b.Fail("one", "1"); b.Fail("two", "2") }, []any{"one"}},
		"block itself":  {func(b sdk.Body) { b.LabeledBlocks("named")[1].Fail("", "no") }, []any{"named", "b"}},
	} {
		b := sdk.NewBody(values)
		tt.read(b)
		var e *abi.Error
		if !errors.As(b.Err(), &e) || !cmp.Equal(tt.path, e.Path) {
			t.Errorf("%s: %v, want the path %v", name, b.Err(), tt.path)
		}
	}
}

func TestSHA256(t *testing.T) {
	data := make([]byte, 200_000)
	_, _ = rand.Read(data)
	var session *sdk.Session
	server := sdk.NewObjects(reconcile.Description{}, func(_ context.Context, s *sdk.Session) (*shelf, error) {
		session = s
		return &shelf{}, nil
	})
	if err := sdktest.NewClient(server).Open(t.Context(), &abi.OpenRequest{
		Address: "a", Kind: abi.KindResource, Phase: abi.PhaseRead, Body: map[string]any{}, Features: []string{abi.FeatureSHA256},
	}); err != nil {
		t.Fatal(err)
	}
	want := sha256.Sum256(data)
	if got := session.SHA256(data); got != want {
		t.Error("the digest of bytes is wrong")
	}
	got, size, err := session.SHA256Reader(bytes.NewReader(data), make([]byte, 999))
	if got != want || size != int64(len(data)) || err != nil {
		t.Errorf("the digest of a reader is wrong: %d %v", size, err)
	}
}

func TestTypes(t *testing.T) {
	for got, want := range map[string]string{
		sdk.ListOf(sdk.TypeString):                      `["list","string"]`,
		sdk.MapOf(sdk.SetOf(sdk.TypeBool)):              `["map",["set","bool"]]`,
		sdk.ObjectOf("a", sdk.TypeNumber, "b", `"any"`): `["object",{"a":"number","b":"any"}]`,
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
