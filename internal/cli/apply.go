package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/apply"
	"github.com/bkplan/bkplan/internal/observe"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/run"
)

type applyOptions struct {
	planOptions
	file        string // a saved plan
	verbose     bool
	autoApprove bool
	lockTimeout time.Duration
	logFormat   string
}

func newApply(app *App) *cobra.Command {
	var o applyOptions
	cmd := &cobra.Command{
		Use:   "apply [PLANFILE]",
		Short: "Do what is due",
		Long: `Make a plan, show it, ask, and carry it out; or carry out a saved plan, if what
it relies on still holds. One failing volume does not stop the others. On
SIGINT or SIGTERM the running action is brought to its end, and the rest is
left for the next run.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.file = args[0]
			}
			return app.apply(cmd.Context(), o)
		},
	}
	o.flags(cmd)
	o.acknowledgeFlag(cmd)
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "show every action of the plan")
	cmd.Flags().BoolVar(&o.autoApprove, "auto-approve", false, "do not ask")
	cmd.Flags().DurationVar(&o.lockTimeout, "lock-timeout", 0, "wait this long for another run to end, such as 30s")
	cmd.Flags().StringVar(&o.logFormat, "log-format", "text", "how progress is written: `text` or json")
	return exitCodes(cmd, "all of the plan was done, or there was nothing to do", "")
}

func (a *App) apply(ctx context.Context, o applyOptions) error {
	if err := o.checkFlags(); err != nil {
		return err
	}
	p, err := a.load(o.policyOptions)
	if err != nil {
		return err
	}
	if err := o.check(p); err != nil {
		return err
	}
	unlock, err := run.Lock(ctx, p.StateDir, o.lockTimeout, a.holder())
	if err != nil {
		return lockFailure(err)
	}
	defer func() { _ = unlock() }() // the kernel frees it at the end in any case
	s := session{App: a, options: o, policy: p, registry: a.doers()}
	return s.run(ctx)
}

func (o applyOptions) checkFlags() error {
	if o.logFormat != "text" && o.logFormat != "json" {
		return fail("it is text or json", "--log-format %q is not known", o.logFormat)
	}
	if o.file != "" && (len(o.layers) > 0 || len(o.volumes) > 0 || len(o.acknowledge) > 0) {
		return fail("give them to \"bkplan plan -o FILE\"", "--layer, --volume and --acknowledge-prunes cannot change a saved plan")
	}
	return nil
}

// session is one apply that holds the lock.
type session struct {
	*App
	options  applyOptions
	policy   plan.Policy
	registry providers.Registry
}

func (s session) run(ctx context.Context) error {
	p, planID, observation, err := s.planToApply(ctx)
	if err != nil {
		return err
	}
	if err := observe.Keep(observation, s.registry, s.policy.StateDir); err != nil {
		return err
	}
	if s.options.logFormat == "text" {
		if err := s.showPlan(p, outputOptions{verbose: s.options.verbose}); err != nil {
			return err
		}
	}
	unknown := unknownError(observation)
	if len(p.Actions) == 0 {
		return s.recordNothing(p, planID, unknown)
	}
	if p.Summary().Changes() > 0 {
		if err := s.approve(); err != nil {
			return err
		}
	}
	return s.carryOut(ctx, p, planID, unknown)
}

// planToApply is the saved plan, checked against the world as it is now, or a
// new one.
func (s session) planToApply(ctx context.Context) (plan.Plan, string, plan.Observation, error) {
	now := s.now()
	observation, err := s.look(ctx, s.policy, s.registry, now)
	if err != nil {
		return plan.Plan{}, "", observation, err
	}
	if s.options.file == "" {
		p := plan.Build(s.policy, observation, now, s.options.options())
		return p, "", observation, filterFailure(p)
	}
	p, id, err := s.savedPlan(observation, now)
	return p, id, observation, err
}

// approve asks a person; without one to ask, nothing is done.
func (s session) approve() error {
	if s.options.autoApprove || s.options.file != "" {
		return nil
	}
	if !isTerminal(s.Stdin) {
		return fail("add --auto-approve, or apply a saved plan", "there is nobody to ask: standard input is no terminal")
	}
	fmt.Fprint(s.Stdout, "\nDo this? Only \"yes\" goes on: ")
	var answer string
	if _, err := fmt.Fscanln(s.Stdin, &answer); err != nil || answer != "yes" {
		return fail("", "not approved; nothing was changed")
	}
	return nil
}

func (s session) begin(p plan.Plan, planID string) (*run.Writer, run.Record, error) {
	host, _ := s.host()
	return run.Begin(s.policy.StateDir, run.Record{
		Started: s.now(), Host: host, PID: s.pid(), Command: s.command(), PolicyDigest: p.PolicyDigest,
		PlanID: planID, Planned: p.Summary().Changes(),
	})
}

// recordNothing keeps the record of a run that found nothing to do: that it
// ran is worth knowing.
func (s session) recordNothing(p plan.Plan, planID string, failure error) error {
	writer, _, err := s.begin(p, planID)
	if err != nil {
		return err
	}
	failure = withBlockedLayers(p, failure)
	if err := writer.End(s.now(), outcomeOf(failure, false), failure); err != nil {
		return err
	}
	return failure
}

func (s session) carryOut(ctx context.Context, p plan.Plan, planID string, failure error) error {
	writer, record, err := s.begin(p, planID)
	if err != nil {
		return err
	}
	reporter := s.reporter(p)
	results := apply.Run(ctx, p, apply.Config{
		Layers: s.registry.Layers, Recorder: writer, Reporter: reporter, Now: s.Now,
	})
	failure = withBlockedLayers(p, failure)
	if err := apply.Failure(results); err != nil {
		failure = fail("bkplan runs show "+record.ID, "%w", err)
	}
	reporter.Summary(results, s.Now().Sub(record.Started))
	if err := writer.End(s.now(), outcomeOf(failure, ctx.Err() != nil), failure); err != nil {
		return err
	}
	return failure
}

// withBlockedLayers makes a failure of layers for which nothing could be
// planned.
func withBlockedLayers(p plan.Plan, failure error) error {
	for _, l := range p.Layers {
		if failure == nil && l.Blocked != nil {
			failure = fail(l.Blocked.Unblock, "layer.%s is blocked: %s", l.Name, l.Blocked.Detail)
		}
	}
	return failure
}

func outcomeOf(failure error, interrupted bool) run.Outcome {
	switch {
	case interrupted:
		return run.Interrupted
	case failure != nil:
		return run.Failed
	}
	return run.Succeeded
}
