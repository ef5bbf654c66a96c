package broker

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

const databasePassword = "pencil and paper"

// script is a server of PostgreSQL that says its lines, one after each message
// that it hears, and keeps what it heard.
type script struct {
	address string
	heard   chan []byte
}

func playing(t *testing.T, lines ...string) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &script{address: l.Addr().String(), heard: make(chan []byte, 100)}
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close() //nolint:errcheck // a test
		in := bufio.NewReader(conn)
		for i, line := range lines {
			if err := s.hear(in, i > 0); err != nil {
				break
			}
			if _, err := io.WriteString(conn, line); err != nil {
				break
			}
		}
		if len(lines) > 0 {
			rest, _ := io.ReadAll(in)
			s.heard <- rest
		}
		close(s.heard)
	}()
	return s
}

// hear takes a message, which but for the first begins with its kind.
func (s *script) hear(in *bufio.Reader, kind bool) error {
	head := make([]byte, 4)
	if kind {
		head = make([]byte, 5)
	}
	if _, err := io.ReadFull(in, head); err != nil {
		return err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[len(head)-4:])-4)
	_, err := io.ReadFull(in, body)
	s.heard <- append(head, body...)
	return err
}

// all is everything that the server has heard, once the connection is over.
func (s *script) all() string {
	var all []byte
	for part := range s.heard {
		all = append(all, part...)
	}
	return string(all)
}

func said(kind byte, body string) string {
	return string(kind) + string(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4))) + body
}

func asks(code uint32, data string) string {
	return said('R', string(binary.BigEndian.AppendUint32(nil, code))+data)
}

// begins is what a guest says first: that it is the administrator.
func begins() []byte {
	body := "\x00\x03\x00\x00user\x00postgres\x00database\x00shop\x00\x00"
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4)), body...)
}

func loginTo(t *testing.T, s *script) *Conn {
	t.Helper()
	b := open(t, Options{
		TCP:         []reconcile.TCPGrant{{Address: s.address, Private: true, Read: true, Credential: "db"}},
		Credentials: map[string]Credential{"db": {Kind: CredentialPostgres, Username: "app", Secret: databasePassword}},
	})
	conn, err := b.Read().Connect(t.Context(), s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Whatever a server asks that is not a proof it does not get, and one that
// proves nothing itself is not believed.
func TestPostgresServers(t *testing.T) {
	challenge := asks(10, "SCRAM-SHA-256-PLUS\x00SCRAM-SHA-256\x00\x00")
	salt := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef"))
	tests := []struct {
		name  string
		lines []string
		want  string
	}{
		{"asks for the password", []string{asks(3, "")}, "would give it away"},
		{"asks for MD5", []string{asks(5, "salt")}, "would give it away"},
		{"asks for something else", []string{asks(7, "")}, "would give it away"},
		{"offers another proof alone", []string{asks(10, "SCRAM-SHA-1\x00\x00")}, "no SCRAM-SHA-256"},
		{"asks again after the beginning", []string{challenge, asks(3, "")}, "would give it away"},
		{"lets in without a proof of its own", []string{challenge, asks(0, "")}, "had not proved anything"},
		{"another nonce", []string{challenge, asks(11, "r=mine,s="+salt+",i=4096")}, "cannot be read"},
		{"few rounds", []string{challenge, "SCRAM i=1"}, "wants 1 rounds"},
		{"rounds for hours", []string{challenge, "SCRAM i=2000000000"}, "wants 2000000000 rounds"},
		{"proves another password", []string{challenge, "SCRAM i=4096", asks(12, "v="+salt)}, "does not know the password itself"},
		{"a message without end", []string{"R\xff\xff\xff\xff"}, "does not speak its protocol"},
		{"another protocol", []string{"HTTP/1.1 400 Bad Request\r\n\r\n"}, "does not speak its protocol"},
		{"hangs up", nil, "log in to PostgreSQL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := playingScram(t, salt, tt.lines)
			conn := loginTo(t, s)
			_, err := conn.Write(begins())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want %q", err, tt.want)
			}
			if _, err := conn.Read(make([]byte, 1)); err == nil {
				t.Error("the guest hears something")
			}
			heard := s.all()
			if strings.Contains(heard, databasePassword) || strings.Contains(heard, "postgres") {
				t.Errorf("the server heard %q", heard)
			}
		})
	}
}

