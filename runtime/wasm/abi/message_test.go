package abi

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

func object(name string) reconcile.Resource {
	return reconcile.Resource{
		Type: "file", Name: name, Mode: reconcile.ModeManaged, ExternalID: "id-" + name,
		Attributes: map[string]any{"mode": "0644", "size": int64(3), "tags": []any{"a", nil}},
	}
}

func full(name string) reconcile.Resource {
	r := object(name)
	r.Mode, r.ParentAddress, r.ParentID, r.UnmanagedReason = reconcile.ModeUnmanaged, "p", "pid", "not ours"
	return r
}

func schema() reconcile.Schema {
	inner := reconcile.Block{
		Doc: "d", Deprecated: "use x",
		Attributes: []reconcile.Attribute{
			{Name: "a", Type: `"string"`, Required: true, Sensitive: true, OneOf: []string{"x", "y"}, Pattern: "x|y", Doc: "D", Deprecated: "no"},
			{Name: "b", Type: `["list","number"]`, Optional: true, Computed: true, Default: []any{int64(1)}},
		},
	}
	return reconcile.Schema{
		Version: 3, Resource: reconcile.Block{Blocks: []reconcile.NestedBlock{
			{Type: "m", Nesting: reconcile.NestingMap, Label: "path", Min: 1, Max: 9, Block: inner},
			{Type: "s", Nesting: reconcile.NestingSingle},
		}},
		Data: &inner, Config: &inner,
		Objects: []reconcile.ObjectType{{Name: "file", Doc: "a file", UniqueIDs: true, Attributes: []reconcile.ObjectAttribute{
			{Name: "x", Computed: true, Sensitive: true, Immutable: true, Unordered: true, Payload: true, Doc: "d"}, {Name: "y"},
		}}},
	}
}

// message pairs one encoder with its decoder.
type message struct {
	name   string
	value  any
	encode func(b []byte) ([]byte, error)
	decode func(data []byte) (any, error)
}

func pair[T any](name string, v T, encode func([]byte) ([]byte, error), decode func([]byte, Limits) (T, error)) message {
	return message{name, v, encode, func(data []byte) (any, error) { return decode(data, DefaultLimits()) }}
}

