package pipe

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/cogplan/cogplan/runtime/wasm/internal/guestfs"
)

// Config is what a worker has to know before its first call. It goes over the
// pipe as JSON, once.
type Config struct {
	// CacheDir holds this module's compiled form.
	CacheDir string `json:"cache_dir"`
	// Tag is part of the names of temporary files.
	Tag    string          `json:"tag"`
	Mounts []guestfs.Mount `json:"mounts"`
	Files  guestfs.Limits  `json:"files"`
	// Memory of one instance, in bytes.
	Memory int64 `json:"memory"`
	// Output is the largest reply, in bytes.
	Output int64 `json:"output"`
	// Log is the most that one instance may log, in bytes.
	Log int64 `json:"log"`
	// CPU is the processor time of the process; 0 is no limit.
	CPU  time.Duration `json:"cpu"`
	Time time.Time     `json:"time"`
	// Alone says that nothing in the process waits for the network: it begins
	// with one thread, which spares the handing over between threads, and takes
	// more when there are many files to look at or to write.
	Alone bool `json:"alone"`
}

// Status says how a call went.
type Status byte

// The statuses.
const (
	// OK: the reply is the answer.
	OK Status = iota
	// GuestError: the reply is the guest's error message.
	GuestError
	// Trapped: the instance died; Detail says of what. It is gone.
	Trapped
	// Broken: the guest broke the protocol; Detail says how. The instance is gone.
	Broken
	// Exceeded: the instance met a limit; Detail says which. It is gone.
	Exceeded
	// Lost: the guest succeeded, but what it wrote could not be kept.
	Lost
)

// OpenRequest makes an instance.
type OpenRequest struct {
	// Instance is its number, chosen by the parent.
	Instance uint32
	// Write is the phase: false for reading.
	Write bool
	// Shared says that the instance may have served another session of the same
	// phase, and may serve more of them. There are no secrets in any of them.
	Shared bool
	// Seed is the source of the instance's randomness.
	Seed [32]byte
}

// CallRequest calls an instance that reads.
type CallRequest struct {
	Instance uint32
	Op       int32
	Body     []byte
}

// ApplyRequest carries out actions one by one. The worker stops at the first
// that breaks the rules or kills the instance.
type ApplyRequest struct {
	Instance uint32
	Op       int32
	Items    []ApplyItem
}

// ApplyItem is one action: what it may do, and the message for the guest.
type ApplyItem struct {
	Effects []guestfs.Effect
	Body    []byte
}

// Outcome is how a call went.
type Outcome struct {
	Status Status
	Detail string
	Report guestfs.Report
	// Body is the guest's reply.
	Body []byte
}

var errMalformed = errors.New("malformed message")

// Append encodes the request.
func (m *OpenRequest) Append(b []byte) []byte {
	b = appendUint(b, m.Instance)
	b = appendBool(appendBool(b, m.Write), m.Shared)
	return append(b, m.Seed[:]...)
}

// ParseOpen decodes an [OpenRequest].
func ParseOpen(data []byte) (m OpenRequest, err error) {
	p := parser{data: data}
	m.Instance, m.Write, m.Shared = p.uint(), p.bool(), p.bool()
	copy(m.Seed[:], p.take(len(m.Seed)))
	return m, p.finish()
}

// Append encodes the request without its body, which follows as it is.
func (m *CallRequest) Append(b []byte) []byte {
	return appendUint(appendUint(b, m.Instance), uint32(m.Op))
}

// ParseCall decodes a [CallRequest].
func ParseCall(data []byte) (m CallRequest, err error) {
	p := parser{data: data}
	m.Instance, m.Op = p.uint(), int32(p.uint())
	if p.err == nil {
		m.Body = p.data
	}
	return m, p.err
}

// Append encodes the request.
func (m *ApplyRequest) Append(b []byte) []byte {
	b = appendUint(appendUint(b, m.Instance), uint32(m.Op))
	b = appendUint(b, uint32(len(m.Items)))
	for i := range m.Items {
		b = appendUint(b, uint32(len(m.Items[i].Effects)))
		for _, e := range m.Items[i].Effects {
			b = appendText(appendText(b, e.Op), e.Path)
		}
		b = appendBytes(b, m.Items[i].Body)
	}
	return b
}

