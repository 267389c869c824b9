package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/view"
)

func newDrift(app *App) *cobra.Command {
	var o planOptions
	var output outputOptions
	cmd := &cobra.Command{
		Use:   "drift",
		Short: "Name what differs from the policy: unprotected, stale, orphaned, foreign",
		Long: `Look at what is there, and name what differs from the policy: volumes that no
layer protects and no exclusion explains, volumes older than their policy
allows, versions whose volume is gone, snapshots that no layer made, and what
could not be observed. What no source matches is listed and is no drift.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return untilSignal(func(ctx context.Context) error { return app.drift(ctx, o, output) })
		},
	}
	o.flags(cmd)
	o.observedFlags(cmd)
	output.flags(cmd, "drift")
	return exitCodes(cmd, "no drift", "drift was found")
}

func (a *App) drift(ctx context.Context, o planOptions, output outputOptions) error {
	p, _, err := a.makePlan(ctx, o)
	if err != nil {
		return err
	}
	switch {
	case output.json:
		err = view.DriftJSON(a.Stdout, p)
	case output.markdown:
		err = view.DriftMarkdown(a.Stdout, p)
	default:
		err = view.Drift(a.Stdout, p, a.viewOptions(output.verbose))
	}
	if err != nil {
		return err
	}
	for _, d := range p.Drift {
		if d.Kind.Counts() {
			return errChanges
		}
	}
	return nil
}
