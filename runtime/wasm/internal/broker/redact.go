package broker

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// Redacted stands in for a secret wherever one was taken out.
const Redacted = "(secret)"

// redactor takes the forms of a secret out of what a server says. The longest form
// comes first; of several that begin at the same place it is the one taken out.
type redactor struct {
	forms   [][]byte
	longest int
	all     *strings.Replacer
}

// newRedactor is that of a credential; nil has no secret.
func newRedactor(c *Credential) *redactor {
	r := &redactor{}
	var pairs []string
	if c != nil {
		for _, form := range c.forms() {
			pairs = append(pairs, form, Redacted)
			r.forms = append(r.forms, []byte(form))
			r.longest = max(r.longest, len(form))
		}
	}
	r.all = strings.NewReplacer(pairs...)
	return r
}

func (r *redactor) empty() bool { return len(r.forms) == 0 }

func (r *redactor) text(s string) string { return r.all.Replace(s) }

// reader takes the secret out of a stream, also where it came in pieces. It holds
// back what may be the beginning of one.
func (r *redactor) reader(from io.Reader) io.Reader {
	return &redacting{redactor: r, from: from, raw: make([]byte, 0, redactPiece+r.longest)}
}

// redactPiece is how much is read of a stream at once.
const redactPiece = 32 << 10

type redacting struct {
	*redactor
	from io.Reader
	// raw was read and not looked at in full; clean may go to the guest.
	raw, clean []byte
	err        error
}

func (r *redacting) Read(b []byte) (int, error) {
	for len(r.clean) == 0 && r.err == nil && len(b) > 0 {
		n, err := r.from.Read(r.raw[len(r.raw) : len(r.raw)+redactPiece])
		r.raw = r.raw[:len(r.raw)+n]
		r.err = err
		r.look()
	}
	n := copy(b, r.clean)
	r.clean = r.clean[n:]
	if len(r.clean) == 0 && n == 0 && len(b) > 0 {
		return 0, r.err
	}
	return n, nil
}

// look moves on what is known to hold no secret. Of a stream that broke off the
// last bytes may be the beginning of one: they are dropped.
func (r *redacting) look() {
	r.clean = r.clean[:0]
	rest := r.raw
	for {
		at, size := r.first(rest)
		ended := errors.Is(r.err, io.EOF)
		if !ended && (size == 0 || len(rest)-at < r.longest) {
			// A longer form may begin there, and nobody has seen its end yet.
			at = min(at, max(len(rest)-r.longest+1, 0))
			size = 0
		}
		r.clean = append(r.clean, rest[:at]...)
		rest = rest[at:]
		if size == 0 {
			break
		}
		r.clean = append(r.clean, Redacted...)
		rest = rest[size:]
	}
	r.raw = append(r.raw[:0], rest...)
}

// first is where the first form begins and how long it is; the end and 0 where
// there is none.
func (r *redacting) first(data []byte) (at, size int) {
	at = len(data)
	for _, form := range r.forms {
		// Only one that begins before the others counts, or at the same place if
		// longer, and those come first.
		window := data[:min(len(data), at+len(form)-1)]
		if i := bytes.Index(window, form); i >= 0 && (i < at || size == 0) {
			at, size = i, len(form)
		}
	}
	return at, size
}
