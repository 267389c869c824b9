package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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

var errLookedTooLong = fmt.Errorf("the run was asked to stop, and looking took more than %s", lookAfterSignal)

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
// at again. One way out that is barred does not bar the other, which then tells of it.
func (s session) publish(ctx context.Context, record run.Record, seen plan.Observation) error {
	to := s.policy.Metrics
	if to == (plan.Metrics{}) {
		return nil
	}
	ctx, cancel := withGrace(ctx, lookAfterSignal)
	defer cancel()
	var errs []error
	if len(record.Actions) > 0 {
		again, err := s.look(ctx, s.policy, s.registry, s.now())
		if err == nil {
			seen = again
		} else {
			errs = append(errs, fmt.Errorf("look again for metrics: %w", cmp.Or(context.Cause(ctx), err)))
		}
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
	if to.Pushgateway.URL != "" {
		list, err := gather()
		errs = append(errs, err, metric.Push(context.WithoutCancel(ctx), to.Pushgateway, record.Host, list))
		errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	}
	if to.Textfile != "" {
		list, err := gather()
		errs = append(errs, err, metric.WriteTextfile(to.Textfile, list))
	}
	return errors.Join(errs...)
}

// withGrace is a context that outlives its parent by so much. Its cause then is not that
// of a command that a signal ended before it did anything.
func withGrace(parent context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() { time.AfterFunc(grace, func() { cancel(errLookedTooLong) }) })
	return ctx, func() { stop(); cancel(nil) }
}
