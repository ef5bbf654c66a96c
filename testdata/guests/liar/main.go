// Command liar is a guest that speaks the protocol by hand, and wrongly: what
// the sdk makes impossible. The argument lie of its resource says how; without
// one it is the honest twin, with one object that is always as declared. It is
// built for tests of the host:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o liar.wasm ./testdata/guests/liar
//
// Each lie is told in answer to load_config, if its comment says nothing else.
package main

import (
	"bytes"
	"strconv"
	"strings"
	"unsafe"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

//go:wasmimport cogplan_v1 take
func take(ptr unsafe.Pointer, size uint32) int32

//go:wasmimport cogplan_v1 reply
func reply(ptr unsafe.Pointer, size uint32) int32

//go:wasmexport cogplan_abi_v1
func version() int32 { return abi.Version }

//go:wasmexport cogplan_call
func call(op, size int32) int32 {
	request := make([]byte, size)
	if take(unsafe.Pointer(unsafe.SliceData(request)), uint32(size)) != size {
		panic("no request")
	}
	words, status := honest(abi.Op(op), request)
	if lie := lies[told]; lie != nil {
		words, status = lie(abi.Op(op), words, status)
	}
	if told == "nothing" && abi.Op(op) == abi.OpLoadConfig {
		return status // returns 0 and never replied
	}
	say(words)
	if told == "twice" && abi.Op(op) == abi.OpLoadConfig {
		say(words) // a second reply to one call
	}
	return status
}

func say(answer []byte) { reply(unsafe.Pointer(unsafe.SliceData(answer)), uint32(len(answer))) }

func main() {}

// told is the lie of this session.
var told string

// lies change what the honest twin answers.
var lies = map[string]func(op abi.Op, answer []byte, status int32) ([]byte, int32){
	// A status that is neither answer nor error.
	"status": func(op abi.Op, answer []byte, status int32) ([]byte, int32) {
		if op == abi.OpLoadConfig {
			return answer, 7
		}
		return answer, status
	},
	// An error without a kind.
	"error": func(op abi.Op, answer []byte, status int32) ([]byte, int32) {
		if op == abi.OpLoadConfig {
			return []byte("\x81\xa7message\xa1x"), abi.StatusError
		}
		return answer, status
	},
	"kind":        instead("\x82\xa4kind\xa3odd\xa7message\xa1x"),                                                                                         // a message of another form
	"empty":       instead(""),                                                                                                                            // no message at all
	"nil":         instead("\xc0"),                                                                                                                        // a message that is no map
	"cut":         instead("\x81\xa7objects\x91\x82\xa4type\xa5thing"),                                                                                    // half a message
	"tail":        instead("\x81\xa7objects\x90\x90"),                                                                                                     // bytes after it
	"unknown":     instead("\x82\xa7objects\x90\xa8surprise\x01"),                                                                                         // an unknown key
	"duplicate":   instead("\x82\xa7objects\x90\xa7objects\x90"),                                                                                          // a key twice
	"extension":   instead("\x81\xa7objects\xd6\xff\x00\x00\x00\x00"),                                                                                     // a timestamp
	"binary":      instead("\x81\xa7objects\x91\x82\xa4type\xa5thing\xa4name\xc4\x01a"),                                                                   // binary data
	"utf8":        instead("\x81\xa7objects\x91\x82\xa4type\xa5thing\xa4name\xa1\xff"),                                                                    // a name that is not UTF-8
	"nan":         instead("\x81\xa7objects\x91\x83\xa4type\xa5thing\xa4name\xa1a\xa5attrs\x81\xa1n\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"),                 // a number that is none
	"claim":       instead("\x81\xa7objects\xdd\xff\xff\xff\xff"),                                                                                         // four billion objects in five bytes
	"claimstring": instead("\x81\xa7objects\x91\x82\xa4type\xdb\xff\xff\xff\xff"),                                                                         // a string of four gigabytes
	"unnamed":     instead("\x81\xa7objects\x91\x82\xa4type\xa5thing\xa4name\xa0"),                                                                        // an object without a name
	"foreign":     instead("\x81\xa7objects\x91\x82\xa4type\xa3odd\xa4name\xa1a"),                                                                         // a type that the schema does not have
	"same":        instead("\x81\xa7objects\x92\x82\xa4type\xa5thing\xa4name\xa1a\x82\xa4type\xa5thing\xa4name\xa1a"),                                     // one object twice
	"outputs":     instead("\x82\xa7objects\x90\xa7outputs\x80"),                                                                                          // outputs where they do not belong
	"endless":     instead("\x82\xa7objects\x90\xa4more\xc3"),                                                                                             // empty batches without an end
	"deep":        instead("\x81\xa7objects" + strings.Repeat("\x91", 100_000) + "\xc0"),                                                                  // nested 100,000 deep
	"crowd":       instead("\x81\xa7objects\xdc\x03\xe9" + strings.Repeat("\x82\xa4type\xa5thing\xa4name\xa1a", 1001)),                                    // 1,001 objects in a batch
	"many":        instead("\x81\xa7objects\x91\x83\xa4type\xa5thing\xa4name\xa1a\xa5attrs\x81\xa1l\xdd\x00\x20\x00\x00" + strings.Repeat("\x90", 1<<21)), // two million empty lists
	// Batches without an end, each with an object of its own: the answer to
	// load_config and to every next.
	"forever": func(op abi.Op, answer []byte, status int32) ([]byte, int32) {
		if op != abi.OpLoadConfig && op != abi.OpNext {
			return answer, status
		}
		serial++
		b := &abi.Batch{More: true, Objects: []reconcile.Resource{{Type: "thing", Name: "n" + strconv.Itoa(serial)}}}
		data, _ := b.Append(nil)
		return data, abi.StatusAnswer
	},
	// The answer is that of another operation.
	"confused": func(op abi.Op, answer []byte, status int32) ([]byte, int32) {
		if op == abi.OpEffects || op == abi.OpLoadConfig {
			return []byte("\x81\xaacreated_id\xa1x"), status
		}
		return answer, status
	},
	// Effects of fewer actions than were asked about: the answer to effects.
	"few": func(op abi.Op, answer []byte, status int32) ([]byte, int32) {
		if op == abi.OpEffects {
			return []byte("\x81\xa7effects\x90"), status
		}
		return answer, status
	},
	// Control characters, escape sequences of terminals and workflow commands
	// in a warning.
	"terminal": func(op abi.Op, answer []byte, status int32) ([]byte, int32) {
		if op != abi.OpLoadConfig {
			return answer, status
		}
		b := &abi.Batch{Warnings: []string{"\x1b]0;owned\x07\x1b[2J::error::owned\n::set-output name=x::y\r\u202egnp.exe"}}
		data, _ := b.Append(nil)
		return data, status
	},
}

var serial int

// instead answers load_config with those bytes.
func instead(text string) func(abi.Op, []byte, int32) ([]byte, int32) {
	return func(op abi.Op, answer []byte, status int32) ([]byte, int32) {
		if op == abi.OpLoadConfig {
			return bytes.Clone([]byte(text)), abi.StatusAnswer
		}
		return answer, status
	}
}

// honest is the twin: the things are declared, and none exists until it is made.
func honest(op abi.Op, request []byte) ([]byte, int32) {
	m, err := answer(op, request)
	if err == nil {
		var data []byte
		if data, err = m.Append(nil); err == nil {
			return data, abi.StatusAnswer
		}
	}
	data, _ := (&abi.Error{Kind: abi.KindError, Message: err.Error()}).Append(nil)
	return data, abi.StatusError
}

type message interface {
	Append(b []byte) ([]byte, error)
}

var things, known []reconcile.Resource

func answer(op abi.Op, request []byte) (message, error) {
	limits := abi.DefaultLimits()
	switch op {
	case abi.OpDescribe:
		return &abi.DescribeAnswer{Description: description, Abilities: []abi.Ability{abi.AbilityEffects}}, nil
	case abi.OpOpen:
		m, err := abi.DecodeOpenRequest(request, limits)
		if err == nil {
			open(m)
		}
		return abi.Empty{}, err
	case abi.OpKnown:
		m, err := abi.DecodeKnownRequest(request, limits)
		if err == nil {
			known = append(known, m.Objects...)
		}
		return abi.Empty{}, err
	case abi.OpLoadConfig:
		return &abi.Batch{Objects: things}, nil
	case abi.OpFetchLive:
		return &abi.Batch{Objects: known}, nil
	case abi.OpEffects:
		m, err := abi.DecodeEffectsRequest(request, limits)
		if err != nil {
			return nil, err
		}
		return &abi.EffectsAnswer{Effects: make([][]reconcile.Effect, len(m.Actions))}, nil
	case abi.OpApply:
		_, err := abi.DecodeApplyRequest(request, limits)
		return &abi.ApplyAnswer{}, err
	case abi.OpClose:
		return abi.Empty{}, nil
	default:
		return nil, &abi.Error{Message: "unsupported"}
	}
}

func open(m *abi.OpenRequest) {
	told, _ = m.Body["lie"].(string)
	names, _ := m.Body["things"].([]any)
	for _, name := range names {
		text, _ := name.(string)
		things = append(things, reconcile.Resource{Type: "thing", Name: text})
	}
}

var description = reconcile.Description{
	Name: "liar", Version: "1.0.0",
	Schema: reconcile.Schema{
		Version: 1,
		Resource: reconcile.Block{Attributes: []reconcile.Attribute{
			{Name: "lie", Type: `"string"`, Optional: true},
			{Name: "things", Type: `["list","string"]`, Optional: true},
		}},
		Objects: []reconcile.ObjectType{{Name: "thing"}},
	},
}
