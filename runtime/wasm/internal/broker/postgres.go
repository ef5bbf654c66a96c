package broker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// The beginnings of connections to PostgreSQL, and the bounds of what is read
// while one begins.
const (
	postgresTLS     = 80877103
	postgresGSS     = 80877104
	postgresCancel  = 80877102
	maxPostgresAsk  = 10_000
	maxPostgresTell = 64 << 10
)

// postgresConn is a connection to PostgreSQL in which the host logs in. The
// guest begins as always, and is never asked for a password: it hears that it is
// in. From there on bytes go through as they are.
type postgresConn struct {
	net.Conn
	in    *bufio.Reader
	login Credential
	// asked is what the guest has said so far of its beginning; the writer's.
	asked []byte
	// over is set when the guest wanted nothing but to cancel a query: on such a
	// connection nobody is logged in, and nothing else is said.
	over bool
	// open is closed when bytes go through as they are, gone when they never will.
	open, gone chan struct{}
	once       sync.Once
	// news wake the reader.
	news chan struct{}

	mu sync.Mutex
	// told waits to be read by the guest, and why is the error of a beginning that
	// went wrong: whoever reads hears of it too, and perhaps first.
	told []byte
	why  error
}

func newPostgresConn(conn net.Conn, login Credential) *postgresConn {
	return &postgresConn{
		Conn: conn, in: bufio.NewReader(conn), login: login,
		open: make(chan struct{}), gone: make(chan struct{}), news: make(chan struct{}, 1),
	}
}

// startPostgresTLS asks the server for TLS, and takes no for no connection.
func startPostgresTLS(ctx context.Context, conn net.Conn) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	ask := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 8), postgresTLS)
	if _, err := conn.Write(ask); err != nil {
		return err
	}
	var answer [1]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return err
	}
	if answer[0] != 'S' {
		return errors.New("the server speaks no TLS, and the grant says `tls = true`")
	}
	return nil
}

// Read gives the guest what it is told, and later what the server says.
func (c *postgresConn) Read(p []byte) (int, error) {
	for {
		if n := c.tellInto(p); n > 0 {
			return n, nil
		}
		select {
		case <-c.news:
			continue
		case <-c.gone:
			return 0, c.reason()
		case <-c.open:
		}
		if n := c.tellInto(p); n > 0 {
			return n, nil
		}
		return c.in.Read(p)
	}
}

func (c *postgresConn) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.why != nil {
		return c.why
	}
	return net.ErrClosed
}

func (c *postgresConn) tellInto(p []byte) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := copy(p, c.told)
	c.told = c.told[n:]
	return n
}

