// Package apply carries out a plan. Start at Run: it takes the actions in the
// plan's order, hands them to the providers, records and reports each end, and
// goes on when one fails. It decides nothing: what may be done is in the plan.
package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/run"
)

// Reporter is told how a run goes, never twice at the same time.
type Reporter interface {
	// Begin comes before the actions are carried out; a batch has several.
	Begin(actions []plan.Action)
	// End comes once for every action of the plan.
	End(action plan.Action, ended run.Action)
}

// Recorder keeps the beginning of what is carried out, and the end of every action.
type Recorder interface {
	Start(at time.Time, ids ...string)
	Action(run.Action)
}

// Config is what Run needs beside the plan.
type Config struct {
	// Layers are the providers, by kind of layer.
	Layers   map[string]providers.Provider
	Recorder Recorder
	Reporter Reporter
	Now      func() time.Time
}

// Run carries out the plan's actions. When ctx ends, what is under way is
// brought to its end and the rest is canceled. The result has the end of
// every action; the failure of one is no error of Run.
func Run(ctx context.Context, p plan.Plan, config Config) []run.Action {
	r := runner{Config: config, kinds: map[string]string{}, ended: map[string]run.Outcome{}}
	for _, l := range p.Layers {
		r.kinds[l.Name] = l.Kind
	}
	for rest := p.Actions; len(rest) > 0; {
		n := r.step(ctx, rest)
		rest = rest[n:]
	}
	return r.results
}

type runner struct {
	Config
	kinds   map[string]string // of layers
	mu      sync.Mutex        // guards what follows, and the calls of Reporter and Recorder
	ended   map[string]run.Outcome
	results []run.Action
}

// step deals with the first action, or with as many as go in one batch, and
// says how many that were.
func (r *runner) step(ctx context.Context, rest []plan.Action) int {
	first := rest[0]
	if outcome, why := r.refuse(ctx, first); outcome != "" {
		r.end(first, run.Action{Outcome: outcome, Detail: why})
		return 1
	}
	provider := r.Layers[r.kinds[first.Layer]]
	batcher, ok := provider.(providers.Batcher)
	if !ok || batcher.Info().Batch[first.Kind] < 2 {
		n := r.batch(ctx, rest, len(rest))
		r.sideBySide(ctx, provider, rest[:n])
		return n
	}
	n := r.batch(ctx, rest, batcher.Info().Batch[first.Kind])
	r.carryOut(ctx, rest[:n], func(batch []plan.Action) []providers.Outcome { return batcher.DoAll(ctx, batch) })
	return n
}

// sideBySide carries out actions that do not depend on one another, as many at
// once as the provider allows. Those that have not begun when ctx ends do not.
func (r *runner) sideBySide(ctx context.Context, provider providers.Provider, actions []plan.Action) {
	if preparer, ok := provider.(providers.Preparer); ok {
		preparer.Prepare(ctx, actions)
	}
	var group errgroup.Group
	group.SetLimit(max(1, provider.Info().Parallel))
	for _, a := range actions {
		group.Go(func() error {
			if ctx.Err() != nil {
				r.end(a, run.Action{Outcome: run.Canceled, Detail: stopped})
				return nil
			}
			r.carryOut(ctx, []plan.Action{a}, func([]plan.Action) []providers.Outcome {
				result, err := provider.Do(ctx, a)
				return []providers.Outcome{{Result: result, Err: err}}
			})
			return nil
		})
	}
	_ = group.Wait() // the ends of the actions are told one by one
}

// stopped says why something was left for the next run.
const stopped = "the run was asked to stop"

// batch counts the actions from the first on that can go together with it: none
// of them depends on another, since what an action depends on has ended before it
// is let through.
func (r *runner) batch(ctx context.Context, rest []plan.Action, limit int) int {
	n := 1
	for n < len(rest) && n < limit {
		outcome, _ := r.refuse(ctx, rest[n])
		if outcome != "" || making(rest[n].Kind) != making(rest[0].Kind) || rest[n].Layer != rest[0].Layer {
			break
		}
		n++
	}
	return n
}

// making has one word for the kinds that make a version.
func making(k plan.ActionKind) plan.ActionKind {
	if k == plan.Refresh {
		return plan.Create
	}
	return k
}

// refuse says why an action is not carried out; an empty outcome lets it.
func (r *runner) refuse(ctx context.Context, a plan.Action) (run.Outcome, string) {
	if a.Blocked != nil {
		return run.Blocked, a.Blocked.Detail + "; to unblock: " + a.Blocked.Unblock
	}
	for _, id := range a.DependsOn {
		if outcome := r.ended[id]; outcome != run.Done && outcome != run.Already {
			return run.Skipped, fmt.Sprintf("it needs %s, which %s", id, phrase(outcome))
		}
	}
	if ctx.Err() != nil {
		return run.Canceled, stopped
	}
	if r.Layers[r.kinds[a.Layer]] == nil {
		return run.Failed, fmt.Sprintf("layers of kind %q: %v", r.kinds[a.Layer], providers.ErrUnsupported)
	}
	return "", ""
}

func phrase(o run.Outcome) string {
	if o == "" {
		return "is not part of this run"
	}
	return map[run.Outcome]string{
		run.Failed: "failed", run.Skipped: "was skipped", run.Blocked: "is blocked", run.Canceled: "was canceled",
	}[o]
}

func (r *runner) carryOut(ctx context.Context, batch []plan.Action, do func([]plan.Action) []providers.Outcome) {
	began := r.Now()
	r.begin(batch, began)
	outcomes := do(batch)
	ended := r.Now()
	for i, a := range batch {
		end := run.Action{Outcome: run.Done, Started: began, Ended: ended, Seconds: max(0, ended.Sub(began)).Seconds(), Detail: outcomes[i].Result.Detail}
		switch err := outcomes[i].Err; {
		case ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
			// A provider lets what changes something come to its end, so this
			// ended while it was looking.
			end.Outcome, end.Detail = run.Canceled, stopped
		case err != nil:
			end.Outcome, end.Error = run.Failed, explain(err)
		case outcomes[i].Result.Already:
			end.Outcome, end.Detail = run.Already, "it was so already"
		}
		r.end(a, end)
	}
}

// explain makes a stale precondition read as what it is.
func explain(err error) string {
	if stale := (*providers.StaleError)(nil); errors.As(err, &stale) {
		return "the world has changed since the plan: " + stale.Violation.Detail
	}
	return err.Error()
}

func (r *runner) begin(batch []plan.Action, at time.Time) {
	var ids []string
	for _, a := range batch {
		ids = append(ids, a.ID)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Recorder.Start(at, ids...)
	r.Reporter.Begin(batch)
}

func (r *runner) end(a plan.Action, end run.Action) {
	r.mu.Lock()
	defer r.mu.Unlock()
	end.ID, end.Kind, end.Address, end.Version = a.ID, string(a.Kind), a.Address(), a.Version
	r.ended[a.ID] = end.Outcome
	r.results = append(r.results, end)
	r.Recorder.Action(end)
	r.Reporter.End(a, end)
}

// Failure sums up the ends of a run; nil means that everything in the plan
// was done. Something left out means that the run is not green.
func Failure(results []run.Action) error {
	counts := map[run.Outcome]int{}
	for _, a := range results {
		counts[a.Outcome]++
	}
	var parts []string
	for _, o := range []run.Outcome{run.Failed, run.Skipped, run.Blocked, run.Canceled} {
		if counts[o] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[o], o))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return fmt.Errorf("not everything was done: %s", strings.Join(parts, ", "))
}
