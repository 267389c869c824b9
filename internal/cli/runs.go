package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/run"
	"github.com/bkplan/bkplan/internal/view"
)

// runsOptions say where the records are: where the policy has them, or in a folder that
// is named, so that a policy that is not valid hides no run.
type runsOptions struct {
	policyOptions
	stateDir string
	layer    string
	asJSON   bool
}

func (o *runsOptions) flags(cmd *cobra.Command, schema string) {
	o.policyOptions.flags(cmd)
	cmd.Flags().StringVar(&o.stateDir, "state-dir", "", "look into this `folder`, and read no policy")
	cmd.Flags().StringVar(&o.layer, "layer", "", "only runs that were to do something of this `layer`")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON (schema: "+schema+")")
}

func newRuns(app *App) *cobra.Command {
	var o runsOptions
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List what apply has done",
		Long: `List the runs of apply, the newest first. A run that was killed, by a signal or by
a power cut, is shown as killed. Records stay for 400 days and 1000 runs; the last run
and the last success of each layer stay in any case.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return app.runs(o) },
	}
	o.flags(cmd, "runs")
	cmd.AddCommand(newRunsShow(app))
	return exitCodes(cmd, "listed", "")
}

func newRunsShow(app *App) *cobra.Command {
	var o runsOptions
	cmd := &cobra.Command{
		Use:   "show [RUN]",
		Short: "Tell the whole story of one run",
		Long: `Tell the whole story of one run; of the newest, with --layer of the newest that was
to do something of that layer, if none or "latest" is named: what was planned and
why, what was done and how long it took, what failed with the words of the tool that
failed, what was skipped because of it, and what was blocked with what would unblock
it.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return app.showRun(o, append(args, latest)[0]) },
	}
	o.flags(cmd, "run")
	return exitCodes(cmd, "shown", "")
}

// latest names the newest run.
const latest = "latest"

// place is the state directory, and the zone in which times are shown: the machine's
// where no policy tells one.
func (a *App) place(o runsOptions) (string, *time.Location, error) {
	if o.stateDir != "" {
		if info, err := os.Stat(o.stateDir); err != nil || !info.IsDir() {
			return "", nil, fail("", "--state-dir %q is not a folder", o.stateDir)
		}
		return o.stateDir, time.Local, nil
	}
	p, err := a.load(o.policyOptions)
	if err != nil {
		const hint = "with --state-dir /var/lib/bkplan no policy is needed"
		if errors.Is(err, errShown) {
			fmt.Fprintf(a.Stderr, "hint: %s\n", hint)
		}
		return "", nil, fail(hint, "%w", err)
	}
	return p.StateDir, p.Timezone.Location(), nil
}

func (a *App) runs(o runsOptions) error {
	stateDir, zone, err := a.place(o)
	if err != nil {
		return err
	}
	records, listErr := run.List(stateDir)
	records = slices.DeleteFunc(records, func(r run.Record) bool { return !o.concerns(r) })
	if o.asJSON {
		err = view.JSON(a.Stdout, map[string][]run.Record{"runs": records})
	} else {
		err = view.Runs(a.Stdout, records, zone)
	}
	if err != nil {
		return err
	}
	return listErr
}

func (a *App) showRun(o runsOptions, id string) error {
	stateDir, zone, err := a.place(o)
	if err != nil {
		return err
	}
	record, err := o.find(stateDir, id)
	if err != nil {
		return err
	}
	if o.asJSON {
		return view.JSON(a.Stdout, record)
	}
	return view.Run(a.Stdout, record, zone)
}

func (o runsOptions) concerns(r run.Record) bool { return o.layer == "" || r.Concerns(o.layer) }

// find reads the record of a run, or of the newest one that is asked for.
func (o runsOptions) find(stateDir, id string) (run.Record, error) {
	if id != latest {
		return run.Read(stateDir, id)
	}
	ids, err := run.IDs(stateDir)
	if err != nil {
		return run.Record{}, err
	}
	for _, id := range ids {
		record, err := run.Read(stateDir, id)
		switch {
		case o.layer != "" && err != nil: // it tells not whose run it was
		case err != nil || o.concerns(record):
			return record, err
		}
	}
	if o.layer != "" {
		return run.Record{}, fail("", "there is no run of layer %q yet", o.layer)
	}
	return run.Record{}, fail("", "there is no run yet")
}
