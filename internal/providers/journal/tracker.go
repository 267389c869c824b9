// Package journal tells syncs what has changed in a tree, by the change journal that
// `bkplan watch` keeps. Start at Tracker; how the journal knows is in the packages
// watch and journal beside this one's parent.
package journal

import (
	"context"
	"time"

	"github.com/bkplan/bkplan/internal/journal"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/watch"
)

// Tracker reads the journals below a state directory, as a providers.Tracker.
type Tracker struct {
	StateDir string
	Host     string // whose journals are believed
}

// flushLimit is how long the one who watches may take to write down all it knows.
const flushLimit = 5 * time.Minute

// amountLimit is how long a look may weigh what changed: a mount below the tree may be
// one that does not answer any more.
const amountLimit = 5 * time.Second

// Look reads what is written down.
func (t Tracker) Look(ctx context.Context, tree string, since plan.JournalPoint, exclude []string) (providers.TreeChanges, error) {
	told, err := t.read(ctx, tree, since, journal.Point{}, exclude)
	if err != nil || told.Why != "" {
		return told, err
	}
	changes := told
	amount, err := providers.Within(ctx, amountLimit, tree, func() (*plan.Estimate, error) { return amountOf(tree, changes), nil })
	if err == nil { // else it is known at apply
		told.Amount = amount
	}
	return told, context.Cause(ctx)
}

// Prove asks the one who watches to write down all first.
func (t Tracker) Prove(ctx context.Context, tree string, since plan.JournalPoint, exclude []string) (providers.TreeChanges, error) {
	until, err := t.flush(ctx, tree)
	switch {
	case ctx.Err() != nil:
		return providers.TreeChanges{}, context.Cause(ctx)
	case err != nil:
		return providers.TreeChanges{Why: err.Error()}, nil
	}
	changes, err := t.read(ctx, tree, since, until, exclude)
	if ctx.Err() != nil {
		return providers.TreeChanges{}, context.Cause(ctx)
	}
	if err != nil {
		changes.Why = err.Error()
	}
	changes.Until = plan.JournalPoint{Span: until.Span, Segment: until.Segment}
	return changes, nil
}

func (t Tracker) flush(ctx context.Context, tree string) (journal.Point, error) {
	ctx, cancel := context.WithTimeout(ctx, flushLimit)
	defer cancel()
	return watch.Flush(ctx, t.StateDir, tree)
}

// readLimit is how long it may take to read a journal, and to look at the tree that it
// is of.
const readLimit = time.Minute

func (t Tracker) read(ctx context.Context, tree string, since plan.JournalPoint, until journal.Point, exclude []string) (providers.TreeChanges, error) {
	return providers.Within(ctx, readLimit, tree, func() (providers.TreeChanges, error) {
		j, err := journal.Read(t.StateDir, tree, t.Host)
		if err != nil {
			return providers.TreeChanges{}, err
		}
		from := journal.Point{Span: since.Span, Segment: since.Segment}
		changes, why := j.Since(from, until, watch.Plain(exclude))
		return providers.TreeChanges{Names: changes.Names, Subtrees: changes.Subtrees, Why: why}, nil
	})
}

// Consumed removes what every sync of the tree has seen.
func (t Tracker) Consumed(tree string, upTo plan.JournalPoint) error {
	return journal.Consumed(t.StateDir, tree, journal.Point{Span: upTo.Span, Segment: upTo.Segment})
}
