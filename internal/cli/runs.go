package cli

import (
	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/run"
	"github.com/bkplan/bkplan/internal/view"
)

func newRuns(app *App) *cobra.Command {
	var o policyOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List what apply has done",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return app.runs(o, asJSON) },
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON (schema: runs)")
	cmd.AddCommand(newRunsShow(app))
	return exitCodes(cmd, "listed", "")
}

func newRunsShow(app *App) *cobra.Command {
	var o policyOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show [RUN]",
		Short: "Show one run, the newest if none is named",
		Args:  cobra.MaximumNArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return app.showRun(o, append(args, "")[0], asJSON) },
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON (schema: run)")
	return exitCodes(cmd, "shown", "")
}

func (a *App) runs(o policyOptions, asJSON bool) error {
	p, err := a.load(o)
	if err != nil {
		return err
	}
	records, listErr := run.List(p.StateDir)
	if asJSON {
		err = view.JSON(a.Stdout, map[string][]run.Record{"runs": records})
	} else {
		err = view.Runs(a.Stdout, records, p.Timezone.Location())
	}
	if err != nil {
		return err
	}
	return listErr
}

func (a *App) showRun(o policyOptions, id string, asJSON bool) error {
	p, err := a.load(o)
	if err != nil {
		return err
	}
	if id == "" {
		ids, err := run.IDs(p.StateDir)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return fail("", "there is no run yet")
		}
		id = ids[0]
	}
	record, err := run.Read(p.StateDir, id)
	if err != nil {
		return err
	}
	if asJSON {
		return view.JSON(a.Stdout, record)
	}
	return view.Run(a.Stdout, record, p.Timezone.Location())
}
