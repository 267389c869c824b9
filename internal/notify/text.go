package notify

import (
	"fmt"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/run"
)

// Limits of texts for people: whoever wants to know more has `bkplan runs show`.
const (
	maxListed = 10
	maxWords  = 300  // bytes
	maxText   = 3500 // bytes; ntfy takes 4096
)

// notice says the same as `bkplan runs show`, in short.
func notice(event string, r run.Record, at time.Time, zone *time.Location) Notice {
	n := Notice{Event: event, Run: r, At: at, Title: title(event, r)}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s", n.Title)
	line("began %s", r.Started.In(zone).Format("2006-01-02 15:04:05 -07:00"))
	if len(r.Layers) > 0 {
		line("layers: %s", safe(strings.Join(r.Layers, ", ")))
	}
	if event != plan.OnStart {
		line("took %s: %s", r.Took().Round(time.Second), counts(r))
		troubles(line, r)
	}
	if r.Error != "" {
		line("error: %s", safe(r.Error))
	}
	for _, w := range r.Warnings[:min(len(r.Warnings), maxListed)] {
		line("warning: %s", safe(w.Detail))
	}
	n.Text = cut(b.String(), maxText)
	if r.ID != "" && event != plan.OnStart {
		n.Text += "more: bkplan runs show " + r.ID + "\n"
	}
	return n
}

func title(event string, r run.Record) string {
	what := map[string]string{plan.OnStart: "began", plan.OnSuccess: "succeeded", plan.OnFailure: "failed"}[event]
	if event == plan.OnFailure && r.Outcome == run.Interrupted {
		what = "was interrupted"
	}
	if r.ID == "" {
		return fmt.Sprintf("bkplan on %s: no run could begin", safe(r.Host))
	}
	return fmt.Sprintf("bkplan on %s: run %s %s", safe(r.Host), r.ID, what)
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

// troubles lists what was not done, and why.
func troubles(line func(string, ...any), r run.Record) {
	for _, l := range r.BlockedLayers {
		line("blocked: all of layer.%s: %s; to unblock: %s", safe(l.Layer), safe(l.Detail), safe(l.Unblock))
	}
	listed := 0
	for _, a := range r.Actions {
		if a.Outcome.Fine() {
			continue
		}
		if listed++; listed <= maxListed {
			line("%s: %s %s: %s", a.Outcome, a.Kind, safe(a.ID), safe(a.Error+a.Detail))
		}
	}
	if listed > maxListed {
		line("and %d more", listed-maxListed)
	}
}

// safe makes words from outside one line, and short.
func safe(text string) string {
	text = execx.Escape(strings.Join(strings.Fields(text), " "))
	return strings.TrimSuffix(cut(text, maxWords), "\n")
}

// cut shortens a text, and says so.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…\n"
}
