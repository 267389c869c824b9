package view

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
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
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.ID, clock(r.Started, zone), tookText(r.Ended, r.Took()), r.Outcome, counts(r))
	}
	return table.Flush()
}

// tookText is in tenths of a second; without an end there is nothing to tell.
func tookText(ended time.Time, took time.Duration) string {
	if ended.IsZero() {
		return "?"
	}
	return took.Round(100 * time.Millisecond).String()
}

func counts(r run.Record) string {
	if r.Outcome == run.Unknown {
		return "made by a newer bkplan"
	}
	parts := []string{fmt.Sprintf("%d done", r.Count(run.Done)+r.Count(run.Already))}
	for _, o := range []run.Outcome{run.Failed, run.Skipped, run.Blocked, run.Canceled} {
		if n := r.Count(o); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, o))
		}
	}
	if n := len(r.BlockedLayers); n > 0 {
		parts = append(parts, count(n, "layer")+" blocked")
	}
	if n := len(r.Warnings); n > 0 {
		parts = append(parts, count(n, "warning"))
	}
	return strings.Join(parts, ", ")
}

// Run writes the whole story of a run: what was planned and why, and what became of it.
func Run(w io.Writer, r run.Record, zone *time.Location) error {
	v := &runView{run: r, zone: zone, ended: map[string]run.Action{}, since: map[string]time.Time{}}
	for _, a := range r.Actions {
		v.ended[a.ID] = a
	}
	for _, u := range r.UnderWay {
		v.since[u.ID] = u.Since
	}
	v.header()
	v.line("")
	for _, l := range r.BlockedLayers {
		v.entry(string(run.Blocked), "all of layer."+escape(l.Layer))
		v.block(run.Block{Detail: l.Detail, Unblock: l.Unblock})
	}
	v.actions()
	v.last()
	_, err := io.WriteString(w, v.String())
	return err
}

type runView struct {
	strings.Builder
	run   run.Record
	zone  *time.Location
	ended map[string]run.Action
	since map[string]time.Time // of actions that are under way
}

func (v *runView) line(format string, args ...any) { fmt.Fprintf(v, format+"\n", args...) }

func (v *runView) header() {
	r := v.run
	v.line("Run %s: %s", r.ID, r.Outcome)
	who := escape(r.Host)
	if r.User != "" {
		who += " by " + escape(r.User)
	}
	if r.PID != 0 {
		who += fmt.Sprintf(", pid %d", r.PID)
	}
	v.line("  %s on %s, took %s%s", r.Started.In(v.zone).Format("2006-01-02 15:04:05 -07:00"), who, tookText(r.Ended, r.Took()), jump(r))
	for _, u := range r.UnderWay {
		at := "is at:  "
		if r.Outcome == run.Killed {
			at = "was at: "
		}
		v.line("  %s %s%s, since %s", at, v.kind(u.ID), escape(u.ID), v.clock(u.Since))
	}
	v.line("  command: %s", escape(strings.Join(r.Command, " ")))
	v.line("  policy:  %s", escape(r.PolicyDigest))
	if r.PlanID != "" {
		v.line("  plan:    %s", escape(r.PlanID))
	}
	if len(r.Layers) > 0 {
		v.line("  layers:  %s", escape(strings.Join(r.Layers, ", ")))
	}
}

// kind is that of a planned action, with a space.
func (v *runView) kind(id string) string {
	for _, s := range v.run.Plan {
		if s.ID == id {
			return s.Kind + " "
		}
	}
	return ""
}

// clock is a time of the run's day, or with its date on another.
func (v *runView) clock(t time.Time) string {
	t = t.In(v.zone)
	if t.Format(time.DateOnly) == v.run.Started.In(v.zone).Format(time.DateOnly) {
		return t.Format("15:04:05")
	}
	return t.Format("2006-01-02 15:04:05")
}

// smallJump is what a clock that is kept right may move in a run.
const smallJump = 10 * time.Second