// ParseApply decodes an [ApplyRequest].
func ParseApply(data []byte) (m ApplyRequest, err error) {
	p := parser{data: data}
	m.Instance, m.Op = p.uint(), int32(p.uint())
	for range p.count() {
		var item ApplyItem
		for range p.count() {
			item.Effects = append(item.Effects, guestfs.Effect{Op: p.text(), Path: p.text()})
		}
		item.Body = p.bytes()
		m.Items = append(m.Items, item)
	}
	return m, p.finish()
}

// AppendHead encodes the outcome without its body, which follows as it is.
func (m *Outcome) AppendHead(b []byte) []byte {
	b = append(b, byte(m.Status))
	b = appendText(b, m.Detail)
	b = appendUint(b, uint32(len(m.Report.Violations)))
	for _, v := range m.Report.Violations {
		b = appendText(appendText(appendText(b, v.Op), v.Path), v.Why)
	}
	b = appendUint(appendUint(b, uint32(m.Report.Unnoted)), uint32(len(m.Report.Uses)))
	for _, u := range m.Report.Uses {
		b = appendText(appendText(b, u.Op), u.Path)
	}
	b = appendTexts(b, m.Report.Missing)
	b = appendTexts(b, m.Report.Problems)
	return appendBool(appendBool(b, m.Report.Limited), m.Report.Unwritten)
}

// ParseOutcome decodes an [Outcome].
func ParseOutcome(data []byte) (m Outcome, err error) {
	p := parser{data: data}
	if s := p.take(1); s != nil {
		m.Status = Status(s[0])
	}
	m.Detail = p.text()
	for range p.count() {
		m.Report.Violations = append(m.Report.Violations, guestfs.Violation{Op: p.text(), Path: p.text(), Why: p.text()})
	}
	m.Report.Unnoted = int(p.uint())
	for range p.count() {
		m.Report.Uses = append(m.Report.Uses, guestfs.Use{Op: p.text(), Path: p.text()})
	}
	m.Report.Missing = p.texts()
	m.Report.Problems = p.texts()
	m.Report.Limited, m.Report.Unwritten = p.bool(), p.bool()
	if m.Status > Lost {
		p.fail()
	}
	m.Body = p.data
	return m, p.err
}

// AppendApplied encodes the index in front of an outcome.
func AppendApplied(b []byte, index int) []byte { return appendUint(b, uint32(index)) }

// ParseApplied decodes the outcome of one action.
func ParseApplied(data []byte) (index int, m Outcome, err error) {
	p := parser{data: data}
	index = int(p.uint())
	if p.err != nil {
		return 0, m, p.err
	}
	m, err = ParseOutcome(p.data)
	return index, m, err
}

func appendUint(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(b, v) }

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendText(b []byte, s string) []byte { return append(appendUint(b, uint32(len(s))), s...) }

func appendBytes(b, s []byte) []byte { return append(appendUint(b, uint32(len(s))), s...) }

func appendTexts(b []byte, list []string) []byte {
	b = appendUint(b, uint32(len(list)))
	for _, s := range list {
		b = appendText(b, s)
	}
	return b
}

// parser reads a message; the first mistake sticks.
type parser struct {
	data []byte
	err  error
}

func (p *parser) fail() {
	p.err, p.data = errMalformed, nil
}

func (p *parser) take(n int) []byte {
	if p.err != nil || n < 0 || n > len(p.data) {
		p.fail()
		return nil
	}
	out := p.data[:n:n]
	p.data = p.data[n:]
	return out
}

func (p *parser) uint() uint32 {
	if b := p.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// count is a number of things that follow, each of at least four bytes.
func (p *parser) count() int {
	n := int(p.uint())
	if n > len(p.data)/4 {
		p.fail()
		return 0
	}
	return n
}

func (p *parser) bool() bool {
	b := p.take(1)
	return b != nil && b[0] == 1
}

func (p *parser) bytes() []byte { return p.take(int(p.uint())) }

func (p *parser) text() string { return string(p.bytes()) }

func (p *parser) texts() []string {
	var list []string
	for range p.count() {
		list = append(list, p.text())
	}
	return list
}

func (p *parser) finish() error {
	if p.err == nil && len(p.data) != 0 {
		p.fail()
	}
	return p.err
}