// playingScram fills in the nonce of the client, which only the connection knows.
func playingScram(t *testing.T, salt string, lines []string) *script {
	t.Helper()
	i := -1
	for n, line := range lines {
		if strings.HasPrefix(line, "SCRAM ") {
			i = n
		}
	}
	if i < 0 {
		return playing(t, lines...)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &script{address: l.Addr().String(), heard: make(chan []byte, 100)}
	go func() {
		defer close(s.heard)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close() //nolint:errcheck // a test
		in := bufio.NewReader(conn)
		for n, line := range lines {
			var message bytes.Buffer
			if s.hear(bufio.NewReader(io.TeeReader(in, &message)), n > 0) != nil {
				return
			}
			if n == i {
				_, nonce, _ := strings.Cut(message.String(), "r=")
				line = asks(11, "r="+nonce+"more,s="+salt+","+strings.TrimPrefix(line, "SCRAM "))
			}
			_, _ = io.WriteString(conn, line)
		}
		rest, _ := io.ReadAll(in)
		s.heard <- rest
	}()
	return s
}

// A guest that asks for encryption hears no, its user is not the one that is
// sent, and what it says before it is in waits.
func TestPostgresBeginning(t *testing.T) {
	s := playing(t, asks(0, "")+said('S', "server_version\x0015\x00"))
	conn := loginTo(t, s)
	asked := append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 8), postgresTLS), begins()...)
	asked = append(asked, said('Q', "SELECT 1\x00")...)
	for _, b := range asked { // one byte after the other
		if _, err := conn.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	want := "N" + asks(0, "") + said('S', "server_version\x0015\x00")
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Errorf("the guest hears %q, %v", got, err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	heard := s.all()
	if !strings.Contains(heard, "user\x00app\x00database\x00shop\x00\x00") || !strings.HasSuffix(heard, said('Q', "SELECT 1\x00")) || strings.Contains(heard, "postgres") {
		t.Errorf("the server heard %q", heard)
	}
}

// A refusal of the server is the guest's to tell.
func TestPostgresRefusal(t *testing.T) {
	refusal := said('E', "SFATAL\x00C28P01\x00Mpassword authentication failed\x00\x00")
	conn := loginTo(t, playing(t, refusal))
	if _, err := conn.Write(begins()); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(refusal))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != refusal {
		t.Errorf("%q, %v", got, err)
	}
}

