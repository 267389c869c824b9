package cli

import (
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
	return l.tell(journald.Entry{Message: plainLine(ended), Priority: priority(ended.Outcome), Fields: map[string]string{
		"BKPLAN_ACTION": ended.Kind, "BKPLAN_LAYER": a.Layer, "BKPLAN_VOLUME": a.Volume, "BKPLAN_VERSION": ended.Version,
		"BKPLAN_OUTCOME": string(ended.Outcome), "BKPLAN_SECONDS": seconds(ended.Took()), "BKPLAN_ERROR": ended.Error,
	}})
}

func (l journalLog) end(outcome run.Outcome, results []run.Action, took time.Duration) bool {
	return l.tell(journald.Entry{Message: summaryLine(results, took), Priority: priority(outcome), Fields: map[string]string{
		"BKPLAN_OUTCOME": string(outcome), "BKPLAN_SECONDS": seconds(took),
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

func (j journaled) Summary(outcome run.Outcome, results []run.Action, took time.Duration) {
	if !j.log.end(outcome, results, took) {
		j.summarizing.Summary(outcome, results, took)
	}
}
