package wasm_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm"
)

// river is a server with bodies that are larger than anybody should hold.
type river struct {
	*httptest.Server
	goOn, half chan struct{}
	// got is how much of an upload has arrived, and ended how it ended.
	got   atomic.Int64
	ended chan error
	extra http.HandlerFunc
}

func newRiver(t *testing.T, extra http.HandlerFunc) *river {
	t.Helper()
	s := &river{goOn: make(chan struct{}, 9), half: make(chan struct{}, 9), ended: make(chan error, 9), extra: extra}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /halves", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 2<<20))
		_ = http.NewResponseController(w).Flush()
		select {
		case <-s.goOn:
			_, _ = w.Write(make([]byte, 2<<20))
		case <-time.After(20 * time.Second):
		}
	})
	mux.HandleFunc("GET /halves/go", func(http.ResponseWriter, *http.Request) { s.goOn <- struct{}{} })
	mux.HandleFunc("GET /long", func(w http.ResponseWriter, _ *http.Request) {
		for range 200 {
			_, _ = w.Write(make([]byte, 1<<20))
		}
	})
	mux.HandleFunc("GET /cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "4000000")
		_, _ = w.Write(make([]byte, 1<<20))
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("POST /upload", func(w http.ResponseWriter, r *http.Request) {
		s.got.Store(0)
		buf := make([]byte, 64<<10)
		for {
			n, err := r.Body.Read(buf)
			s.got.Add(int64(n))
			if err != nil {
				s.ended <- err
				_, _ = fmt.Fprintf(w, "%d bytes, and the size was %d", s.got.Load(), r.ContentLength)
				return
			}
		}
	})
	mux.HandleFunc("GET /upload/half", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, "more than a MiB was there: %t", s.got.Load() > 1<<20)
	})
	mux.HandleFunc("POST /full", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusInsufficientStorage)
		_, _ = io.WriteString(w, "the disk is full")
	})
	mux.HandleFunc("GET /full/half", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /things/a", http.NotFound)
	if extra != nil {
		mux.HandleFunc("GET /extra", extra)
	}
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *river) does(t *testing.T, limits reconcile.Limits, act string) (log string, err error) {
	t.Helper()
	b := netBench(t, limits, reconcile.HTTPGrant{
		Origin: s.URL, Methods: []string{"GET", "PUT"}, ReadRoutes: []string{"POST /upload", "POST /full"}, Private: true, Credential: "key",
	})
	r := b.named("net.things", map[string]any{"base": s.URL, "things": map[string]any{"a": "x"}, "act": map[string]any{"live": act}})
	_, _, _, err = plan(t.Context(), r, nil)
	return b.log(), err
}

// A guest has the beginning of a body while the server has not sent its end, and
// the server the beginning of one while the guest has not made its end.
func TestHTTPStreams(t *testing.T) {
	s := newRiver(t, nil)
	tests := []struct{ name, act, want string }{
		{"response", "halves " + s.URL + "/halves", "halves: 1048576 and 3145728 bytes: <nil>"},
		{"request", "upload 6 6 " + s.URL + "/upload", "upload: 200 6291456 bytes, and the size was 6291456; 0 bytes were not read"},
		{"request while the guest still makes it", "upload 6 6 " + s.URL + "/upload", "more than a MiB was there: true"},
		{"request of unknown size", "upload 6 0 " + s.URL + "/upload", "upload: 200 6291456 bytes, and the size was -1; 0 bytes were not read"},
		{"small request of unknown size", "upload 1 0 " + s.URL + "/upload", "upload: 200 1048576 bytes"},
		{"response that breaks off", "halves " + s.URL + "/cut", "and 0 bytes: GET " + s.URL + "/cut: read the response: unexpected EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			log, err := s.does(t, reconcile.Limits{}, tt.act)
			if err != nil || !strings.Contains(log, tt.want) {
				t.Errorf("%v\n%s", err, log)
			}
		})
	}
}

// A server that answers before it has the whole body ends it: the guest gets the
// answer and does not wait for room.
func TestHTTPEarlyAnswer(t *testing.T) {
	s := newRiver(t, nil)
	log, err := s.does(t, reconcile.Limits{Timeout: 10 * time.Second}, "upload 64 64 "+s.URL+"/full")
	if err != nil || !strings.Contains(log, "upload: 507 the disk is full") {
		t.Errorf("%v\n%s", err, log)
	}
}

// A body that the guest does not finish never arrives whole.
func TestHTTPUnfinishedUpload(t *testing.T) {
	s := newRiver(t, nil)
	log, err := s.does(t, reconcile.Limits{}, "upload 4 8 "+s.URL+"/upload")
	if err != nil || !strings.Contains(log, "the source is dry") {
		t.Errorf("%v\n%s", err, log)
	}
	if ended := <-s.ended; errors.Is(ended, io.EOF) {
		t.Error("the server got a whole body")
	}
}

// Nobody holds a body of two hundred MiB: neither the host nor, with its 64 MiB,
// the guest.
func TestHTTPStreamsInLittleMemory(t *testing.T) {
	s := newRiver(t, nil)
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	var most atomic.Uint64
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				runtime.ReadMemStats(&now)
				most.Store(max(most.Load(), now.HeapInuse))
			}
		}
	}()
	log, err := s.does(t, reconcile.Limits{Response: 1 << 30, Memory: 64 << 20}, "stream "+s.URL+"/long")
	close(stop)
	if err != nil || !strings.Contains(log, "stream: 209715200 of -1 bytes") {
		t.Fatalf("%v\n%s", err, log)
	}
	if grown := int64(most.Load()) - int64(before.HeapInuse); grown > 64<<20 {
		t.Errorf("the host's heap grew by %d MiB", grown>>20)
	}
}

// A response beyond the limit fails the call when the limit is reached, whatever
// the guest makes of it.
func TestHTTPStreamBeyondTheLimit(t *testing.T) {
	s := newRiver(t, nil)
	_, err := s.does(t, reconcile.Limits{Response: 5 << 20}, "stream "+s.URL+"/long")
	wantFault(t, err, wasm.FaultLimit, "larger than 5242880 bytes", "limits { response }")
}

// A secret that a server sends in pieces is taken out as one in one piece is.
func TestHTTPCredentialEchoInPieces(t *testing.T) {
	s := newRiver(t, func(w http.ResponseWriter, r *http.Request) {
		for i := range len(apiKey) {
			_, _ = fmt.Fprint(w, "you said ", r.Header.Get("X-API-Key")[:i])
			_ = http.NewResponseController(w).Flush()
			time.Sleep(2 * time.Millisecond)
			_, _ = fmt.Fprint(w, r.Header.Get("X-API-Key")[i:], ".")
		}
	})
	log, err := s.does(t, reconcile.Limits{}, "GET "+s.URL+"/extra")
	if err != nil || strings.Count(log, "you said (secret).") != len(apiKey) || strings.Contains(log, apiKey[:6]) {
		t.Errorf("%v\n%s", err, log)
	}
}