// A connection that cancels a query is one on which nobody is logged in: it is no
// way around the login.
func TestPostgresCancel(t *testing.T) {
	cancel := "\x00\x00\x00\x10\x04\xd2\x16\x2e\x00\x00\x00\x01\x00\x00\x00\x02"
	s := playing(t, "")
	conn := loginTo(t, s)
	if _, err := conn.Write([]byte(cancel)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(begins()); err == nil {
		t.Error("more was said")
	}
	_ = conn.Close()
	if heard := s.all(); heard != cancel {
		t.Errorf("the server heard %q", heard)
	}
	for _, text := range []string{cancel + string(begins()), "\x00\x00\x00\x11" + cancel[4:] + "x"} {
		if _, err := loginTo(t, playing(t, "")).Write([]byte(text)); err == nil {
			t.Errorf("%q was said", text)
		}
	}
}

func TestPostgresGarbage(t *testing.T) {
	for name, text := range map[string]string{
		"too short":       "\x00\x00\x00\x04\x00\x03\x00\x00",
		"too long":        "\x7f\xff\xff\xff\x00\x03\x00\x00",
		"another version": "\x00\x00\x00\x09\x00\x02\x00\x00\x00",
		"no end":          "\x00\x00\x00\x0e\x00\x03\x00\x00user\x00x",
		"HTTP":            "GET / HTTP/1.1\r\n\r\n",
	} {
		conn := loginTo(t, playing(t, asks(0, "")))
		if _, err := conn.Write([]byte(text)); err == nil || !strings.Contains(err.Error(), "no connection to PostgreSQL begins like that") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Who closes lets go of who reads, also before there is anything to read.
func TestPostgresClose(t *testing.T) {
	conn := loginTo(t, playing(t, asks(0, "")))
	done := make(chan error, 1)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		done <- err
	}()
	_ = conn.Close()
	select {
	case err := <-done:
		if err == nil {
			t.Error("there was something to read")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it still reads")
	}
}

// The example of RFC 7677.
func TestScram(t *testing.T) {
	s := &scram{password: "pencil", nonce: "rOprNGfwEbeRWgbNEkqO", firstOwn: "n=user,r=rOprNGfwEbeRWgbNEkqO"}
	const server = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
	final, err := s.final(server)
	if err != nil || final != "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=" {
		t.Errorf("%q, %v", final, err)
	}
	if err := s.verify("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="); err != nil || !s.verified {
		t.Error(err)
	}
	if _, err := newScram("pass\u00e9"); err == nil {
		t.Error("a password beyond ASCII is taken")
	}
}

// Whatever guest and server say, nothing breaks, and nothing gives the password
// or lets in another user.
func FuzzPostgresBeginning(f *testing.F) {
	challenge := asks(10, "SCRAM-SHA-256\x00\x00")
	f.Add(begins(), []byte(asks(0, "")))
	f.Add(begins(), []byte(challenge+asks(11, "r=x,s=AAAA,i=4096")))
	f.Add(begins(), []byte(challenge+asks(12, "v=AAAA")))
	f.Add(begins(), []byte(said('N', "notice")+said('E', "refused")))
	f.Add([]byte("\x00\x00\x00\x08\x04\xd2\x16\x2f"), []byte("R\x00\x00\x00\x04"))
	f.Add([]byte("\x00\x00\x00\x10\x04\xd2\x16\x2e\x00\x00\x00\x01\x00\x00\x00\x02"), []byte{})
	f.Fuzz(func(t *testing.T, asked, told []byte) {
		ours, theirs := net.Pipe()
		heard := make(chan []byte)
		go func() {
			_, _ = theirs.Write(told)
			_ = theirs.SetReadDeadline(time.Now().Add(time.Second))
		}()
		go func() {
			all, _ := io.ReadAll(theirs)
			heard <- all
		}()
		conn := newPostgresConn(ours, Credential{Kind: CredentialPostgres, Username: "app", Secret: databasePassword})
		late := time.AfterFunc(100*time.Millisecond, func() { _ = conn.Close() }) // a server that says no more
		defer late.Stop()
		half := len(asked) / 2
		if _, err := conn.Write(asked[:half]); err == nil {
			_, _ = conn.Write(asked[half:])
		}
		_ = conn.Close()
		if all := <-heard; bytes.Contains(all, []byte(databasePassword)) {
			t.Errorf("the server heard the password: %q", all)
		}
	})
}

func FuzzScram(f *testing.F) {
	f.Add("r=nonce1,s=AAAA,i=4096", "v=AAAA")
	f.Add("r=nonce1,s=,i=0", "e=other-error")
	f.Fuzz(func(t *testing.T, challenge, proof string) {
		s := &scram{password: databasePassword, nonce: "nonce"}
		if final, err := s.final(challenge); err == nil && strings.Contains(final, databasePassword) {
			t.Error("it tells the password")
		}
		if s.verify(proof) == nil && !s.verified {
			t.Error("it believes without having seen a proof")
		}
	})
}
