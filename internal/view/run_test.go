package view

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/run"
)

var began = time.Date(2026, 11, 25, 1, 0, 0, 0, time.UTC)

// storyOfARun has one of everything that can become of an action.
func storyOfARun() run.Record {
	step := func(kind, volume, why string) run.Step {
		return run.Step{
			ID: `layer.weekly["` + volume + `"]`, Kind: kind, Layer: "weekly", Volume: volume, Version: "2026-48",
			Reason: run.Reason{Code: "due", Detail: why},
		}
	}
	r := run.Record{
		Format: "bkplan.run", Version: 1, ID: "20261125T010000Z", Started: began, Ended: began.Add(-time.Hour), Seconds: 754.2,
		Host: "pve", PID: 42, User: "root", Command: []string{"bkplan", "apply", "--auto-approve"}, PolicyDigest: "sha256:1", PlanID: "sha256:2",
		Planned: 5, Layers: []string{"weekly", "offsite"}, Outcome: run.Failed, Error: "not everything was done: 1 failed, 1 skipped, 1 blocked",
		Plan: []run.Step{
			step("create", "vaultwarden/data", "no version yet"), step("create", "postgres/data", "due"),
			step("prune", "postgres/data", "not among the last 4"), step("create", "mail/data", "due"), step("sync", "media/\x1b[2J\nall", "due"),
		},
		BlockedLayers: []run.BlockedLayer{{Layer: "offsite", Code: "mount", Detail: "/volume1 is not mounted", Unblock: "mount it"}},
		Warnings:      []run.Warning{{Code: "stale_names", Detail: "names are of yesterday", Hint: "look at the cluster"}, {Code: "notify", Detail: `notify "ntfy" "phone": it answered 500`}},
	}
	r.Plan[0].Estimate = &run.Estimate{Bytes: 3 << 20}
	r.Plan[1].Estimate = &run.Estimate{Files: 12, Size: 7 << 30, Bytes: 1 << 20}
	r.Plan[2].ID += "@2026-44"
	r.Plan[2].Estimate = &run.Estimate{Bytes: 5 << 30}
	r.Plan[3].Blocked = &run.Block{Code: "suspect", Detail: "the newest is far smaller than before", Unblock: "look at it"}
	r.Plan[4].Estimate = &run.Estimate{Files: 12, Size: 7 << 30, Bytes: 1 << 20}
	end := func(i int, outcome run.Outcome, seconds float64, detail, err string) run.Action {
		a := run.Action{ID: r.Plan[i].ID, Kind: r.Plan[i].Kind, Address: r.Plan[i].ID, Version: r.Plan[i].Version, Outcome: outcome, Detail: detail, Error: err}
		if seconds > 0 {
			a.Started, a.Ended, a.Seconds = began, began.Add(-time.Hour), seconds
		}
		return a
	}
	r.Actions = []run.Action{
		end(0, run.Done, 62.04, "12 files, 3 MiB copied", ""), end(1, run.Failed, 1.5, "", "rsync: exit 23: some files\nvanished"),
		end(2, run.Skipped, 0, "it needs "+r.Plan[1].ID+", which failed", ""), end(3, run.Blocked, 0, "the newest is far smaller than before; to unblock: look at it", ""),
		end(4, run.Canceled, 0, "the run was asked to stop", ""),
	}
	return r
}

func draw(t *testing.T, r run.Record) string {
	t.Helper()
	var b bytes.Buffer
	if err := Run(&b, r, time.UTC); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRun(t *testing.T) {
	whole := storyOfARun()
	killed := storyOfARun()
	killed.Ended, killed.Seconds, killed.Outcome, killed.Error, killed.Warnings = time.Time{}, 0, run.Killed, "", nil
	killed.Actions = killed.Actions[:1]
	killed.UnderWay = []run.UnderWay{{ID: killed.Plan[1].ID, Since: began.Add(26 * time.Hour)}}
	old := storyOfARun()
	old.Plan, old.BlockedLayers, old.Warnings, old.Layers, old.User, old.Seconds, old.Ended = nil, nil, nil, nil, "", 0, time.Time{}
	old.Outcome, old.Actions = run.Killed, old.Actions[:2]
	for name, r := range map[string]run.Record{"run.txt": whole, "run-killed.txt": killed, "run-old.txt": old} {
		t.Run(name, func(t *testing.T) { golden(t, name, draw(t, r)) })
	}
	var b bytes.Buffer
	if err := JSON(&b, whole); err != nil {
		t.Fatal(err)
	}
	golden(t, "run.json", b.String())
}

func TestRuns(t *testing.T) {
	var b bytes.Buffer
	if err := Runs(&b, []run.Record{storyOfARun(), {ID: "20261124T010000Z", Started: began, Outcome: run.Unknown}}, time.UTC); err != nil {
		t.Fatal(err)
	}
	golden(t, "runs.txt", b.String())
}

// The words of a tool and a clock that jumps never move the cursor or make a run last
// less than nothing.
func TestRunIsSafeToPrint(t *testing.T) {
	text := draw(t, storyOfARun())
	if strings.ContainsAny(text, "\x1b\r") || strings.Contains(text, "-1h") && !strings.Contains(text, "back") {
		t.Errorf("%q", text)
	}
}

func TestJumpOfTheClock(t *testing.T) {
	for _, c := range []struct {
		ended   time.Duration
		seconds float64
		want    string
	}{
		{5 * time.Second, 5.4, ""},
		{5 * time.Second, 0, ""},
		{3 * time.Hour, 5, "; meanwhile the clock went ahead by 2h59m55s, or the machine slept"},
		{-time.Hour, 5, "; meanwhile the clock was set back by 1h0m5s"},
	} {
		if got := jump(run.Record{Started: began, Ended: began.Add(c.ended), Seconds: c.seconds}); got != c.want {
			t.Errorf("%v: %q", c.ended, got)
		}
	}
}
