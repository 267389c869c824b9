package metric

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
	dto "github.com/prometheus/client_model/go"

	"github.com/bkplan/bkplan/internal/keyfile"
	"github.com/bkplan/bkplan/internal/plan"
)

// job is the group of all that bkplan pushes; a host is one instance of it.
const job = "bkplan"

// Push replaces what this host has at the gateway, in one request and within the time
// limit. Other hosts push to groups of their own. Whatever is not an answer of 2xx is an
// error, with the gateway's own words; it holds no password.
func Push(ctx context.Context, gateway plan.Pushgateway, host string, list []*dto.MetricFamily) error {
	ctx, cancel := context.WithTimeout(ctx, gateway.Timeout)
	defer cancel()
	c := client{limit: gateway.Timeout}
	transport, err := transportFor(gateway)
	if err == nil {
		defer transport.CloseIdleConnections()
		c.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	gathered := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return list, nil })
	pusher := push.New(gateway.URL, job).Grouping("instance", host).Gatherer(gathered).Client(&c)
	if err == nil && gateway.PasswordFile != "" {
		c.password, err = keyfile.ReadLine(gateway.PasswordFile)
		pusher.BasicAuth(gateway.Username, c.password)
	}
	if err == nil {
		err = pusher.PushContext(ctx)
	}
	if err != nil {
		return fmt.Errorf("push metrics to %s: %w", gateway.URL, err)
	}
	return nil
}

// client sends a push and judges the answer, so that no more of it is read than is shown.
type client struct {
	http     *http.Client
	limit    fmt.Stringer
	password string
}

// Do is what the pusher calls. An answer of 2xx is given back as the one that it knows.
func (c *client) Do(request *http.Request) (*http.Response, error) {
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.unreachable(request.Context(), err)
	}
	if response.StatusCode/100 == 2 {
		response.StatusCode = http.StatusOK
		return response, nil
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	if location := response.Header.Get("Location"); response.StatusCode/100 == 3 && location != "" {
		return nil, fmt.Errorf("it redirects to %s, which is not followed: write that into the policy if it is right", c.shownURL(location))
	}
	if words := c.words(response.Body); words != "" {
		return nil, fmt.Errorf("it answered %s: %s", statusText(response.StatusCode), words)
	}
	return nil, fmt.Errorf("it answered %s", statusText(response.StatusCode))
}

// statusText leaves out the server's own phrase, which could be anything.
func statusText(code int) string {
	if text := http.StatusText(code); text != "" {
		return fmt.Sprintf("%d %s", code, text)
	}
	return fmt.Sprint(code)
}

// unreachable says in plain words why there was no answer.
func (c *client) unreachable(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", c.limit)
	}
	return errors.New("no answer: " + c.excerpt(withoutURL(err).Error()))
}
