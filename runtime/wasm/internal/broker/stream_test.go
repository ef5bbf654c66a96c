package broker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// read reads a response to its end and closes it.
func read(t *testing.T, resp *Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	_ = resp.Body.Close()
	return string(body)
}

// pieces gives a text in pieces of random sizes.
type pieces struct {
	rest   string
	random *rand.Rand
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.rest == "" {
		return 0, io.EOF
	}
	n := copy(b, p.rest[:min(len(p.rest), 1+p.random.IntN(9))])
	p.rest = p.rest[n:]
	return n, nil
}

// However a text is cut into pieces, the stream takes out what would be taken out
// of the whole.
func TestRedactionOfStreams(t *testing.T) {
	credentials := []Credential{
		{Kind: CredentialBearer, Secret: "hunter2hunter2"},
		{Kind: CredentialBasic, Username: "u", Secret: "aaa"}, // overlaps itself
		{Kind: CredentialBearer, Secret: `a/b"c\d`},
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range credentials {
		r := newRedactor(&c)
		words := append([]string{"", "a", "aa", "hunter2", "hunter2hunter", "x", "u:", "\n", strings.Repeat("z", 40)}, c.forms()...)
		for range 2000 {
			var text strings.Builder
			for range random.IntN(12) {
				text.WriteString(words[random.IntN(len(words))])
			}
			got, err := io.ReadAll(iotest.OneByteReader(r.reader(&pieces{text.String(), random})))
			if want := r.text(text.String()); err != nil || string(got) != want {
				t.Fatalf("of %q: %q, %v, want %q", text.String(), got, err, want)
			}
		}
	}
}

// A stream that breaks off gives nothing of what may be half a secret.
func TestRedactionOfBrokenStreams(t *testing.T) {
	const secret = "hunter2hunter2"
	r := newRedactor(&Credential{Kind: CredentialBearer, Secret: secret})
	gone := errors.New("gone")
	for cut := range len(secret) {
		from := io.MultiReader(strings.NewReader(strings.Repeat("-", 100)+secret[:cut]), iotest.ErrReader(gone))
		got, err := io.ReadAll(r.reader(from))
		if !errors.Is(err, gone) || cut > 0 && strings.Contains(string(got), secret[:1]) {
			t.Errorf("cut after %d: %q, %v", cut, got, err)
		}
	}
}

func FuzzRedactionOfStreams(f *testing.F) {
	f.Add("secret", "a secret and a sec", uint64(1))
	f.Fuzz(func(t *testing.T, secret, text string, seed uint64) {
		if secret == "" {
			return
		}
		r := newRedactor(&Credential{Kind: CredentialBasic, Username: "u", Secret: secret})
		random := rand.New(rand.NewPCG(seed, 0))
		got, err := io.ReadAll(r.reader(&pieces{text, random}))
		if want := r.text(text); err != nil || string(got) != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	})
}

// The beginning of a response is there while the server has not sent its end.
func TestResponseIsStreamed(t *testing.T) {
	goOn := make(chan struct{})
	w := newWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(rw, strings.Repeat("-", 4096))
		_ = http.NewResponseController(rw).Flush()
		<-goOn
		_, _ = io.WriteString(rw, "end")
	})
	grant := w.grant("GET")
	grant.Credential = "it"
	s := open(t, Options{Grants: []reconcile.HTTPGrant{grant}, Credentials: map[string]Credential{"it": {Kind: CredentialBearer, Secret: "hunter2"}}}).Read()
	resp, err := s.Do(t.Context(), Request{Method: "GET", URL: w.URL})
	if err != nil {
		t.Fatal(err)
	}
	begin := make([]byte, 100)
	if _, err := io.ReadFull(resp.Body, begin); err != nil || resp.Size != abi.SizeUnknown {
		t.Error(err, resp.Size)
	}
	close(goOn)
	if rest := read(t, resp); len(begin)+len(rest) != 4096+3 || !strings.HasSuffix(rest, "end") {
		t.Errorf("%d bytes in all", len(begin)+len(rest))
	}
}

