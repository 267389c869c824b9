package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/metric"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/run"
)

// lookAfterSignal is how long a run that was asked to stop may still look for what it has
// left behind. What stops it kills after 90 seconds by default.
const lookAfterSignal = 30 * time.Second

// publishAfterSignal is how long it may then still work at one way out for its metrics.
const publishAfterSignal = 30 * time.Second

const (
	textfileLimit = time.Minute
	publishMargin = 2 * time.Second // for an end that says more
)

var (
	errLookedTooLong  = fmt.Errorf("the run was asked to stop, and looking took more than %s", lookAfterSignal)
	errPublishTooLong = fmt.Errorf("the run was asked to stop, and the metrics took more than %s", publishAfterSignal)
)

func newMetrics(app *App) *cobra.Command {
	var o planOptions
	cmd := &cobra.Command{
		Use:   "metrics",
		Short: "Print the metrics that apply would push now",
		Long: `Look at what is there, and print the metrics that "bkplan apply" would push and
write at its end, as Prometheus reads them. Nothing is pushed and nothing is
written. docs/metrics.md describes each of them.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return untilSignal(func(ctx context.Context) error { return app.metrics(ctx, o) })
		},
	}
	o.policyOptions.flags(cmd)
	o.observedFlags(cmd)
	return exitCodes(cmd, "printed", "")
}

func (a *App) metrics(ctx context.Context, o planOptions) error {
	p, err := a.load(o.policyOptions)
	if err != nil {
		return err
	}
	observation, now, err := a.seen(ctx, p, o)
	if err != nil {
		return err
	}
	var past metric.Past
	if o.observed == "" {
		if past, err = metric.Remember(p.StateDir, nil, now); err != nil {
			return err
		}
	}
	out := bufio.NewWriter(a.Stdout)
	if err := metric.Write(out, metric.Gather(facts(p, observation, now, past))); err != nil {
		return err
	}
	return out.Flush()
}

// facts are of the whole policy, whatever a run was narrowed to.
func facts(p plan.Policy, o plan.Observation, now time.Time, past metric.Past) metric.Facts {
	return metric.Facts{Policy: p, Observation: o, Plan: plan.Build(p, o, now, plan.Options{}), Past: past, Version: version()}
}

// publish makes the metrics of a run that is about to end, and puts them where the policy
// says. seen is what the run was planned by; where it did anything, the world is looked
// at again. One way out that is barred does not bar the other, which then tells of it: the
// file, which costs next to nothing, is written once more where the push came to nothing.
func (s session) publish(ctx context.Context, record run.Record, seen plan.Observation) error {
	to := s.policy.Metrics
	if to == (plan.Metrics{}) {
		return nil
	}
	var errs []error
	seen, err := s.lookAgain(ctx, record, seen)
	if err != nil {
		errs = append(errs, err)
	}
	f := facts(s.policy, seen, s.now(), metric.Past{})
	gather := func() ([]*dto.MetricFamily, error) {
		if len(errs) > 0 {
			record.Outcome = run.Failed
		}
		var err error
		f.Past, err = metric.Remember(s.policy.StateDir, &record, s.now())
		return metric.Gather(f), err
	}
	bring := func(limit time.Duration, way func(context.Context, []*dto.MetricFamily) error) (fine bool) {
		list, err := gather()
		if err = errors.Join(err, publishing(ctx, limit, func(ctx context.Context) error { return way(ctx, list) })); err != nil {
			errs = append(errs, err)
		}
		return err == nil
	}
	write := func() bool {
		return to.Textfile == "" || bring(textfileLimit, func(_ context.Context, list []*dto.MetricFamily) error {
			return metric.WriteTextfile(to.Textfile, list)
		})
	}
	push := func() bool {
		return to.Pushgateway.URL == "" || bring(to.Pushgateway.Timeout, func(ctx context.Context, list []*dto.MetricFamily) error {
			return metric.Push(ctx, to.Pushgateway, record.Host, list)
		})
	}
	if written := write(); !push() && written {
		write()
	}
	return errors.Join(errs...)
}

// lookAgain is what is there after a run that did anything; with an error, what was there
// before it.
func (s session) lookAgain(ctx context.Context, record run.Record, seen plan.Observation) (plan.Observation, error) {
	if len(record.Actions) == 0 {
		return seen, nil
	}
	ctx, cancel := withGrace(ctx, lookAfterSignal, errLookedTooLong)
	defer cancel()
	again, err := s.look(ctx, s.policy, s.registry, s.now())
	if err != nil {
		return seen, fmt.Errorf("look again for metrics: %w", cmp.Or(context.Cause(ctx), err))
	}
	return again, nil
}

// publishing gives one way out its time, and less when the run is asked to stop. What
// hangs where no context reaches, as a file on a server that is gone, is left behind: a
// run that does not end would hold up all others.
func publishing(ctx context.Context, limit time.Duration, way func(context.Context) error) error {
	ctx, cancel := withGrace(ctx, publishAfterSignal, errPublishTooLong)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- way(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(limit + publishMargin):
		return fmt.Errorf("no end within %s, so it was left alone: is a file of it on a mount that does not answer?", limit)
	}
}

// withGrace is a context that outlives its parent by so much. Its cause then is not that
// of a command that a signal ended before it did anything.
func withGrace(parent context.Context, grace time.Duration, cause error) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() { time.AfterFunc(grace, func() { cancel(cause) }) })
	return ctx, func() { stop(); cancel(nil) }
}