func (c *postgresConn) tell(data ...byte) {
	c.mu.Lock()
	c.told = append(c.told, data...)
	c.mu.Unlock()
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// Close ends the connection, and lets go of who reads.
func (c *postgresConn) Close() error {
	c.once.Do(func() { close(c.gone) })
	return c.Conn.Close()
}

// CloseWrite is for after the beginning; before, the guest has given up.
func (c *postgresConn) CloseWrite() error {
	select {
	case <-c.open:
	default:
		return c.Close()
	}
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

// Write takes the guest's beginning, logs in when it is whole, and passes on
// everything behind it.
func (c *postgresConn) Write(p []byte) (int, error) {
	select {
	case <-c.open:
		if c.over {
			return 0, errors.New("a connection that cancels a query carries nothing else")
		}
		return c.Conn.Write(p)
	default:
	}
	if c.asked = append(c.asked, p...); len(c.asked) > maxPostgresAsk+maxPostgresTell {
		return 0, errors.New("no connection to PostgreSQL begins like that")
	}
	if err := c.begin(); err != nil {
		c.mu.Lock()
		c.why = err
		c.mu.Unlock()
		_ = c.Close()
		return 0, err
	}
	return len(p), nil
}

func (c *postgresConn) begin() error {
	for {
		message, err := c.nextAsk()
		if message == nil || err != nil {
			return err
		}
		switch binary.BigEndian.Uint32(message[4:]) {
		case postgresTLS, postgresGSS:
			// Nobody but the host could look into that; it does so itself where the
			// grant says tls.
			c.tell('N')
			continue
		case postgresCancel:
			if c.over = true; len(message) != 16 || len(c.asked) > 0 {
				return errors.New("a connection that cancels a query carries nothing else")
			}
			_, err = c.Conn.Write(message)
		default:
			err = c.logIn(message)
		}
		if err != nil {
			return err
		}
		close(c.open)
		rest := c.asked
		c.asked = nil
		if len(rest) > 0 {
			_, err = c.Conn.Write(rest)
		}
		return err
	}
}

// nextAsk cuts the next message of the beginning; nil where it is not whole yet.
func (c *postgresConn) nextAsk() ([]byte, error) {
	if len(c.asked) < 8 {
		return nil, nil
	}
	size := binary.BigEndian.Uint32(c.asked)
	if size < 8 || size > maxPostgresAsk {
		return nil, errors.New("no connection to PostgreSQL begins like that")
	}
	if len(c.asked) < int(size) {
		return nil, nil
	}
	message := c.asked[:size:size]
	c.asked = c.asked[size:]
	return message, nil
}

// logIn sends the beginning with the user of the credential, and answers what
// the server asks until the guest is in, or is refused.
func (c *postgresConn) logIn(message []byte) error {
	start, err := c.start(message)
	if err != nil {
		return err
	}
	late := time.AfterFunc(connectTime, func() { _ = c.Conn.Close() })
	defer late.Stop()
	if _, err := c.Conn.Write(start); err != nil {
		return err
	}
	var proof *scram
	for {
		kind, body, err := c.hear()
		if err != nil {
			return fmt.Errorf("log in to PostgreSQL: %w", err)
		}
		switch kind {
		case 'R':
			in, err := c.answer(&proof, body)
			if err != nil {
				return fmt.Errorf("log in to PostgreSQL: %w", err)
			}
			if !in {
				continue
			}
			c.pass(kind, body)
			return nil
		case 'E': // the server says why not, and hangs up
			c.pass(kind, body)
			return nil
		case 'N', 'v':
			c.pass(kind, body)
		default:
			return errors.New("log in to PostgreSQL: the server does not speak its protocol")
		}
	}
}

// start is the guest's first message, for the user of the credential.
func (c *postgresConn) start(message []byte) ([]byte, error) {
	version := binary.BigEndian.Uint32(message[4:])
	fields := bytes.Split(message[8:], []byte{0})
	if version>>16 != 3 || len(fields) < 2 || len(fields)%2 != 0 || len(fields[len(fields)-1])+len(fields[len(fields)-2]) != 0 {
		return nil, errors.New("no connection to PostgreSQL begins like that")
	}
	out := binary.BigEndian.AppendUint32(make([]byte, 4), version)
	add := func(key, value string) { out = append(append(append(append(out, key...), 0), value...), 0) }
	add("user", c.login.Username)
	for pair := range slices.Chunk(fields[:len(fields)-2], 2) {
		if string(pair[0]) != "user" {
			add(string(pair[0]), string(pair[1]))
		}
	}
	out = append(out, 0)
	binary.BigEndian.PutUint32(out, uint32(len(out)))
	return out, nil
}

// hear is one message of the server.
func (c *postgresConn) hear() (kind byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size < 4 || size > maxPostgresTell {
		return 0, nil, errors.New("the server does not speak its protocol")
	}
	body = make([]byte, size-4)
	_, err = io.ReadFull(c.in, body)
	return head[0], body, err
}

func (c *postgresConn) pass(kind byte, body []byte) {
	c.tell(append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4)), body...)...)
}

// answer answers a question for the password, and reports whether none is left.
func (c *postgresConn) answer(proof **scram, body []byte) (in bool, err error) {
	if len(body) < 4 {
		return false, errors.New("the server does not speak its protocol")
	}
	code, data := binary.BigEndian.Uint32(body), body[4:]
	switch {
	case code == 0 && (*proof == nil || (*proof).verified):
		return true, nil
	case code == 0:
		return false, errors.New("the server let in who had not proved anything")
	case code == 10 && *proof == nil:
		*proof, err = c.offer(data)
		return false, err
	case code == 11 && *proof != nil:
		final, err := (*proof).final(string(data))
		if err != nil {
			return false, err
		}
		return false, c.reply([]byte(final))
	case code == 12 && *proof != nil:
		return false, (*proof).verify(string(data))
	default:
		return false, errors.New("the server asks for the password in a way that would give it away; " +
			"let it ask with scram-sha-256")
	}
}

// offer begins to prove that we know the password, where the server knows how.
func (c *postgresConn) offer(mechanisms []byte) (*scram, error) {
	const mechanism = "SCRAM-SHA-256"
	if !slices.Contains(strings.Split(string(mechanisms), "\x00"), mechanism) {
		return nil, errors.New("the server offers no " + mechanism)
	}
	if c.login.Certificate != nil {
		return nil, errors.New("the server asks for a password, and the credential is a certificate")
	}
	proof, err := newScram(c.login.Secret)
	if err != nil {
		return nil, err
	}
	first := proof.first()
	reply := binary.BigEndian.AppendUint32([]byte(mechanism+"\x00"), uint32(len(first)))
	return proof, c.reply(append(reply, first...))
}

func (c *postgresConn) reply(body []byte) error {
	_, err := c.Conn.Write(append(binary.BigEndian.AppendUint32([]byte{'p'}, uint32(len(body)+4)), body...))
	return err
}
