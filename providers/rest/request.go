package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cogplan/cogplan/sdk"
	"github.com/cogplan/cogplan/sdk/http"
	"github.com/cogplan/cogplan/sdk/jsonvalue"
)

// call is one request, before it is sent.
type call struct {
	method  string
	url     string
	headers map[string]string
	// payload is sent as JSON; nil sends none.
	payload any
}

// answer is a response that was read as JSON.
type answer struct {
	status int
	header http.Header
	value  any
	body   []byte
}

func (r *rest) send(ctx context.Context, c call) (*answer, error) {
	request := &http.Request{Method: c.method, URL: c.url, Header: http.Header{"Accept": {"application/json"}}}
	for _, headers := range []map[string]string{r.headers, c.headers} {
		for name, value := range headers {
			request.Header.Set(name, value)
		}
	}
	if c.payload != nil {
		var err error
		if request.Body, err = jsonvalue.Append(nil, c.payload); err != nil {
			return nil, errors.New(c.method + " " + c.url + ": " + err.Error())
		}
		if request.Header.Get("Content-Type") == "" {
			request.Header.Set("Content-Type", "application/json")
		}
	}
	response, err := http.Do(ctx, request)
	if err != nil {
		return nil, r.unanswered(err)
	}
	a := &answer{status: response.Status, header: response.Header, body: response.Body}
	if len(response.Body) > 0 && a.status >= 200 && a.status < 300 {
		if a.value, err = jsonvalue.Parse(response.Body); err != nil {
			return nil, errors.New(c.method + " " + c.url + ": the answer is " + err.Error())
		}
	}
	return a, nil
}

// unanswered is the error of a request without a response. While something is
// applied a server that is not there may come back; a plan says at once that there
// is none, because then it is more often the URL.
func (r *rest) unanswered(err error) error {
	failed, ok := errors.AsType[*http.Error](err)
	if !ok || failed.Violation || failed.Limit || !r.session.Writes() {
		return err
	}
	return sdk.Temporary(err.Error(), 0)
}

// failure is the error for a status that nobody expects.
func (a *answer) failure(c call) error {
	text := c.method + " " + c.url + ": status " + strconv.Itoa(a.status)
	if why := a.reason(); why != "" {
		text += ": " + why
	}
	switch a.status {
	case 408, 425, 429, 502, 503, 504:
		seconds, _ := strconv.Atoi(a.header.Get("Retry-After"))
		return sdk.Temporary(text, time.Duration(max(seconds, 0))*time.Second)
	case 409, 412:
		return sdk.Stale(text)
	case 401, 403:
		text += " (does the grant name a credential that may do this?)"
	}
	return errors.New(text)
}

const maxReason = 300

// reason is what the server says about it, as far as it can be found.
func (a *answer) reason() string {
	v, err := jsonvalue.Parse(a.body)
	if err == nil {
		for _, path := range []jsonvalue.Pointer{{"error", "message"}, {"error"}, {"message"}, {"detail"}, {"title"}, {"errors", "0", "message"}, {"errors", "0"}} {
			if found, ok := path.Get(v); ok {
				if s, ok := found.(string); ok && s != "" {
					return cut(s)
				}
			}
		}
	}
	return cut(strings.TrimSpace(strings.ToValidUTF8(string(a.body), "")))
}

func cut(s string) string {
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "") + "…"
	}
	return s
}

// list reads all pages of the collection. A collection that does not exist has
// no items.
func (r *rest) list(ctx context.Context) ([]any, error) {
	var items []any
	query := map[string]string{}
	maps.Copy(query, r.query)
	url := ""
	for page := range int64(maxPages) {
		if r.pages != nil && r.pages.style == "page" {
			query[r.pages.parameter] = strconv.FormatInt(r.pages.first+page, 10)
		}
		c := call{method: "GET", url: url}
		if url == "" {
			c.url = withQuery(r.base+r.collection, query)
		}
		a, err := r.send(ctx, c)
		if err != nil {
			return nil, err
		}
		if r.missing[a.status] {
			return items, nil
		}
		if a.status < 200 || a.status > 299 {
			return nil, a.failure(c)
		}
		found, err := r.itemsOf(a, c)
		if err != nil {
			return nil, err
		}
		items = append(items, found...)
		var more bool
		if url, more, err = r.next(a, c, query, len(found)); err != nil || !more {
			return items, err
		}
	}
	return nil, errors.New("GET " + r.base + r.collection + ": it has more than " + strconv.Itoa(maxPages) + " pages")
}

const maxPages = 10_000

func (r *rest) itemsOf(a *answer, c call) ([]any, error) {
	v, ok := r.items.Get(a.value)
	if list, isList := v.([]any); isList {
		return list, nil
	}
	if ok && v == nil {
		return nil, nil
	}
	where := "the answer is"
	if len(r.items) > 0 {
		where = "what items leads to in the answer is"
	}
	return nil, r.session.Body().Error("items", c.method+" "+c.url+": "+where+" no list")
}

// next says where the next page is, or changes the query so that it is asked
// for; more is false behind the last page.
func (r *rest) next(a *answer, c call, query map[string]string, found int) (url string, more bool, err error) {
	if r.pages == nil {
		return "", false, nil
	}
	switch r.pages.style {
	case "page":
		return "", found > 0, nil
	case "cursor":
		v, _ := r.pages.cursor.Get(a.value)
		cursor, ok := scalar(v)
		if _, flag := v.(bool); !ok || flag {
			return "", false, nil
		}
		if query[r.pages.parameter] == cursor {
			return "", false, errors.New(c.method + " " + c.url + ": the server answers with the same cursor again")
		}
		query[r.pages.parameter] = cursor
		return "", true, nil
	default:
		return r.nextLink(a, c)
	}
}

// nextLink reads the header Link. A link to another origin is not followed: it
// would be another grant.
func (r *rest) nextLink(a *answer, c call) (string, bool, error) {
	for _, header := range a.header.Values("Link") {
		for link := range strings.SplitSeq(header, ",") {
			target, params, _ := strings.Cut(strings.TrimSpace(link), ";")
			if !strings.HasPrefix(target, "<") || !strings.HasSuffix(target, ">") || !isNext(params) {
				continue
			}
			target = target[1 : len(target)-1]
			origin := originOf(r.base)
			if strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//") {
				target = origin + target
			}
			if originOf(target) != origin {
				return "", false, errors.New(c.method + " " + c.url + ": its next page is at another origin, " + cut(target))
			}
			if target == c.url {
				return "", false, errors.New(c.method + " " + c.url + ": its next page is itself")
			}
			return target, true, nil
		}
	}
	return "", false, nil
}

func isNext(params string) bool {
	return slices.ContainsFunc(strings.Split(params, ";"), func(p string) bool {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		return strings.EqualFold(name, "rel") && slices.Contains(strings.Fields(strings.Trim(value, `"`)), "next")
	})
}

// originOf is scheme, host and port as they are written.
func originOf(url string) string {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return ""
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return strings.ToLower(scheme + "://" + rest)
}

func withQuery(url string, query map[string]string) string {
	if text := queryText(query); text != "" {
		return url + "?" + text
	}
	return url
}
