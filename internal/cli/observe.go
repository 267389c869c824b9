package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/observe"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/planfile"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/run"
)

func newObserve(app *App) *cobra.Command {
	var options policyOptions
	var out string
	cmd := &cobra.Command{
		Use:   "observe",
		Short: "Write down what is really there",
		Long: `Look at everything that the policy's sources name, and write it down as an
observation (schema: observation). With it "bkplan plan --observed FILE" plans
on any machine, without LVM and without a cluster: so is a pull request
reviewed.

It also keeps the names that the cluster gave, for the night on which it does
not answer. What could not be observed is written down as unknown.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return untilSignal(func(ctx context.Context) error { return app.observe(ctx, options, out) })
		},
	}
	options.flags(cmd)
	cmd.Flags().StringVarP(&out, "out", "o", "-", "`file` to write; - is standard output")
	return exitCodes(cmd, "everything was observed", "")
}

func (a *App) observe(ctx context.Context, options policyOptions, out string) error {
	p, err := a.load(options)
	if err != nil {
		return err
	}
	registry := a.observers(p)
	o, err := a.look(ctx, p, registry, a.now())
	if err != nil {
		return err
	}
	if out == "-" {
		err = planfile.EncodeObservation(a.Stdout, o)
	} else {
		err = planfile.WriteObservation(out, o)
	}
	if err != nil {
		return err
	}
	if err := observe.Keep(o, registry, p.StateDir); err != nil {
		return err
	}
	return unknownError(o)
}

// look observes the world and knows when the last run was.
func (a *App) look(ctx context.Context, p plan.Policy, registry providers.Registry, now time.Time) (plan.Observation, error) {
	host, id := a.host()
	last, err := run.Last(p.StateDir)
	if err != nil {
		return plan.Observation{}, err
	}
	o, err := observe.Observe(ctx, p, registry, observe.Where{Host: host, HostID: id, StateDir: p.StateDir, Now: now, LastRun: last})
	if err != nil {
		return o, err
	}
	o.History, err = history(p.StateDir)
	return o, err
}

// historyRuns is how many runs are looked at for what was free: more than are made
// in the time that a forecast looks back.
const historyRuns = 1000

// history is what earlier runs found free: of each place once a day, since more says
// no more.
func history(stateDir string) ([]plan.Room, error) {
	records, err := run.Newest(stateDir, historyRuns)
	if err != nil {
		return nil, err
	}
	type day struct{ place, date string }
	seen := map[day]bool{}
	var rooms []plan.Room
	for _, record := range records {
		for _, r := range record.Rooms {
			if key := (day{r.Place, record.Started.UTC().Format(time.DateOnly)}); !seen[key] {
				seen[key] = true
				rooms = append(rooms, plan.Room{Place: r.Place, Time: record.Started, Size: r.Size, Free: r.Free})
			}
		}
	}
	slices.Reverse(rooms)
	return rooms, nil
}

// unknownError makes an error of what could not be observed. What could be
// has been dealt with by then.
func unknownError(o plan.Observation) error {
	switch n := len(o.Unknown); n {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%s could not be observed: %s", o.Unknown[0].Address, o.Unknown[0].Detail)
	default:
		return fmt.Errorf("%d things could not be observed; the first, %s: %s", n, o.Unknown[0].Address, o.Unknown[0].Detail)
	}
}
