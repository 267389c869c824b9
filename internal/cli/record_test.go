package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/run"
)

// A run whose record can be written no more, as on a disk that is full, fails: so say its
// metrics, and so are people told.
func TestARunWhoseRecordIsLostIsToldAsAFailure(t *testing.T) {
	dir := t.TempDir()
	told, textfile := filepath.Join(dir, "told"), filepath.Join(dir, "bkplan.prom")
	now := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	app := &App{
		Stdout: &out, Stderr: &out, Now: func() time.Time { return now },
		Hostname: func() (string, error) { return "pve", nil }, Runner: execx.New(),
	}
	s := app.session(applyOptions{autoApprove: true}, plan.Policy{
		StateDir: dir, Metrics: plan.Metrics{Textfile: textfile},
		Notifications: []plan.Notification{{
			Kind: plan.NotifyCommand, Name: "mine", On: []string{plan.OnSuccess, plan.OnFailure}, Timeout: 10 * time.Second,
			Command: []string{"/bin/sh", "-c", `echo "$BKPLAN_EVENT $BKPLAN_OUTCOME" >"$0"`, told},
		}},
	})
	writer, record, err := s.begin(plan.Plan{Layers: []plan.LayerStatus{{Name: "weekly", CarriedOut: true}}}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil { // nothing can be written from here on
		t.Fatal(err)
	}
	writer.Action(run.Action{Outcome: run.Done})
	if err := s.finish(t.Context(), silentLog{}, writer, record, plan.Observation{}, nil); err == nil {
		t.Error("the run succeeded")
	}
	if text, _ := os.ReadFile(told); string(text) != "failure failed\n" {
		t.Errorf("told as %q", text)
	}
	if text, _ := os.ReadFile(textfile); !strings.Contains(string(text), "\nbkplan_last_run_success 0\n") {
		t.Errorf("metrics: %s", text)
	}
}

// Whoever reads "stopped by a signal; nothing was changed" must be able to believe it: a
// run that did something, and then looked for too long, says something else.
func TestGraceEndsWithACauseOfItsOwn(t *testing.T) {
	stopped, stop := context.WithCancel(t.Context())
	stop()
	ctx, cancel := withGrace(stopped, time.Millisecond, errLookedTooLong)
	defer cancel()
	<-ctx.Done()
	if err := context.Cause(ctx); errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
