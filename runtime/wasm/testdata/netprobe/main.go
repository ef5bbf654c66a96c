//go:build wasip1

// Command netprobe is the provider with which the tests of runtime/wasm use the
// network: an honest one, whose things are paths of a server, and, where its
// configuration says so, one that misbehaves in a phase of its life.
package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/sdk"
	"github.com/cogplan/cogplan/sdk/http"
)

func init() {
	sdk.ServeObjects(reconcile.Description{
		Name: "netprobe", Version: "1.0.0",
		Schema: reconcile.Schema{
			Version: 1,
			Resource: reconcile.Block{Attributes: []reconcile.Attribute{
				{Name: "base", Type: `"string"`, Required: true},
				{Name: "things", Type: `["map","string"]`, Optional: true},
				{Name: "act", Type: `["map","string"]`, Optional: true},
			}},
			Objects: []reconcile.ObjectType{{Name: "thing", Attributes: []reconcile.ObjectAttribute{{Name: "value"}}}},
		},
	}, open)
}

func main() {}

type probe struct {
	base   string
	things map[string]string
	act    map[string]string
}

func open(ctx context.Context, s *sdk.Session) (*probe, error) {
	b := s.Body()
	p := &probe{base: b.String("base"), things: b.Map("things"), act: b.Map("act")}
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

// Live asks for all things at the same time.
func (p *probe) Live(ctx context.Context, q sdk.Query) ([]reconcile.Resource, error) {
	p.misbehave(ctx, "live")
	var mu sync.Mutex
	var all sync.WaitGroup
	var out []reconcile.Resource
	var failed error
	for i := range q.Desired {
		name := q.Desired[i].Name
		all.Go(func() {
			resp, err := http.Do(ctx, &http.Request{Method: "GET", URL: p.base + "/things/" + name})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				failed = err
			case resp.Status == 200:
				out = append(out, sdk.Object("thing", name, map[string]any{"value": string(resp.Body)}))
			case resp.Status != 404:
				failed = fmt.Errorf("status %d", resp.Status)
			}
		})
	}
	all.Wait()
	return out, failed
}

func (p *probe) Effects(ctx context.Context, c sdk.Change) ([]reconcile.Effect, error) {
	p.misbehave(ctx, "effects")
	target := p.base + "/things/" + c.Name
	if t := p.act["declare"]; t != "" {
		target = t
	}
	method := "PUT"
	if c.Action == reconcile.ActionDelete {
		method = "DELETE"
	}
	return []reconcile.Effect{{Capability: "http", Operation: method, Target: target}}, nil
}

func (p *probe) Create(ctx context.Context, c sdk.Change) (sdk.Applied, error) {
	if only := p.act["only"]; only == "" || only == c.Name {
		p.misbehave(ctx, "apply")
	}
	value, _ := c.Desired.Attributes["value"].(string)
	resp, err := http.Do(ctx, &http.Request{Method: "PUT", URL: p.base + "/things/" + c.Name, Body: []byte(value)})
	if err == nil && resp.Status/100 != 2 {
		err = fmt.Errorf("status %d", resp.Status)
	}
	return sdk.Applied{ID: c.Name}, err
}

func (p *probe) Update(ctx context.Context, c sdk.Change) (sdk.Applied, error) {
	return p.Create(ctx, c)
}

func (p *probe) Delete(ctx context.Context, c sdk.Change) error {
	p.misbehave(ctx, "apply")
	_, err := http.Do(ctx, &http.Request{Method: "DELETE", URL: p.base + "/things/" + c.Name})
	return err
}

// misbehave does what the configuration says for this moment, and swallows the
// errors, as a hostile provider would.
func (p *probe) misbehave(ctx context.Context, when string) {
	for line := range strings.Lines(p.act[when]) {
		verb, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch verb {
		case "":
		case "panic":
			panic(arg)
		case "loop":
			for i := 0; i >= 0; i = (i + 1) & 0xffff {
			}
		case "linger":
			// A goroutine that is left from planning and writes when it can.
			go func() {
				for range 1000 {
					request(ctx, "PUT", arg, nil)
				}
			}()
		case "start":
			// Begun in this call, and nobody waits for it.
			go request(ctx, "GET", arg, nil)
		case "stream":
			stream(ctx, arg)
		case "halves":
			halves(ctx, arg)
		case "upload":
			upload(ctx, arg)
		case "follow":
			follow(ctx, arg)
		case "header":
			name, rest, _ := strings.Cut(arg, "=")
			value, url, _ := strings.Cut(rest, " ")
			request(ctx, "GET", url, http.Header{name: {value}})
		case "many":
			for range 200 {
				request(ctx, "GET", arg, nil)
			}
		default:
			request(ctx, verb, arg, nil)
		}
	}
}

func request(ctx context.Context, method, url string, header http.Header) *http.Response {
	var body []byte
	if method != "GET" && method != "HEAD" && method != "DELETE" {
		body = []byte("what the provider knows")
	}
	resp, err := http.Do(ctx, &http.Request{Method: method, URL: url, Header: header, Body: body})
	if err != nil {
		var failed *http.Error
		errors.As(err, &failed)
		sdk.Log(abi.LogInfo, fmt.Sprintf("%s %s: violation=%t limit=%t %v", method, url, failed.Violation, failed.Limit, err))
		return nil
	}
	sdk.Log(abi.LogInfo, fmt.Sprintf("%s %s: %d %v %.2000s", method, url, resp.Status, resp.Header, resp.Body))
	return resp
}

// follow goes wherever a server sends it.
func follow(ctx context.Context, url string) {
	for range 5 {
		resp := request(ctx, "GET", url, nil)
		if resp == nil || resp.Header.Get("Location") == "" {
			return
		}
		url = resp.Header.Get("Location")
	}
}

// stream reads a body in pieces.
func stream(ctx context.Context, url string) {
	s, err := http.Open(ctx, &http.Request{Method: "GET", URL: url})
	if err != nil {
		sdk.Log(abi.LogInfo, "stream: "+err.Error())
		return
	}
	n, reads, buf := 0, 0, make([]byte, 64<<10)
	for {
		got, err := s.Body.Read(buf)
		n += got
		reads++
		if err != nil {
			break
		}
	}
	sdk.Log(abi.LogInfo, fmt.Sprintf("stream: %d of %d bytes in several reads: %t", n, s.Size, reads > 2))
}