// jump says how far the clock moved beside the time that passed.
func jump(r run.Record) string {
	if r.Ended.IsZero() || r.Seconds == 0 {
		return ""
	}
	switch moved := (r.Ended.Sub(r.Started) - r.Took()).Round(time.Second); {
	case moved > smallJump:
		return fmt.Sprintf("; meanwhile the clock went ahead by %s, or the machine slept", moved)
	case moved < -smallJump:
		return fmt.Sprintf("; meanwhile the clock was set back by %s", -moved)
	}
	return ""
}

// actions are in the plan's order; runs of older versions have the ends alone.
func (v *runView) actions() {
	for _, s := range v.run.Plan {
		v.step(s)
	}
	if len(v.run.Plan) > 0 {
		return
	}
	for _, a := range v.run.Actions {
		v.action(a)
		v.note(a.Detail)
		v.note(a.Error)
	}
	if left := v.run.Planned - len(v.run.Actions) + v.run.Count(run.Blocked); v.run.Ended.IsZero() && left > 0 {
		v.line("  %s no end recorded", map[bool]string{true: "1 action has", false: fmt.Sprintf("%d actions have", left)}[left == 1])
	}
}

func (v *runView) action(a run.Action) {
	head := a.Kind + " " + escape(a.ID)
	if a.Version != "" && a.Kind == "create" && !strings.HasSuffix(a.ID, "@"+a.Version) {
		head += " as " + escape(a.Version)
	}
	if !a.Started.IsZero() {
		head += " (" + tookText(a.Ended, a.Took()) + ")"
	}
	v.entry(string(a.Outcome), head)
}

func (v *runView) step(s run.Step) {
	a, ended := v.ended[s.ID]
	if ended {
		v.action(a)
	} else {
		v.entry(v.state(s), s.Kind+" "+escape(s.ID))
	}
	v.note("planned: " + s.Reason.Detail + estimated(s))
	if s.Blocked != nil {
		v.block(*s.Blocked)
		return
	}
	v.note(a.Detail)
	v.note(a.Error)
}

// state is a word for a step that has no end.
func (v *runView) state(s run.Step) string {
	_, begun := v.since[s.ID]
	switch alive := v.run.Outcome == run.Running; {
	case s.Blocked != nil:
		return string(run.Blocked)
	case begun && alive:
		return "running"
	case begun:
		return "killed"
	case alive:
		return "waiting"
	}
	return "left"
}

func estimated(s run.Step) string {
	e := s.Estimate
	switch kind := plan.ActionKind(s.Kind); {
	case e == nil:
		return ""
	case kind.Destructive() || kind == plan.Relink:
		return "; about " + quantity.Size(e.Bytes).Human() + " to be freed"
	case kind == plan.Sync && e.Files == 0:
		return ""
	case kind == plan.Sync:
		return fmt.Sprintf("; at most %s with %s", count(int(e.Files), "file"), quantity.Size(e.Size).Human())
	case e.Files == 0:
		return "; about " + quantity.Size(e.Bytes).Human() + " new"
	}
	return fmt.Sprintf("; about %s with %s, %s of it new", count(int(e.Files), "file"), quantity.Size(e.Size).Human(), quantity.Size(e.Bytes).Human())
}

func (v *runView) entry(state, what string) { v.line("  %-8s %s", state, what) }

// note stands below the entry that it is about.
func (v *runView) note(text string) {
	if text != "" {
		v.line("           %s", escape(text))
	}
}

func (v *runView) block(b run.Block) {
	v.note(b.Detail)
	if b.Unblock != "" {
		v.note("to unblock: " + b.Unblock)
	}
}

// last is what the run as a whole came to.
func (v *runView) last() {
	if v.run.Planned+len(v.run.Plan)+len(v.run.Actions)+len(v.run.BlockedLayers) == 0 && !v.run.Ended.IsZero() {
		v.line("  nothing was planned")
	}
	for _, w := range v.run.Warnings {
		v.line("\n  warning: %s", escape(w.Detail))
		if w.Hint != "" {
			v.note(w.Hint)
		}
	}
	if v.run.Error != "" {
		v.line("\n  error: %s", escape(v.run.Error))
	}
}
