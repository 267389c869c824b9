package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/apply"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/run"
)

// summarizing is a Reporter that has a last word.
type summarizing interface {
	apply.Reporter
	Summary(r run.Record)
}

// reporter also tells the journal, where there is one, what it shows.
func (s session) reporter(shown summarizing, runID string) summarizing {
	if log, connected := s.journal(runID); connected {
		return journaled{shown, log}
	}
	return shown
}

// shown is how the progress of a run is shown.
func (s session) shown(p plan.Plan) summarizing {
	switch {
	case s.options.logFormat == "json":
		return jsonLog{slog.New(slog.NewJSONHandler(s.Stdout, &slog.HandlerOptions{ReplaceAttr: s.logTime}))}
	case isTerminal(s.Stdout):
		return &terminalProgress{out: s.Stdout, width: width(s.Stdout), total: len(p.Actions)}
	}
	return plainLog{s.Stdout}
}

// logTime puts the session's clock in place of the system's.
func (s session) logTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		a.Value = slog.TimeValue(s.Now())
	}
	return a
}

// silentLog is for a run of which nothing is to be shown.
type silentLog struct{}

func (silentLog) Begin([]plan.Action) {}

func (silentLog) End(plan.Action, run.Action) {}

func (silentLog) Summary(run.Record) {}

// plainLog writes a line an action: for journals and pipes.
type plainLog struct{ out io.Writer }

func (plainLog) Begin([]plan.Action) {}

func (l plainLog) End(_ plan.Action, ended run.Action) { fmt.Fprintln(l.out, plainLine(ended)) }

func (l plainLog) Summary(r run.Record) { fmt.Fprintln(l.out, summaryLine(r)) }

func plainLine(a run.Action) string {
	line := fmt.Sprintf("%-8s %s %s", a.Outcome, a.Kind, a.ID)
	if a.Kind == string(plan.Create) && !strings.HasSuffix(a.ID, "@"+a.Version) {
		line += " as " + a.Version
	}
	for _, text := range []string{a.Detail, a.Error} {
		if text != "" {
			line += ": " + strings.ReplaceAll(text, "\n", "; ")
		}
	}
	return line
}

func summaryLine(r run.Record) string {
	counts := map[run.Outcome]int{}
	for _, a := range r.Actions {
		counts[a.Outcome]++
	}
	parts := []string{fmt.Sprintf("%d done", counts[run.Done]+counts[run.Already])}
	for _, o := range []run.Outcome{run.Failed, run.Skipped, run.Blocked, run.Canceled} {
		if counts[o] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[o], o))
		}
	}
	return fmt.Sprintf("Apply: %s, in %s.", strings.Join(parts, ", "), r.Took().Round(100*time.Millisecond))
}

// jsonLog writes a JSON line an action.
type jsonLog struct{ log *slog.Logger }

func (jsonLog) Begin([]plan.Action) {}

func (l jsonLog) End(_ plan.Action, a run.Action) {
	log := l.log.Info
	if a.Outcome != run.Done && a.Outcome != run.Already {
		log = l.log.Error
	}
	log("action", "id", a.ID, "kind", a.Kind, "address", a.Address, "version", a.Version, "outcome", string(a.Outcome),
		"seconds", a.Took().Seconds(), "detail", a.Detail, "error", a.Error)
}

func (l jsonLog) Summary(r run.Record) { l.log.Info("run", "summary", summaryLine(r)) }

// terminalProgress draws one line that moves on, and leaves lines behind only
// for what was not done.
type terminalProgress struct {
	out          io.Writer
	width, total int
	ended        int
}

func (t *terminalProgress) Begin(actions []plan.Action) {
	text := fmt.Sprintf("[%d/%d] %s %s", t.ended+1, t.total, actions[0].Kind, actions[0].Address())
	if n := len(actions); n > 1 {
		text = fmt.Sprintf("[%d/%d] %s %d versions", t.ended+1, t.total, actions[0].Kind, n)
	}
	if len(text) >= t.width {
		text = text[:t.width-1]
	}
	fmt.Fprintf(t.out, "\r\x1b[K%s", text)
}

func (t *terminalProgress) End(_ plan.Action, a run.Action) {
	t.ended++
	if a.Outcome != run.Done && a.Outcome != run.Already {
		fmt.Fprintf(t.out, "\r\x1b[K%s\n", plainLine(a))
	}
}

func (t *terminalProgress) Summary(r run.Record) {
	fmt.Fprintf(t.out, "\r\x1b[K%s\n", summaryLine(r))
}

// lockFailure adds the hint to who holds the lock.
func lockFailure(err error) error {
	if errors.Is(err, run.ErrLocked) {
		return fail("wait for it with --lock-timeout 10m", "%w", err)
	}
	return err
}
