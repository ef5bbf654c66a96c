//go:build wasip1

// Command tcpprobe is the provider with which the tests of runtime/wasm use TCP:
// an honest one, whose things are what a server of lines keeps, and, where its
// configuration says so, one that misbehaves in a phase of its life.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/sdk"
	"github.com/cogplan/cogplan/sdk/http"
	"github.com/cogplan/cogplan/sdk/tcp"
)

func init() {
	sdk.ServeObjects(reconcile.Description{
		Name: "tcpprobe", Version: "1.0.0",
		Schema: reconcile.Schema{
			Version: 1,
			Resource: reconcile.Block{Attributes: []reconcile.Attribute{
				{Name: "address", Type: `"string"`, Required: true},
				{Name: "things", Type: `["map","string"]`, Optional: true},
				{Name: "act", Type: `["map","string"]`, Optional: true},
			}},
			Objects: []reconcile.ObjectType{{Name: "thing", Attributes: []reconcile.ObjectAttribute{{Name: "value"}}}},
		},
	}, open)
}

func main() {}

type probe struct {
	address string
	things  map[string]string
	act     map[string]string
}

func open(ctx context.Context, s *sdk.Session) (*probe, error) {
	b := s.Body()
	p := &probe{address: b.String("address"), things: b.Map("things"), act: b.Map("act")}
	p.misbehave(ctx, "open")
	return p, b.Err()
}

func (p *probe) Desired(ctx context.Context) ([]reconcile.Resource, error) {
	p.misbehave(ctx, "desired")
	var out []reconcile.Resource
	for name, value := range p.things {
		out = append(out, sdk.Object("thing", name, map[string]any{"value": value}))
	}
	return out, nil
}

// Live asks for all things at the same time, over connections of their own.
func (p *probe) Live(ctx context.Context, q sdk.Query) ([]reconcile.Resource, error) {
	p.misbehave(ctx, "live")
	var mu sync.Mutex
	var all sync.WaitGroup
	var out []reconcile.Resource
	var failed error
	for i := range q.Desired {
		name := q.Desired[i].Name
		all.Go(func() {
			value, err := ask(ctx, p.address, "get "+name)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = err
			} else if value != "-" {
				out = append(out, sdk.Object("thing", name, map[string]any{"value": value}))
			}
		})
	}
	all.Wait()
	return out, failed
}

func (p *probe) Effects(ctx context.Context, _ sdk.Change) ([]reconcile.Effect, error) {
	p.misbehave(ctx, "effects")
	if p.act["declare"] == "nothing" {
		return []reconcile.Effect{{Capability: "file", Operation: "write", Target: "./out/x"}}, nil
	}
	target := p.address
	if t := p.act["declare"]; t != "" {
		target = t
	}
	return []reconcile.Effect{{Capability: "tcp", Operation: "connect", Target: target}}, nil
}

func (p *probe) Create(ctx context.Context, c sdk.Change) (sdk.Applied, error) {
	p.misbehave(ctx, "apply")
	value, _ := c.Desired.Attributes["value"].(string)
	_, err := ask(ctx, p.address, "set "+c.Name+" "+value)
	return sdk.Applied{ID: c.Name}, err
}

func (p *probe) Update(ctx context.Context, c sdk.Change) (sdk.Applied, error) {
	return p.Create(ctx, c)
}

func (p *probe) Delete(ctx context.Context, c sdk.Change) error {
	p.misbehave(ctx, "apply")
	_, err := ask(ctx, p.address, "del "+c.Name)
	return err
}

// ask says one line and hears one.
func ask(ctx context.Context, address, line string) (string, error) {
	conn, err := (tcp.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, line+"\n"); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSuffix(answer, "\n"), err
}

func say(format string, args ...any) { sdk.Log(abi.LogInfo, fmt.Sprintf(format, args...)) }

// kept is a connection that a hostile guest carries from one call to the next.
var kept net.Conn

// misbehave does what the configuration says for this moment, and swallows the
// errors, as a hostile provider would.
func (p *probe) misbehave(ctx context.Context, when string) {
	for line := range strings.Lines(p.act[when]) {
		verb, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch verb {
		case "":
		case "set":
			answer, err := ask(ctx, arg, "set hacked 1")
			tell("set", answer, err)
		case "linger":
			go func() {
				for range 1000 {
					_, _ = ask(ctx, arg, "set hacked 1")
				}
			}()
		case "many":
			for range 200 {
				_, _ = ask(ctx, arg, "get a")
			}
		case "flood":
			flood(ctx, arg)
		case "pour":
			pour(ctx, arg)
		case "echo":
			echo(ctx, arg)
		case "wait":
			wait(ctx, arg)
		case "timer":
			timer(ctx, arg)
		case "leave":
			leave(ctx, arg)
		case "keep":
			kept, _ = (tcp.Dialer{}).DialContext(ctx, "tcp", arg)
		case "use":
			_, err := io.WriteString(kept, "set hacked 1\n")
			tell("use", "", err)
		case "closing":
			closing(ctx, arg)
		case "both":
			both(ctx, p.address, arg)
		case "hammer":
			hammer(ctx, arg)
		case "ping":
			ping(ctx, arg)
		case "crash":
			panic("crash")
		}
	}
}

func tell(what, answer string, err error) {
	var refused *tcp.Error
	if errors.As(err, &refused) {
		say("%s: violation=%t limit=%t %v", what, refused.Violation, refused.Limit, err)
		return
	}
	say("%s: %q %v", what, answer, err)
}

