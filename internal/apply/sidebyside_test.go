package apply_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/apply"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/run"
)

// copier is a provider that does several actions at once.
type copier struct {
	parallel int
	prepared [][]plan.Action
	do       func(ctx context.Context, a plan.Action) error
}

func (c *copier) Info() providers.Info { return providers.Info{Parallel: c.parallel} }

func (c *copier) Observe(context.Context, providers.Target) (providers.Part, error) {
	return providers.Part{}, nil
}

func (c *copier) Prepare(_ context.Context, actions []plan.Action) {
	c.prepared = append(c.prepared, actions)
}

func (c *copier) Do(ctx context.Context, a plan.Action) (providers.Result, error) {
	return providers.Result{}, c.do(ctx, a)
}

// alone is a reporter and recorder that notices when it is told two things at the
// same time.
type alone struct {
	t     *testing.T
	busy  atomic.Bool
	begun map[string]bool
	ended map[string]run.Outcome
}

func (r *alone) enter() func() {
	if !r.busy.CompareAndSwap(false, true) {
		r.t.Error("told two things at once")
	}
	return func() { r.busy.Store(false) }
}

func (r *alone) Begin(actions []plan.Action) {
	defer r.enter()()
	for _, a := range actions {
		r.begun[a.ID] = true
	}
}

func (r *alone) End(a plan.Action, ended run.Action) {
	defer r.enter()()
	if _, twice := r.ended[a.ID]; twice {
		r.t.Errorf("%s ended twice", a.ID)
	}
	r.ended[a.ID] = ended.Outcome
}

func (r *alone) Action(run.Action) { defer r.enter()() }

func (r *alone) Start(time.Time, ...string) { defer r.enter()() }

func copyAll(ctx context.Context, t *testing.T, c *copier, p plan.Plan) (*alone, []run.Action) {
	t.Helper()
	r := &alone{t: t, begun: map[string]bool{}, ended: map[string]run.Outcome{}}
	results := apply.Run(ctx, p, apply.Config{
		Layers: map[string]providers.Provider{plan.LayerSnapshot: c}, Recorder: r, Reporter: r,
		Now: func() time.Time { return time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC) },
	})
	return r, results
}

// Each action waits for another to be under way, so fewer at once would hang, and
// none sees more than the provider allows.
func TestAsManyActionsRunAtOnceAsTheProviderAllows(t *testing.T) {
	var mu sync.Mutex
	running, most := 0, 0
	together := make(chan bool)
	c := &copier{parallel: 2}
	c.do = func(context.Context, plan.Action) error {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		select {
		case together <- true:
		case <-together:
		}
		mu.Lock()
		running--
		mu.Unlock()
		return nil
	}
	r, results := copyAll(t.Context(), t, c, script("create a", "refresh b", "create c", "create d", "prune e", "prune f"))
	if most != 2 || len(results) != 6 {
		t.Errorf("%d at once, %d ended", most, len(results))
	}
	wantOutcomes(t, r.ended, "a=done b=done c=done d=done e=done f=done")
	if len(c.prepared) != 2 || len(c.prepared[0]) != 4 {
		t.Errorf("prepared %v", c.prepared)
	}
}

// Safety rule 9, side by side. What waits for another never runs beside it.
func TestRule09OneFailureSideBySideStopsNoOther(t *testing.T) {
	c := &copier{parallel: 4}
	var mu sync.Mutex
	done := map[string]bool{}
	c.do = func(_ context.Context, a plan.Action) error {
		mu.Lock()
		defer mu.Unlock()
		for _, id := range a.DependsOn {
			if !done[id] {
				t.Errorf("%s runs before %s", a.ID, id)
			}
		}
		done[a.ID] = true
		if a.ID == "b" {
			return errors.New("input/output error")
		}
		return nil
	}
	r, _ := copyAll(t.Context(), t, c, script("create a", "create b", "create c after a", "create d after b", "create e", "prune f after e"))
	wantOutcomes(t, r.ended, "a=done b=failed c=done d=skipped e=done f=done")
	if r.begun["d"] {
		t.Error("d was begun")
	}
}

// When the run is asked to stop, what is under way ends by itself, and the rest
// does not begin.
func TestSignalLeavesTheRestSideBySide(t *testing.T) {
	signal := errors.New("terminated signal received")
	ctx, stop := context.WithCancelCause(t.Context())
	var both sync.WaitGroup
	both.Add(2)
	c := &copier{parallel: 2}
	c.do = func(ctx context.Context, a plan.Action) error {
		both.Done()
		both.Wait()
		if a.ID == "a" {
			stop(signal)
			return nil
		}
		<-ctx.Done()
		return context.Cause(ctx)
	}
	r, _ := copyAll(ctx, t, c, script("create a", "create b", "create c", "create d", "prune e"))
	wantOutcomes(t, r.ended, "a=done b=canceled c=canceled d=canceled e=canceled")
	if r.begun["c"] || r.begun["d"] || r.begun["e"] {
		t.Errorf("begun %v", r.begun)
	}
}
