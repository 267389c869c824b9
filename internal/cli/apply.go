package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/apply"
	"github.com/bkplan/bkplan/internal/observe"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/run"
)

// approvalLimit is how old a plan may be when it is approved: what it relies on
// changes.
const approvalLimit = 10 * time.Minute

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
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.file = args[0]
			}
			return untilSignal(func(ctx context.Context) error { return app.apply(ctx, o) })
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
	surviveBrokenPipe()
	s := a.session(o, p)
	err = o.check(p) // a unit of a layer that is gone is told of as well
	if err == nil {
		err = s.locked(ctx)
	}
	if err != nil {
		s.tellOfNone(ctx, err)
	}
	return err
}

// locked is the part of an apply for which it holds the lock.
func (s session) locked(ctx context.Context) error {
	unlock, err := run.Lock(ctx, s.policy.StateDir, s.options.lockTimeout, s.holder(), func(h run.Holder) {
		fmt.Fprintf(s.Stderr, "waiting for another run to end: %s\n", escape(h.String()))
	})
	if err != nil {
		return lockFailure(err)
	}
	defer func() { _ = unlock() }() // the kernel frees it at the end in any case
	s.registry = s.doers(s.policy)
	defer func() { _ = s.registry.Close() }() // what is left ends by itself
	return s.run(ctx)
}

// surviveBrokenPipe lets a run go on when nobody reads its output any more.
// Unlike with signal.Ignore, programs that are started do not inherit it.
func surviveBrokenPipe() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

func (o applyOptions) checkFlags() error {
	if o.logFormat != "text" && o.logFormat != "json" {
		return fail("it is text or json", "--log-format %q is not known", o.logFormat)
	}
	if o.file != "" && (len(o.layers) > 0 || len(o.volumes) > 0 || len(o.acknowledge) > 0) {
		return fail("give them to \"bkplan plan -o FILE\"", "--layer, --volume and --acknowledge-prunes cannot change a saved plan")
	}
	return nil
}

// session is one apply.
type session struct {
	*App
	options  applyOptions
	policy   plan.Policy
	registry providers.Registry
	recorded *bool // whether there is a record of it
}

func (a *App) session(o applyOptions, p plan.Policy) session {
	return session{App: a, options: o, policy: p, recorded: new(bool)}
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
		if err := s.showPlan(p, outputOptions{verbose: s.options.verbose}); err != nil && s.attended() {
			return err
		}
	}
	if err := errors.Join(observe.Consume(observation, s.policy, s.registry.Journals), observe.Retain(s.policy, s.registry.Catalogues)); err != nil {
		return err
	}
	unknown := unknownError(observation.Concerning(s.policy, p.Filter))
	if len(p.Actions) == 0 {
		return s.recordNothing(ctx, p, planID, observation, unknown)
	}
	if p.Summary().Changes() > 0 {
		if err := s.approve(ctx); err != nil {
			return err
		}
		if s.attended() && s.now().Sub(p.Time) > approvalLimit {
			return fail("run apply again", "the answer came too late: the plan is of %s", p.Time.In(p.Timezone.Location()).Format("15:04"))
		}
	}
	return s.carryOut(ctx, p, planID, observation, unknown)
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

// attended says that a person has to see the plan and approve of it. Otherwise
// the plan is carried out even when its text can be written nowhere.
func (s session) attended() bool { return !s.options.autoApprove && s.options.file == "" }

// approve asks a person; without one to ask, nothing is done.
func (s session) approve(ctx context.Context) error {
	if !s.attended() {
		return nil
	}
	const unattended = "add --auto-approve, or apply a saved plan"
	if s.options.logFormat != "text" {
		return fail(unattended, "--log-format %s shows no plan that could be approved", s.options.logFormat)
	}
	if !isTerminal(s.Stdin) {
		return fail(unattended, "there is nobody to ask: standard input is no terminal")
	}
	fmt.Fprint(s.Stdout, "\nDo this? Only \"yes\" goes on: ")
	answers := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(s.Stdin).ReadString('\n')
		answers <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(s.Stdout)
		return ctx.Err()
	case answer := <-answers:
		if answer != "yes" {
			return fail("", "not approved; nothing was changed")
		}
		return nil
	}
}

// recordNothing keeps the record of a run that found nothing to do: that it
// ran is worth knowing.
func (s session) recordNothing(ctx context.Context, p plan.Plan, planID string, seen plan.Observation, failure error) error {
	writer, record, err := s.begin(p, planID)
	if err != nil {
		return err
	}
	failure = withBlockedLayers(p, failure)
	shown := summarizing(silentLog{}) // the plan says it all
	if s.options.logFormat == "json" {
		shown = s.shown(p)
	}
	return s.finish(ctx, s.reporter(shown, record.ID), writer, record, seen, failure)
}

// besides adds an error to a failure, which stays the one that is mended first.
func besides(failure, err error) error {
	if failure != nil && err != nil {
		return fail(hintOf(failure), "%w; besides, %w", failure, err)
	}
	return cmp.Or(failure, err)
}

func (s session) carryOut(ctx context.Context, p plan.Plan, planID string, seen plan.Observation, failure error) error {
	writer, record, err := s.begin(p, planID)
	if err != nil {
		return err
	}
	s.tell(ctx, writer, record)
	reporter := s.reporter(s.shown(p), record.ID)
	results := apply.Run(ctx, p, apply.Config{
		Layers: s.registry.Layers, Recorder: writer, Reporter: reporter, Now: s.Now,
	})
	failure = withBlockedLayers(p, failure)
	if err := apply.Failure(results); err != nil {
		failure = fail("bkplan runs show "+record.ID, "%w", err)
	}
	record.Actions = results
	return s.finish(ctx, reporter, writer, record, seen, failure)
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

func outcomeOf(failure error, results []run.Action) run.Outcome {
	switch {
	case slices.ContainsFunc(results, func(a run.Action) bool { return a.Outcome == run.Canceled }):
		return run.Interrupted
	case failure != nil:
		return run.Failed
	}
	return run.Succeeded
}
