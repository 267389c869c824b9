package apply_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/apply"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/run"
)

// recorder is a provider, a reporter and a recorder that notes what it is told.
type recorder struct {
	calls   []string // one for each Do or DoAll, with the IDs
	fail    map[string]error
	begin   func(ids string)
	ended   []run.Action
	started []string // IDs of what began together
}

func (r *recorder) Info() providers.Info {
	return providers.Info{Batch: map[plan.ActionKind]int{plan.Prune: 3}}
}

func (r *recorder) Observe(context.Context, providers.Target) (providers.Part, error) {
	return providers.Part{}, nil
}

func (r *recorder) Do(_ context.Context, a plan.Action) (providers.Result, error) {
	outcome := r.DoAll(context.Background(), []plan.Action{a})[0]
	return outcome.Result, outcome.Err
}

func (r *recorder) DoAll(_ context.Context, actions []plan.Action) []providers.Outcome {
	var ids []string
	var outcomes []providers.Outcome
	for _, a := range actions {
		ids = append(ids, a.ID)
		outcomes = append(outcomes, providers.Outcome{Err: r.fail[a.ID]})
	}
	r.calls = append(r.calls, strings.Join(ids, " "))
	if r.begin != nil {
		r.begin(r.calls[len(r.calls)-1])
	}
	return outcomes
}

func (r *recorder) Begin([]plan.Action)             {}
func (r *recorder) End(_ plan.Action, _ run.Action) {}
func (r *recorder) Action(a run.Action)             { r.ended = append(r.ended, a) }
func (r *recorder) Start(at time.Time, ids ...string) {
	r.started = append(r.started, strings.Join(ids, " "))
}

func (r *recorder) outcomes() map[string]run.Outcome { return outcomesOf(r.ended) }
func outcomesOf(list []run.Action) map[string]run.Outcome {
	outcomes := map[string]run.Outcome{}
	for _, a := range list {
		outcomes[a.ID] = a.Outcome
	}
	return outcomes
}

// script makes a plan from lines such as "prune a", "create b", "prune c after
// b", "create d blocked".
func script(lines ...string) plan.Plan {
	p := plan.Plan{Layers: []plan.LayerStatus{{Name: "snapshots", Kind: plan.LayerSnapshot}}}
	for _, line := range lines {
		words := strings.Fields(line)
		a := plan.Action{Kind: plan.ActionKind(words[0]), ID: words[1], Layer: "snapshots", Volume: words[1]}
		switch {
		case len(words) == 4:
			a.DependsOn = []string{words[3]}
		case len(words) == 3:
			a.Blocked = &plan.Block{Code: plan.BlockSpace, Detail: "full", Unblock: "free some"}
		}
		p.Actions = append(p.Actions, a)
	}
	return p
}

func carryOut(ctx context.Context, r *recorder, p plan.Plan) []run.Action {
	return apply.Run(ctx, p, apply.Config{
		Layers: map[string]providers.Provider{plan.LayerSnapshot: r}, Recorder: r, Reporter: r,
		Now: func() time.Time { return time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC) },
	})
}

func wantOutcomes(t *testing.T, got map[string]run.Outcome, want string) {
	t.Helper()
	for _, pair := range strings.Fields(want) {
		id, outcome, _ := strings.Cut(pair, "=")
		if string(got[id]) != outcome {
			t.Errorf("%s is %q, want %q", id, got[id], outcome)
		}
	}
}

// Prunes go together as far as the provider takes them, creates one by one, and
// nothing overtakes anything.
func TestActionsKeepTheirOrderAndGoInBatches(t *testing.T) {
	r := &recorder{}
	carryOut(t.Context(), r, script("prune a", "prune b", "prune c", "prune d", "create e", "create f", "prune g after e"))
	if got := strings.Join(r.calls, "|"); got != "a b c|d|e|f|g" {
		t.Error(got)
	}
	wantOutcomes(t, r.outcomes(), "a=done d=done e=done g=done")
}

// Safety rule 9: one failing volume stops no other; what needed it is skipped.
func TestRule09OneFailureStopsNoOther(t *testing.T) {
	r := &recorder{fail: map[string]error{"b": errors.New("in use"), "d": errors.New("no space")}}
	results := carryOut(t.Context(), r, script("prune a", "prune b", "prune c", "create d", "create e", "prune f after d", "prune g after e"))
	wantOutcomes(t, r.outcomes(), "a=done b=failed c=done d=failed e=done f=skipped g=done")
	if got := apply.Failure(results); got == nil || got.Error() != "not everything was done: 2 failed, 1 skipped" {
		t.Error(got)
	}
	for _, a := range results {
		if a.ID == "f" && a.Detail != "it needs d, which failed" {
			t.Error(a.Detail)
		}
	}
}

// A blocked action reaches no provider, and the run is not green.
func TestBlockedActionIsLeftOut(t *testing.T) {
	r := &recorder{}
	results := carryOut(t.Context(), r, script("create a blocked", "prune b after a", "prune c"))
	wantOutcomes(t, r.outcomes(), "a=blocked b=skipped c=done")
	if strings.Join(r.calls, "|") != "c" || apply.Failure(results) == nil {
		t.Error(r.calls, apply.Failure(results))
	}
}

// On a signal what is under way ends, and the rest is canceled: also the action
// that was still looking when the signal came.
func TestSignalLeavesTheRest(t *testing.T) {
	signal := errors.New("terminated signal received")
	ctx, stop := context.WithCancelCause(t.Context())
	r := &recorder{fail: map[string]error{"b": fmt.Errorf("lvs: %w", signal)}}
	r.begin = func(ids string) {
		if ids == "b" {
			stop(signal)
		}
	}
	results := carryOut(ctx, r, script("create a", "create b", "create c", "prune d after a"))
	wantOutcomes(t, r.outcomes(), "a=done b=canceled c=canceled d=canceled")
	if got := apply.Failure(results); got == nil || got.Error() != "not everything was done: 3 canceled" {
		t.Error(got)
	}
}

// A precondition that does not hold any more reads as what it is.
func TestStaleActionSaysWhatChanged(t *testing.T) {
	stale := &providers.StaleError{Violation: plan.Violation{Detail: "pve/x is gone"}}
	r := &recorder{fail: map[string]error{"a": stale}}
	results := carryOut(t.Context(), r, script("create a"))
	if got := results[0].Error; got != "the world has changed since the plan: pve/x is gone" {
		t.Error(got)
	}
}

func TestNothingToDoIsNoFailure(t *testing.T) {
	r := &recorder{}
	if err := apply.Failure(carryOut(t.Context(), r, script())); err != nil {
		t.Error(err)
	}
}
