package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/planfile"
	"github.com/bkplan/bkplan/internal/view"
)

// planExpiry is how long a saved plan may be applied: retention decisions age.
const planExpiry = 24 * time.Hour

// planOptions are shared by the commands that make a plan.
type planOptions struct {
	policyOptions
	observed    string
	at          string
	layers      []string
	volumes     []string
	acknowledge []string
}

func (o *planOptions) flags(cmd *cobra.Command) {
	o.policyOptions.flags(cmd)
	cmd.Flags().StringArrayVar(&o.layers, "layer", nil, "only layers whose name matches a `glob`; repeatable")
	cmd.Flags().StringArrayVar(&o.volumes, "volume", nil, "only volumes whose name matches a `glob`, * matching / as well; repeatable")
}

func (o *planOptions) observedFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.observed, "observed", "", "plan against an observation in a `file` instead of this machine")
	cmd.Flags().StringVar(&o.at, "at", "", "plan for another `time` (default: now, or that of the observation)")
}

func (o *planOptions) acknowledgeFlag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.acknowledge, "acknowledge-prunes", nil, "let a `layer` exceed its prune budget this once; repeatable")
}

// outputOptions say in which form a plan or drift is shown.
type outputOptions struct{ markdown, json, verbose bool }

func (o *outputOptions) flags(cmd *cobra.Command, schema string) {
	cmd.Flags().BoolVar(&o.markdown, "markdown", false, "print markdown, as for a pull request")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON (schema: "+schema+")")
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "a line for each, nothing folded")
	cmd.MarkFlagsMutuallyExclusive("markdown", "json")
}

func newPlan(app *App) *cobra.Command {
	var o planOptions
	var output outputOptions
	var out string
	var detailed bool
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what apply would do; change nothing",
		Long: `Look at what is there, and show what apply would do about it. Nothing is
changed: no snapshot, no mount, no file but the one named with -o.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return untilSignal(func(ctx context.Context) error { return app.plan(ctx, o, output, out, detailed) })
		},
	}
	o.flags(cmd)
	o.observedFlags(cmd)
	o.acknowledgeFlag(cmd)
	output.flags(cmd, "plan")
	cmd.Flags().StringVarP(&out, "out", "o", "", "save the plan to a `file`, for \"bkplan apply FILE\"")
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 when there are changes")
	return exitCodes(cmd, "planned", "there are changes (with --detailed-exitcode)")
}

func (a *App) plan(ctx context.Context, o planOptions, output outputOptions, out string, detailed bool) error {
	p, unknown, err := a.makePlan(ctx, o)
	if err != nil {
		return err
	}
	if out != "" {
		if _, err := planfile.Write(out, planfile.File{Plan: p, Expires: p.Time.Add(planExpiry), MadeBy: version()}); err != nil {
			return err
		}
	}
	if err := a.showPlan(p, output); err != nil {
		return err
	}
	if unknown != nil {
		return unknown
	}
	if detailed && p.Summary().Changes() > 0 {
		return errChanges
	}
	return nil
}

// makePlan plans against the world or against a recorded observation. The
// second result is an error of what could not be observed, for after the plan
// is shown. The observation itself, which can be large, is left to the garbage
// collector.
func (a *App) makePlan(ctx context.Context, o planOptions) (made plan.Plan, unknown, err error) {
	p, err := a.load(o.policyOptions)
	if err != nil {
		return plan.Plan{}, nil, err
	}
	if err := o.check(p); err != nil {
		return plan.Plan{}, nil, err
	}
	observation, now, err := a.seen(ctx, p, o)
	if err != nil {
		return plan.Plan{}, nil, err
	}
	made = plan.Build(p, observation, now, o.options())
	return made, unknownError(observation.Concerning(p, made.Filter)), filterFailure(made)
}

// seen is the world as it is, or as it was recorded, and the time to plan for.
func (a *App) seen(ctx context.Context, p plan.Policy, o planOptions) (observation plan.Observation, now time.Time, err error) {
	if o.observed != "" {
		observation, err = planfile.ReadObservation(o.observed)
		now = observation.Time
	} else {
		now = a.now()
		observation, err = a.look(ctx, p, a.observers(p), now)
	}
	if err == nil && o.at != "" {
		now, err = parseTime(o.at, p.Timezone.Location())
	}
	return observation, now, err
}

// filterFailure refuses a filter that selects nothing.
func filterFailure(p plan.Plan) error {
	for _, w := range p.Warnings {
		if w.Code == plan.WarnNoMatch {
			return fail(w.Hint, "%s", w.Detail)
		}
	}
	return nil
}

func (o planOptions) options() plan.Options {
	return plan.Options{Filter: plan.Filter{Layers: o.layers, Volumes: o.volumes}, Acknowledge: o.acknowledge}
}

// check finds flags that would silently select nothing.
func (o planOptions) check(p plan.Policy) error {
	for _, pattern := range append(append([]string{}, o.layers...), o.volumes...) {
		if !plan.ValidGlob(pattern) {
			return fail("", "%q is not a glob", pattern)
		}
	}
	for _, pattern := range o.layers {
		if !anyLayer(p, pattern) {
			return fail("its layers are: "+layerNames(p), "no layer of the policy matches --layer %q", pattern)
		}
	}
	for _, name := range o.acknowledge {
		if _, ok := p.Layer(name); !ok {
			return fail("its layers are: "+layerNames(p), "the policy has no layer %q to acknowledge", name)
		}
	}
	return nil
}

func anyLayer(p plan.Policy, pattern string) bool {
	for _, l := range p.Layers {
		if plan.Match(pattern, l.Name) {
			return true
		}
	}
	return false
}

func layerNames(p plan.Policy) string {
	names := ""
	for i, l := range p.Layers {
		if i > 0 {
			names += ", "
		}
		names += l.Name
	}
	return names
}

func (a *App) showPlan(p plan.Plan, output outputOptions) error {
	switch {
	case output.json:
		return view.PlanJSON(a.Stdout, p)
	case output.markdown:
		return view.PlanMarkdown(a.Stdout, p)
	}
	return view.Plan(a.Stdout, p, a.viewOptions(output.verbose))
}

func (a *App) viewOptions(verbose bool) view.Options {
	return view.Options{Width: width(a.Stdout), Color: a.colour(a.Stdout), Verbose: verbose}
}

func newShow(app *App) *cobra.Command {
	var output outputOptions
	cmd := &cobra.Command{
		Use:   "show FILE",
		Short: "Show a saved plan",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			file, err := planfile.Read(args[0])
			if err != nil {
				return err
			}
			if err := app.showPlan(file.Plan, output); err != nil || output.json || output.markdown {
				return err
			}
			_, err = fmt.Fprintf(app.Stdout, "\nSaved by bkplan %s; may be applied on %s until %s.\n", execx.Escape(file.MadeBy), execx.Escape(file.Plan.Host),
				file.Expires.In(file.Plan.Timezone.Location()).Format("2006-01-02 15:04"))
			return err
		},
	}
	output.flags(cmd, "plan")
	return exitCodes(cmd, "shown", "")
}
