// Package notify tells programs and people how runs go, as the notify blocks of a policy
// say. Start at New and Tell. Nobody who is told can do a run any harm: each telling has
// a limit, all of a moment go side by side, and what goes wrong is returned, to be shown
// as a warning. URLs and tokens are secrets: they are read from files at the last
// moment, and stand in no error.
package notify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/run"
)

// Notice is what is told.
type Notice struct {
	Event string     `json:"event"` // plan.OnStart, plan.OnSuccess or plan.OnFailure
	Title string     `json:"title"` // one line
	Text  string     `json:"text"`  // several, without control characters
	Run   run.Record `json:"run"`
	// At is when it is told.
	At time.Time `json:"at"`
}

// channel is one way to tell. What it returns holds no secret.
type channel interface {
	tell(ctx context.Context, n Notice) error
}

// Notifier tells what one policy says is to be told.
type Notifier struct {
	list     []plan.Notification
	channels []channel
}

// New makes a Notifier that runs programs by a Runner.
func New(list []plan.Notification, runner execx.Runner) Notifier {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	n := Notifier{list: list}
	for _, l := range list {
		n.channels = append(n.channels, channelOf(l, runner, client))
	}
	return n
}

func channelOf(n plan.Notification, runner execx.Runner, client *http.Client) channel {
	web := web{client, n}
	switch n.Kind {
	case plan.NotifyPing:
		return ping{web}
	case plan.NotifyNtfy:
		return ntfy{web}
	case plan.NotifySlack:
		return slack{web}
	case plan.NotifyEmail:
		return email{runner, n}
	}
	return command{runner, n}
}

// Failure is a notification that could not be given.
type Failure struct {
	Address string // of the notification
	Err     error
}

func (f Failure) Error() string { return f.Address + ": " + f.Err.Error() }

// Unwrap gives the cause.
func (f Failure) Unwrap() error { return f.Err }

// Tell tells of a run that begins, if it has no end, or has ended. It returns when the
// longest timeout is over or ctx has ended, and a margin. zone is the one of the times in
// texts.
func (n Notifier) Tell(ctx context.Context, r run.Record, at time.Time, zone *time.Location) []Failure {
	failures := make([]error, len(n.list))
	ended := make([]<-chan error, len(n.list))
	for i, l := range n.list {
		event := eventOf(l, r)
		if slices.Contains(l.On, event) {
			ended[i] = start(ctx, n.channels[i], l.Timeout, notice(event, r, at, zone))
		}
	}
	var list []Failure
	for i, end := range ended {
		if end == nil {
			continue
		}
		if failures[i] = <-end; failures[i] != nil {
			list = append(list, Failure{n.list[i].Address(), failures[i]})
		}
	}
	return list
}

// margin is for a program that does not end when it is asked to.
const margin = 3 * time.Second

var errTooLate = errors.New("no end in time, so it was left alone")

// start tells beside others. What hangs where no context reaches, as a file on a server
// that is gone, is left behind.
func start(ctx context.Context, c channel, limit time.Duration, n Notice) <-chan error {
	told, end := make(chan error, 1), make(chan error, 1)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no end within %s", limit))
	go func() { told <- c.tell(ctx, n) }()
	go func() {
		defer cancel()
		select {
		case err := <-told:
			end <- err
			return
		case <-ctx.Done():
		}
		select {
		case err := <-told:
			end <- err
		case <-time.After(margin):
			end <- errTooLate
		}
	}()
	return end
}

// eventOf is what a run is to one notification: to one of layers, what became of them
// and of no other. It is empty where the run is none of its business: a run of a few
// volumes, which carries no layer out, must not pass for one that did.
func eventOf(n plan.Notification, r run.Record) string {
	layers := r.Layers
	if len(n.Layers) > 0 {
		layers = slices.DeleteFunc(slices.Clone(r.Layers), func(l string) bool { return !slices.Contains(n.Layers, l) })
	}
	good := r.Outcome == run.Succeeded
	if len(n.Layers) > 0 && len(layers) > 0 {
		good = !slices.ContainsFunc(layers, func(l string) bool { return !r.Fine(l) })
	}
	switch {
	case r.ID == "":
		return plan.OnFailure
	case len(layers) == 0 && (len(n.Layers) > 0 || r.Ended.IsZero() || good):
		return ""
	case r.Ended.IsZero():
		return plan.OnStart
	case good:
		return plan.OnSuccess
	}
	return plan.OnFailure
}