// flood opens connections and closes none.
func flood(ctx context.Context, address string) {
	n := 0
	for range 200 {
		if _, err := (tcp.Dialer{}).DialContext(ctx, "tcp", address); err != nil {
			tell("flood", "", err)
			break
		}
		n++
	}
	say("flood: %d connections at a time", n)
}

// pour sends without end to a server that takes it.
func pour(ctx context.Context, address string) {
	conn, err := (tcp.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	buf := []byte(strings.Repeat("x", 64<<10) + "\n")
	for range 1000 {
		if _, err := conn.Write(buf); err != nil {
			tell("pour", "", err)
			return
		}
	}
}

// echo sends much, says that it is all, and reads it back until the end. Both
// happen at once: neither side could hold it all.
func echo(ctx context.Context, address string) {
	const size = 3 << 20
	conn, err := (tcp.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		tell("echo", "", err)
		return
	}
	defer conn.Close()
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(conn, "echo\n"+strings.Repeat("0123456789abcdef", size/16))
		sent <- errors.Join(err, conn.(*tcp.Conn).CloseWrite())
	}()
	got, err := io.ReadAll(conn)
	if err = errors.Join(err, <-sent); err == nil && string(got) != strings.Repeat("0123456789abcdef", size/16) {
		err = errors.New("other bytes than were sent")
	}
	say("echo: %d bytes of %d %v", len(got), size, err)
}

// wait reads from a server that says nothing, with a deadline.
func wait(ctx context.Context, address string) {
	conn, err := (tcp.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		tell("wait", "", err)
		return
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	_, err = conn.Read(make([]byte, 1))
	var timeout net.Error
	say("wait: timeout=%t %v", errors.As(err, &timeout) && timeout.Timeout(), err)
	_ = conn.SetDeadline(time.Time{})
	_, err = io.WriteString(conn, "get a\n")
	if err == nil {
		_, err = bufio.NewReader(conn).ReadString('\n')
	}
	say("wait: afterwards %v", err)
}

// timer has a context with a time end a read, as client libraries do.
func timer(ctx context.Context, address string) {
	conn, err := (tcp.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		tell("timer", "", err)
		return
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, 250*time.Millisecond)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	_, err = conn.Read(make([]byte, 1))
	say("timer: %v and %v", ctx.Err(), err)
}

// leave writes and hangs up at once: what was written has to arrive.
func leave(ctx context.Context, address string) {
	conn, err := (tcp.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		tell("leave", "", err)
		return
	}
	_, _ = io.WriteString(conn, "set left "+strings.Repeat("z", 100<<10)+"\n")
	tell("leave", "", conn.Close())
}

// closing hangs up while somebody reads.
func closing(ctx context.Context, address string) {
	conn, err := (tcp.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		tell("closing", "", err)
		return
	}
	read := make(chan error)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		read <- err
	}()
	time.Sleep(50 * time.Millisecond)
	_ = conn.Close()
	say("closing: %t", errors.Is(<-read, net.ErrClosed))
}

// both has a slow request over HTTP and quick words over TCP at the same time.
func both(ctx context.Context, address, url string) {
	done := make(chan error, 1)
	over := false
	go func() {
		_, err := http.Do(ctx, &http.Request{Method: "GET", URL: url})
		over = true
		done <- err
	}()
	said := 0
	for !over && said < 1000 {
		if _, err := ask(ctx, address, "get a"); err != nil {
			tell("both", "", err)
			break
		}
		said++
	}
	say("both: several words meanwhile %t, %v", said >= 3, <-done)
}

// ping measures with the help of the host: so many words over one connection.
func ping(ctx context.Context, address string) {
	conn, err := (tcp.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		tell("ping", "", err)
		return
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for range 2000 {
		_, _ = io.WriteString(conn, "get a\n")
		if _, err := in.ReadString('\n'); err != nil {
			tell("ping", "", err)
			return
		}
	}
}

// hammer has many goroutines connect, speak, end one direction, wait too
// briefly and hang up early, in turn.
func hammer(ctx context.Context, address string) {
	var all sync.WaitGroup
	var mu sync.Mutex
	var failed []error
	for worker := range 12 {
		all.Go(func() {
			for turn := range 25 {
				if err := strike(ctx, address, (worker+turn)%5, (worker+1)*(turn+1)*97); err != nil {
					mu.Lock()
					failed = append(failed, err)
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	say("hammer: %d of 300 failed: %v", len(failed), errors.Join(failed...))
}

func strike(ctx context.Context, address string, how, size int) error {
	if how == 4 {
		short, cancel := context.WithTimeout(ctx, time.Microsecond)
		defer cancel()
		ctx = short
	}
	conn, err := (tcp.Dialer{}).DialContext(ctx, "tcp", address)
	if how == 4 {
		if err == nil {
			_ = conn.Close()
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	text := strings.Repeat("x", size)
	if _, err := io.WriteString(conn, "echo\n"+text); err != nil || how == 0 {
		return err
	}
	if how == 1 {
		_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
		_, _ = conn.Read(make([]byte, 1))
		_ = conn.SetReadDeadline(time.Time{})
		return nil
	}
	if err := conn.(*tcp.Conn).CloseWrite(); err != nil || how == 2 {
		return err
	}
	got, err := io.ReadAll(conn)
	if err == nil && string(got) != text {
		err = fmt.Errorf("%d bytes of %d came back", len(got), size)
	}
	return err
}
