package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/schedule"
	"github.com/bkplan/bkplan/internal/view"
)

type scheduleOptions struct {
	from, zone string
	n          int
	json       bool
}

func newSchedule(app *App) *cobra.Command {
	var o scheduleOptions
	cmd := &cobra.Command{
		Use:   "schedule EXPR",
		Short: "Print the next slots of a calendar expression",
		Long: `Print the next slots of a systemd calendar expression, so that it can be tried
before it stands in a policy.

  bkplan schedule 'Sun *-*-1..7 06:00' --timezone Europe/Sofia -n 3`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return app.schedule(args[0], o) },
	}
	cmd.Flags().StringVar(&o.from, "from", "", "`time` after which slots count (default: now)")
	cmd.Flags().IntVarP(&o.n, "number", "n", 5, "how many slots, 1 to 10000")
	cmd.Flags().StringVar(&o.zone, "timezone", "UTC", "time `zone` of the expression, such as Europe/Sofia")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON (schema: schedule)")
	return exitCodes(cmd, "printed, even when there is no slot", "")
}

func (a *App) schedule(expr string, o scheduleOptions) error {
	calendar, err := schedule.Parse(expr)
	if err != nil {
		return err
	}
	zone, err := plan.ParseZone(o.zone)
	if err != nil {
		return err
	}
	if o.n < 1 || o.n > 10000 {
		return fail("", "-n %d: a number from 1 to 10000 is needed", o.n)
	}
	at := a.now()
	if o.from != "" {
		if at, err = parseTime(o.from, zone.Location()); err != nil {
			return err
		}
	}
	slots := []time.Time{}
	for range o.n {
		next, ok := calendar.Next(at, zone.Location())
		if !ok {
			break
		}
		slots, at = append(slots, next), next
	}
	if o.json {
		return view.JSON(a.Stdout, map[string][]time.Time{"slots": slots})
	}
	if len(slots) == 0 {
		fmt.Fprintf(a.Stdout, "%s never comes again.\n", calendar)
	}
	for _, slot := range slots {
		fmt.Fprintln(a.Stdout, slot.Format("Mon 2006-01-02 15:04:05 -07:00"))
	}
	return nil
}
