package cli

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/run"
)

// begin starts the record of a run with all that is planned.
func (s session) begin(p plan.Plan, planID string) (*run.Writer, run.Record, error) {
	host, _ := s.host()
	record := run.Record{
		Started: s.Now(), Host: host, PID: s.pid(), User: s.user(), Command: s.command(), PolicyDigest: p.PolicyDigest,
		PlanID: planID, Planned: p.Summary().Changes(), Rooms: rooms(p),
	}
	for _, a := range p.Actions {
		record.Plan = append(record.Plan, step(a))
	}
	record.Layers = layersOf(p)
	for _, l := range p.Layers {
		if b := l.Blocked; b != nil {
			record.BlockedLayers = append(record.BlockedLayers, run.BlockedLayer{Layer: l.Name, Code: b.Code, Detail: b.Detail, Unblock: b.Unblock})
		}
	}
	for _, w := range p.Warnings {
		record.Warnings = append(record.Warnings, run.Warning{Code: w.Code, Detail: w.Detail, Hint: w.Hint})
	}
	writer, record, err := run.Begin(s.policy.StateDir, record)
	*s.recorded = *s.recorded || err == nil
	return writer, record, err
}

// layersOf are the layers that a plan is to make all that is due of.
func layersOf(p plan.Plan) []string {
	relinks := func(a plan.Action) bool { return a.Kind == plan.Relink }
	if len(p.Filter.Volumes) > 0 || slices.ContainsFunc(p.Actions, relinks) {
		return nil
	}
	var names []string
	for _, l := range p.Layers {
		if l.CarriedOut {
			names = append(names, l.Name)
		}
	}
	return names
}

func step(a plan.Action) run.Step {
	s := run.Step{
		ID: a.ID, Kind: string(a.Kind), Layer: a.Layer, Volume: a.Volume, Version: a.Version,
		Reason: run.Reason{Code: a.Reason.Code, Detail: a.Reason.Detail},
	}
	if c := a.Copy; c != nil && c.Estimate != nil {
		s.Estimate = &run.Estimate{Files: c.Estimate.Files, Size: c.Estimate.Size, Bytes: c.Estimate.Bytes}
	}
	if b := a.Blocked; b != nil {
		s.Blocked = &run.Block{Code: b.Code, Detail: b.Detail, Unblock: b.Unblock}
	}
	return s
}

// rooms is what is free at the destinations before the run.
func rooms(p plan.Plan) []run.Room {
	var list []run.Room
	for _, c := range p.Capacity {
		list = append(list, run.Room{Place: c.Path, Size: c.Size, Free: c.Free})
	}
	return list
}

// user is who runs the command, and who became that by sudo.
func (a *App) user() string {
	name := strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = cmp.Or(u.Username, name)
	}
	if by := a.getenv("SUDO_USER"); by != "" {
		name += ", who is " + by + " by sudo"
	}
	return name
}

// finish makes the metrics of a run that was recorded, ends it, shows and tells how it
// went, and gives its error. That metrics went nowhere is a failure of the run as well, so
// nothing calls it a success before. seen is what the run was planned by.
func (s session) finish(ctx context.Context, shown summarizing, writer *run.Writer, record run.Record, seen plan.Observation, failure error) error {
	at := s.Now()
	record.Ended, record.Seconds = at.Truncate(time.Second), writer.Took(at).Seconds()
	record.Outcome = outcomeOf(cmp.Or(failure, writer.Err()), record.Actions)
	if err := s.publish(ctx, record, seen); err != nil {
		failure = besides(failure, fail("what was done is done; the next run pushes all metrics again", "metrics: %w", err))
		record.Outcome = outcomeOf(failure, record.Actions)
	}
	err := besides(failure, writer.End(at, record.Outcome, failure))
	if err != nil {
		record.Outcome, record.Error = outcomeOf(err, record.Actions), err.Error()
	}
	shown.Summary(record)
	s.forgetOldRuns(writer)
	s.tell(ctx, writer, record)
	return cmp.Or(err, writer.Close())
}

// forgetOldRuns removes the oldest records. That it cannot is no reason for a backup to
// fail.
func (s session) forgetOldRuns(writer *run.Writer) {
	var layers []string
	for _, l := range s.policy.Layers {
		layers = append(layers, l.Name)
	}
	if _, err := run.Prune(s.policy.StateDir, s.now(), run.Kept(layers)); err != nil {
		s.warn(writer, run.Warning{Code: run.WarnRecords, Detail: err.Error()})
	}
}

// warn records a warning and shows it.
func (s session) warn(writer *run.Writer, w run.Warning) {
	writer.Warn(w)
	s.showWarning(w)
}

func (a *App) showWarning(w run.Warning) {
	fmt.Fprintf(a.Stderr, "warning: %s\n", escape(w.Detail))
	if w.Hint != "" {
		fmt.Fprintf(a.Stderr, "hint: %s\n", escape(w.Hint))
	}
}
