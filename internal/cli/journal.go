package cli

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/bkplan/bkplan/internal/journald"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/run"
)

// journalLog tells systemd's journal how a run goes, in fields that can be searched.
type journalLog struct {
	sender *journald.Sender
	run    string
	// instead says that the lines of the command end up in the journal as well, so that
	// an entry stands in place of its line.
	instead bool
}

// journal is where systemd has connected stderr with its journal.
func (a *App) journal(runID string) (journalLog, bool) {
	stream := a.getenv("JOURNAL_STREAM")
	if !isStream(a.Stderr, stream) {
		return journalLog{}, false
	}
	sender, err := journald.Open(a.Journal)
	return journalLog{sender, runID, isStream(a.Stdout, stream)}, err == nil
}

func isStream(stream any, name string) bool {
	file, ok := stream.(*os.File)
	return ok && journald.IsStream(file, name)
}

// tell says whether the entry is all that need be said.
func (l journalLog) tell(e journald.Entry) bool {
	e.Fields["BKPLAN_RUN"], e.Fields["SYSLOG_IDENTIFIER"] = l.run, "bkplan"
	return l.sender.Send(e) == nil && l.instead
}

func (l journalLog) action(a plan.Action, ended run.Action) bool {
	detail, unblock := ended.Detail, ""
	if a.Blocked != nil && ended.Outcome == run.Blocked {
		detail, unblock = a.Blocked.Detail, a.Blocked.Unblock
	}
	return l.tell(journald.Entry{Message: plainLine(ended), Priority: priority(ended.Outcome), Fields: map[string]string{
		"BKPLAN_ACTION": ended.Kind, "BKPLAN_LAYER": a.Layer, "BKPLAN_VOLUME": a.Volume, "BKPLAN_VERSION": ended.Version,
		"BKPLAN_OUTCOME": string(ended.Outcome), "BKPLAN_SECONDS": seconds(ended.Took()), "BKPLAN_ERROR": ended.Error,
		"BKPLAN_DETAIL": detail, "BKPLAN_UNBLOCK": unblock,
	}})
}

// blockedLayer tells of a layer that has no actions whose ends could be told. No line
// stands for it: the plan shows it.
func (l journalLog) blockedLayer(b run.BlockedLayer) {
	line := fmt.Sprintf("%-8s layer.%s: %s", run.Blocked, b.Layer, b.Detail)
	if b.Unblock != "" {
		line += "; to unblock: " + b.Unblock
	}
	l.tell(journald.Entry{Message: line, Priority: priority(run.Blocked), Fields: map[string]string{
		"BKPLAN_LAYER": b.Layer, "BKPLAN_OUTCOME": string(run.Blocked), "BKPLAN_DETAIL": b.Detail, "BKPLAN_UNBLOCK": b.Unblock,
	}})
}

func (l journalLog) end(r run.Record) bool {
	for _, b := range r.BlockedLayers {
		l.blockedLayer(b)
	}
	return l.tell(journald.Entry{Message: summaryLine(r), Priority: priority(r.Outcome), Fields: map[string]string{
		"BKPLAN_OUTCOME": string(r.Outcome), "BKPLAN_SECONDS": seconds(r.Took()), "BKPLAN_ERROR": r.Error,
	}})
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

func priority(o run.Outcome) journald.Priority {
	switch o {
	case run.Failed:
		return journald.Error
	case run.Skipped, run.Blocked, run.Canceled, run.Interrupted:
		return journald.Warning
	}
	return journald.Info
}

// journaled is a reporter whose words go to the journal too.
type journaled struct {
	summarizing
	log journalLog
}

func (j journaled) End(a plan.Action, ended run.Action) {
	if !j.log.action(a, ended) {
		j.summarizing.End(a, ended)
	}
}

func (j journaled) Summary(r run.Record) {
	if !j.log.end(r) {
		j.summarizing.Summary(r)
	}
}
