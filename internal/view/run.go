package view

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bkplan/bkplan/internal/run"
)

// Runs writes a line a run, newest first. Times are in zone.
func Runs(w io.Writer, records []run.Record, zone *time.Location) error {
	if len(records) == 0 {
		_, err := fmt.Fprintln(w, "No run yet.")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RUN\tSTARTED\tTOOK\tOUTCOME\tACTIONS")
	for _, r := range records {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.ID, r.Started.In(zone).Format("2006-01-02 15:04"), took(r.Started, r.Ended), r.Outcome, counts(r))
	}
	return table.Flush()
}

// Run writes one run with the end of each of its actions.
func Run(w io.Writer, r run.Record, zone *time.Location) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Run %s: %s\n", r.ID, r.Outcome)
	fmt.Fprintf(&b, "  %s on %s, took %s\n", r.Started.In(zone).Format("2006-01-02 15:04:05 -07:00"), escape(r.Host), took(r.Started, r.Ended))
	fmt.Fprintf(&b, "  command: %s\n", escape(strings.Join(r.Command, " ")))
	fmt.Fprintf(&b, "  policy:  %s\n", r.PolicyDigest)
	if r.PlanID != "" {
		fmt.Fprintf(&b, "  plan:    %s\n", r.PlanID)
	}
	for _, a := range r.Actions {
		fmt.Fprintf(&b, "\n  %-8s %s %s", a.Outcome, a.Kind, escape(a.ID))
		if !a.Started.IsZero() {
			fmt.Fprintf(&b, " (%s)", took(a.Started, a.Ended))
		}
		for _, text := range []string{a.Detail, a.Error} {
			if text != "" {
				fmt.Fprintf(&b, "\n           %s", escape(text))
			}
		}
	}
	if left := r.Planned - r.Count(run.Done) - r.Count(run.Already) - r.Count(run.Failed) - r.Count(run.Skipped) - r.Count(run.Canceled); r.Ended.IsZero() && left > 0 {
		fmt.Fprintf(&b, "\n  %d actions have no end recorded", left)
	}
	if r.Error != "" {
		fmt.Fprintf(&b, "\n\n  error: %s", escape(r.Error))
	}
	_, err := io.WriteString(w, b.String()+"\n")
	return err
}

func took(started, ended time.Time) string {
	if ended.IsZero() {
		return "?"
	}
	return ended.Sub(started).Round(100 * time.Millisecond).String()
}

func counts(r run.Record) string {
	parts := []string{fmt.Sprintf("%d done", r.Count(run.Done)+r.Count(run.Already))}
	for _, o := range []run.Outcome{run.Failed, run.Skipped, run.Blocked, run.Canceled} {
		if n := r.Count(o); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, o))
		}
	}
	return strings.Join(parts, ", ")
}