func messages() []message {
	one, two := object("a"), full("b")
	effects := []reconcile.Effect{{Capability: "file", Operation: "write", Target: "out/a"}}
	action := ObjectAction{
		Action: reconcile.ActionUpdate, Type: "file", Name: "a", ID: "1",
		Before: &one, Desired: &two, Changed: []string{"mode"},
	}
	create := ObjectAction{Action: reconcile.ActionCreate, Type: "file", Name: "a", Desired: &one}
	failure := &Error{Kind: KindConfig, Message: "m", Path: []any{"file", "a", int64(2)}, RetryAfter: 5, CreatedID: "c"}
	open := &OpenRequest{Address: `file.site["eu"]`, Kind: KindData, Phase: PhaseWrite, Provider: map[string]any{"x": true}, Body: map[string]any{"root": "out"}, Features: []string{FeatureSHA256}, Env: map[string]string{"LANG": "C", "A": ""}}
	known := &KnownRequest{Objects: []reconcile.Resource{one, two}}
	fetched := &Batch{Objects: []reconcile.Resource{one}, Warnings: []string{"w"}, Outputs: map[string]any{"o": int64(1)}}
	more := &Batch{Objects: []reconcile.Resource{one}, More: true}
	built := &Batch{Metadata: map[string]any{"k": "v"}}
	askEffects := &EffectsRequest{Actions: []ObjectAction{action, create}}
	sayEffects := &EffectsAnswer{Effects: [][]reconcile.Effect{effects, {}}}
	apply := &ApplyRequest{ObjectAction: action, Effects: effects, Key: "run:file.site", Details: map[string]any{"d": nil}}
	applied := &ApplyAnswer{CreatedID: "1", Object: &one, Warnings: []string{"w"}}
	find := &FindRequest{Key: "k", ID: "1", Object: one}
	found := &FindAnswer{Object: &one}
	export := &ExportAnswer{Body: map[string]any{"root": "out"}, Warnings: []string{"w"}}
	state := &StateRequest{State: &StateHead{Version: 1, Lineage: "l", Serial: 4, GeneratedAt: "t", Metadata: map[string]any{"a": int64(1)}}}
	plan := &PlanBatch{
		Actions:  []reconcile.Action{{Action: reconcile.ActionSkip, ResourceType: "file", Name: "a", Details: map[string]any{"reason": "same"}}},
		Warnings: []string{"w"}, Summary: &reconcile.Summary{Creates: 1, Updates: 2, Deletes: 3, Skipped: 4}, Metadata: map[string]any{"a": true},
	}
	describe := &DescribeRequest{Host: "cogplan 1", Revision: 2, Features: []string{"x"}}
	described := &DescribeAnswer{
		Revision: 0, Abilities: []Ability{AbilityEffects, AbilityFind},
		Description: reconcile.Description{
			Name: "file", Version: "1.0.0", Doc: "doc", Plans: true, Schema: schema(),
			Capabilities: []reconcile.Capability{{Kind: "write", Detail: "./out", Reason: "r", Optional: true}},
		},
	}
	status := reconcile.ResourceStatus{Sync: reconcile.SyncStatusSynced, Health: reconcile.HealthDegraded, Operation: reconcile.OperationIdle, Message: "m"}
	stat := &FileStatRequest{Paths: []string{"/out/a", "/b"}, Digest: true}
	stated := &FileStatAnswer{Files: []FileInfo{
		{Kind: FileRegular, Mode: 0o644, Size: 3, SHA256: "ab"}, {Kind: FileFailed, Error: "e"},
	}}
	chmod, chmodded := &FileChmodRequest{Path: "/a", Mode: 0}, &FileChmodAnswer{Error: "e"}
	start := &HTTPStartRequest{Method: "PUT", URL: "https://a/b", Header: map[string][]string{"A": {"1", "2"}, "B": {""}}, Size: 5}
	started, wait := &HTTPStartAnswer{Handle: 7}, &HTTPWaitRequest{Handles: []uint32{1, 7}, Timeout: -1}
	waited := &HTTPWaitAnswer{Ready: []uint32{7}}
	waitTCP, waitedTCP := &HTTPWaitRequest{Read: []uint32{3}, Write: []uint32{3, 4}, Timeout: 100}, &HTTPWaitAnswer{Read: []uint32{3}, Write: []uint32{4}}
	connect, connected := &TCPConnectRequest{Address: "db:5432"}, &TCPConnectAnswer{Handle: 3}
	up, gone := &TCPState{State: TCPOpen}, &TCPState{State: TCPDown, Fault: HTTPLimit, Message: "m"}
	head := &HTTPHead{Status: 200, Header: map[string][]string{"Link": {"<x>"}}, Size: 1 << 20}
	refused := &HTTPHead{Size: SizeUnknown, Fault: HTTPViolation, Message: "m"}
	return []message{
		pair("http start", start, start.Append, DecodeHTTPStartRequest),
		pair("http started", started, started.Append, DecodeHTTPStartAnswer),
		pair("http wait", wait, wait.Append, DecodeHTTPWaitRequest),
		pair("http waited", waited, waited.Append, DecodeHTTPWaitAnswer),
		pair("tcp wait", waitTCP, waitTCP.Append, DecodeHTTPWaitRequest),
		pair("tcp waited", waitedTCP, waitedTCP.Append, DecodeHTTPWaitAnswer),
		pair("tcp connect", connect, connect.Append, DecodeTCPConnectRequest),
		pair("tcp connected", connected, connected.Append, DecodeTCPConnectAnswer),
		pair("tcp up", up, up.Append, DecodeTCPState),
		pair("tcp gone", gone, gone.Append, DecodeTCPState),
		pair("http head", head, head.Append, DecodeHTTPHead),
		pair("http refused", refused, refused.Append, DecodeHTTPHead),
		pair("stat", stat, stat.Append, DecodeFileStatRequest),
		pair("stated", stated, stated.Append, func(b []byte, l Limits) (*FileStatAnswer, error) { return DecodeFileStatAnswer(b, 2, l) }),
		pair("chmod", chmod, chmod.Append, DecodeFileChmodRequest),
		pair("chmodded", chmodded, chmodded.Append, DecodeFileChmodAnswer),
		pair("error", failure, failure.Append, DecodeErrorMessage),
		pair("empty", Empty{}, Empty{}.Append, DecodeEmpty),
		pair("open", open, open.Append, DecodeOpenRequest),
		pair("known", known, known.Append, DecodeKnownRequest),
		pair("fetch_live", fetched, fetched.Append, func(b []byte, l Limits) (*Batch, error) { return DecodeBatch(b, OpFetchLive, l) }),
		pair("load_config", more, more.Append, func(b []byte, l Limits) (*Batch, error) { return DecodeBatch(b, OpLoadConfig, l) }),
		pair("build_state", built, built.Append, func(b []byte, l Limits) (*Batch, error) { return DecodeBatch(b, OpBuildState, l) }),
		pair("effects request", askEffects, askEffects.Append, DecodeEffectsRequest),
		pair("effects answer", sayEffects, sayEffects.Append, func(b []byte, l Limits) (*EffectsAnswer, error) { return DecodeEffectsAnswer(b, 2, l) }),
		pair("apply", apply, apply.Append, DecodeApplyRequest),
		pair("applied", applied, applied.Append, DecodeApplyAnswer),
		pair("find", find, find.Append, DecodeFindRequest),
		pair("found", found, found.Append, DecodeFindAnswer),
		pair("export", export, export.Append, DecodeExportAnswer),
		pair("state", state, state.Append, DecodeStateRequest),
		pair("plan", plan, plan.Append, DecodePlanBatch),
		pair("describe", describe, describe.Append, DecodeDescribeRequest),
		pair("described", described, described.Append, func(b []byte, l Limits) (*DescribeAnswer, error) { return DecodeDescribeAnswer(b, 0, l) }),
		pair("health", status, func(b []byte) ([]byte, error) { return AppendHealth(b, status) }, DecodeHealth),
	}
}