// What a server sends beyond the limit ends the response, whatever it promised.
func TestResponseBeyondTheLimit(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		for range 100 {
			_, _ = io.WriteString(rw, strings.Repeat("-", 100))
			_ = http.NewResponseController(rw).Flush()
		}
	})
	var uses []Use
	s := open(t, Options{
		Grants: []reconcile.HTTPGrant{w.grant("GET")}, Limits: reconcile.Limits{Response: 5000},
		Audit: func(u Use) { uses = append(uses, u) },
	}).Read()
	resp, err := s.Do(t.Context(), Request{Method: "GET", URL: w.URL})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	if !errors.Is(err, ErrLimit) || len(got) > 5000 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	_ = resp.Body.Close()
	if len(uses) != 1 || !strings.Contains(uses[0].Reason, "larger than 5000 bytes") || uses[0].Status != 200 {
		t.Errorf("audit %+v", uses)
	}
}

// A body that is a stream arrives whole, is sent once, and is cut at the cap; one
// that breaks off is no whole request to the server.
func TestRequestIsStreamed(t *testing.T) {
	type arrival struct {
		text string
		err  error
	}
	arrived := make(chan arrival, 10)
	text := strings.Repeat("0123456789", 50_000)
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		arrived <- arrival{string(body), err}
		if r.Header.Get("If-Match") != "" {
			rw.WriteHeader(http.StatusTooManyRequests)
		}
	})
	b := open(t, Options{Grants: []reconcile.HTTPGrant{w.grant("GET", "PUT")}})
	do := func(from io.Reader, size int64, header map[string][]string) (*Response, error) {
		s, err := b.Apply([]reconcile.Effect{{Capability: "http", Operation: "PUT", Target: w.URL + "/x"}})
		if err != nil {
			t.Fatal(err)
		}
		return s.Do(t.Context(), Request{Method: "PUT", URL: w.URL + "/x", Header: header, Stream: from, Size: size})
	}
	for _, size := range []int64{abi.SizeUnknown, int64(len(text))} {
		resp, err := do(strings.NewReader(text), size, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := <-arrived; got.text != text || got.err != nil {
			t.Errorf("size %d: %d bytes, %v", size, len(got.text), got.err)
		}
		_ = read(t, resp)
	}
	resp, err := do(strings.NewReader(text), int64(len(text)), map[string][]string{"If-Match": {"x"}})
	if err != nil || resp.Status != http.StatusTooManyRequests {
		t.Fatal(err)
	}
	_ = read(t, resp)
	if <-arrived; len(arrived) > 0 {
		t.Error("a stream was sent again")
	}
	for _, size := range []int64{abi.SizeUnknown, int64(len(text)) + 1} {
		_, err := do(io.MultiReader(strings.NewReader(text), iotest.ErrReader(errors.New("the guest went away"))), size, nil)
		if got := <-arrived; err == nil || got.err == nil {
			t.Errorf("size %d: the server got %d bytes and %v, the guest %v", size, len(got.text), got.err, err)
		}
	}
	if _, err := do(strings.NewReader(text), maxRequestBody+1, nil); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Error(err)
	}
}

// The cap holds for a body of which nobody knows the size.
func TestRequestBeyondTheCap(t *testing.T) {
	up := &upload{from: strings.NewReader("0123456789"), left: 5}
	if _, err := io.ReadAll(up); !errors.Is(err, ErrLimit) || !errors.Is(up.reason(fmt.Errorf("broken pipe")), ErrLimit) {
		t.Error(err)
	}
}

// BenchmarkRedaction looks for a secret in a body.
func BenchmarkRedaction(b *testing.B) {
	r := newRedactor(&Credential{Kind: CredentialBasic, Username: "admin", Secret: "a-long-enough-secret"})
	body := bytes.Repeat([]byte(`{"name": "www.example.org.", "type": "A", "ttl": 300}, `), 20_000)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := io.Copy(io.Discard, r.reader(bytes.NewReader(body))); err != nil {
			b.Fatal(err)
		}
	}
}