func TestMessagesRoundTrip(t *testing.T) {
	for _, m := range messages() {
		t.Run(m.name, func(t *testing.T) {
			data, err := m.encode(nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(m.value, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever is cut off or added, no message is accepted.
func TestMessagesRefuseCutsAndTails(t *testing.T) {
	for _, m := range messages() {
		data, err := m.encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		for n := range data {
			if _, err := m.decode(data[:n]); err == nil {
				t.Errorf("%s: accepted the first %d of %d bytes", m.name, n, len(data))
			}
		}
		if _, err := m.decode(append(data, 0xc0)); err == nil {
			t.Errorf("%s: accepted a byte behind it", m.name)
		}
	}
}

// Each message is one map; a key that the specification does not name is
// refused wherever it stands in the map.
func TestMessagesRefuseUnknownAndDuplicateKeys(t *testing.T) {
	for _, m := range messages() {
		data, err := m.encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		d := NewDecoder(data, DefaultLimits())
		n := d.Map()
		body := data[d.pos:]
		unknown := append(AppendInt(AppendString(AppendMap(nil, n+1), "surprise"), 1), body...)
		if _, err := m.decode(unknown); err == nil || !strings.Contains(err.Error(), `unknown key "surprise"`) {
			t.Errorf("%s with an unknown key: %v", m.name, err)
		}
		if n == 0 {
			continue
		}
		twice := append(append(AppendMap(nil, 2*n), body...), body...)
		if _, err := m.decode(twice); err == nil || !strings.Contains(err.Error(), "twice") {
			t.Errorf("%s with duplicate keys: %v", m.name, err)
		}
	}
}

// The keys that a message may lack are those that its encoder leaves out; any
// other must be there.
func TestMessagesRefuseMissingKeys(t *testing.T) {
	empty := []byte{0x80}
	optional := map[string]bool{ // every key of these is optional
		"empty": true, "applied": true, "found": true, "state": true, "chmodded": true,
	}
	for _, m := range messages() {
		_, err := m.decode(empty)
		switch {
		case optional[m.name] && err != nil:
			t.Errorf("%s: an empty map is refused: %v", m.name, err)
		case !optional[m.name] && (err == nil || !strings.Contains(err.Error(), "is missing")):
			t.Errorf("%s: an empty map: %v", m.name, err)
		}
	}
}

func TestMessagesRefuseShapes(t *testing.T) {
	limits := DefaultLimits()
	var big Batch
	for i := range MaxBatch + 1 {
		big.Objects = append(big.Objects, object(strconv.Itoa(i)))
	}
	if _, err := big.Append(nil); err == nil || !strings.Contains(err.Error(), "1001 in one batch") {
		t.Errorf("encoding too large a batch: %v", err)
	}
	tests := []struct {
		name, want string
		value      any
		decode     func([]byte) error
	}{
		{"batch of 1001", "more than the limit of 1000", map[string]any{"objects": make([]any, 1001)}, batchOf(OpFetchLive)},
		{"no objects", `"objects" is missing`, map[string]any{}, batchOf(OpFetchLive)},
		{"outputs in load_config", "outputs belong", map[string]any{"objects": []any{}, "outputs": map[string]any{}}, batchOf(OpLoadConfig)},
		{"metadata in fetch_live", "metadata belongs", map[string]any{"objects": []any{}, "metadata": map[string]any{}}, batchOf(OpFetchLive)},
		{"endless empty batches", "says more", map[string]any{"objects": []any{}, "more": true}, batchOf(OpFetchLive)},
		{"object without name", `"name" is missing`, map[string]any{"objects": []any{map[string]any{"type": "f"}}}, batchOf(OpFetchLive)},
		{"object with empty name", "empty name", map[string]any{"objects": []any{map[string]any{"type": "f", "name": ""}}}, batchOf(OpFetchLive)},
		{"unknown mode", "unknown mode", map[string]any{"objects": []any{map[string]any{"type": "f", "name": "n", "mode": "x"}}}, batchOf(OpFetchLive)},
		{"address", `unknown key "address"`, map[string]any{"objects": []any{map[string]any{"type": "f", "name": "n", "address": "x"}}}, batchOf(OpFetchLive)},
		{"error of unknown kind", "unknown error kind", map[string]any{"kind": "x", "message": "m"}, errorOnly(DecodeErrorMessage)},
		{"error without message", `"message" is missing`, map[string]any{"kind": "error"}, errorOnly(DecodeErrorMessage)},
		{"error with odd path", "strings and integers", map[string]any{"kind": "error", "message": "m", "path": []any{true}}, errorOnly(DecodeErrorMessage)},
		{"skip applied", "a skip is no action", map[string]any{"action": "skip", "type": "f", "name": "n", "key": "k", "effects": []any{}}, errorOnly(DecodeApplyRequest)},
		{"plan without summary", "no summary", map[string]any{"actions": []any{}}, errorOnly(DecodePlanBatch)},
		{"plan with unknown action", "unknown action", map[string]any{"actions": []any{map[string]any{"action": "nuke", "type": "f", "name": "n"}}}, errorOnly(DecodePlanBatch)},
		{"half a summary", `"updates" is missing`, map[string]any{"actions": []any{}, "summary": map[string]any{"creates": 1}}, errorOnly(DecodePlanBatch)},
		{"half a state", `"lineage" is missing`, map[string]any{"state": map[string]any{"version": 1}}, errorOnly(DecodeStateRequest)},
		{"negative summary", "outside of 0", map[string]any{"actions": []any{}, "summary": map[string]any{"creates": -1}}, errorOnly(DecodePlanBatch)},
		{"newer revision", "outside of 0 to 0", map[string]any{"revision": 1}, func(b []byte) error { _, err := DecodeDescribeAnswer(b, 0, limits); return err }},
		{"unknown ability", "unknown ability", map[string]any{"abilities": []any{"fly"}}, func(b []byte) error { _, err := DecodeDescribeAnswer(b, 0, limits); return err }},
		{"effects of too few", "effects of 1 actions, want 2", map[string]any{"effects": []any{[]any{}}}, func(b []byte) error { _, err := DecodeEffectsAnswer(b, 2, limits); return err }},
		{"effect without target", `"target" is missing`, map[string]any{"effects": []any{[]any{map[string]any{"capability": "file", "operation": "write"}}}}, func(b []byte) error { _, err := DecodeEffectsAnswer(b, 1, limits); return err }},
		{"health of unknown status", "unknown value", map[string]any{"sync": "Fine"}, errorOnly(DecodeHealth)},
		{"stat of too few", "another number", map[string]any{"files": []any{}}, func(b []byte) error { _, err := DecodeFileStatAnswer(b, 2, limits); return err }},
		{"chmod setuid", "outside of 0 to 511", map[string]any{"path": "a", "mode": 0o4755}, errorOnly(DecodeFileChmodRequest)},
		{"null name", "want a string, have nil", map[string]any{"objects": []any{map[string]any{"type": "f", "name": nil}}}, batchOf(OpFetchLive)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data, err := AppendValue(nil, tt.value)
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.decode(data); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func batchOf(op Op) func([]byte) error {
	return func(b []byte) error { _, err := DecodeBatch(b, op, DefaultLimits()); return err }
}

func errorOnly[T any](decode func([]byte, Limits) (T, error)) func([]byte) error {
	return func(b []byte) error { _, err := decode(b, DefaultLimits()); return err }
}

func TestOpNames(t *testing.T) {
	for op := OpDescribe; op <= OpExport; op++ {
		if op.String() == "" || strings.Contains(op.String(), "unknown") {
			t.Errorf("operation %d has no name", op)
		}
	}
	for _, op := range []Op{-1, 0, OpExport + 1} {
		if op.String() != "unknown operation" {
			t.Errorf("operation %d is %q", op, op)
		}
	}
}

// FuzzMessages hands arbitrary bytes to every decoder; what is accepted must
// encode and decode to the same value.
func FuzzMessages(f *testing.F) {
	list := messages()
	for i, m := range list {
		data, err := m.encode(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(i, data)
	}
	f.Fuzz(func(t *testing.T, i int, data []byte) {
		if i < 0 {
			return
		}
		m := list[i%len(list)]
		v, err := m.decode(data)
		if err != nil {
			return
		}
		w, ok := v.(interface {
			Append(b []byte) ([]byte, error)
		})
		if !ok {
			return
		}
		again, err := w.Append(nil)
		if err != nil {
			return // a value at the depth limit of the decoder, above the encoder's
		}
		twice, err := m.decode(again)
		if err != nil {
			t.Fatalf("%s: own encoding refused: %v", m.name, err)
		}
		third, err := twice.(interface {
			Append(b []byte) ([]byte, error)
		}).Append(nil)
		if err != nil || !bytes.Equal(again, third) {
			t.Fatalf("%s: does not settle: %v", m.name, err)
		}
	})
}

func benchBatch() *Batch {
	m := &Batch{}
	for i := range MaxBatch {
		attrs := map[string]any{}
		for k := range 10 {
			key := "attribute_" + strconv.Itoa(k)
			switch k % 4 {
			case 0:
				attrs[key] = "value-" + strconv.Itoa(i*k)
			case 1:
				attrs[key] = int64(i * k)
			case 2:
				attrs[key] = k%3 == 0
			case 3:
				attrs[key] = []any{"a", "b"}
			}
		}
		m.Objects = append(m.Objects, reconcile.Resource{Type: "record", Name: "name-" + strconv.Itoa(i), Attributes: attrs})
	}
	return m
}

// The two benchmarks handle 10,000 objects of ten attributes in ten batches.
func BenchmarkEncode10000(b *testing.B) {
	m := benchBatch()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		for range 10 {
			buf, _ = m.Append(buf[:0])
		}
	}
	b.SetBytes(int64(10 * len(buf)))
}

func BenchmarkDecode10000(b *testing.B) {
	data, err := benchBatch().Append(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(10 * len(data)))
	b.ReportAllocs()
	for b.Loop() {
		for range 10 {
			if _, err := DecodeBatch(data, OpFetchLive, DefaultLimits()); err != nil {
				b.Fatal(err)
			}
		}
	}
}
