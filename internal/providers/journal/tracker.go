// Package journal tells syncs what has changed in a tree, by the change journal that
// `bkplan watch` keeps. Start at Tracker; how the journal knows is in the packages
// watch and journal beside this one's parent.
package journal

import (
	"context"
	"errors"
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

// Look reads what is written down.
func (t Tracker) Look(tree string, since plan.JournalPoint, exclude []string) (providers.TreeChanges, error) {
	return t.read(tree, since, journal.Point{}, exclude)
}

// Prove asks the one who watches to write down all first.
func (t Tracker) Prove(ctx context.Context, tree string, since plan.JournalPoint, exclude []string) (providers.TreeChanges, error) {
	until, err := t.flush(ctx, tree)
	if err != nil {
		if ctx.Err() != nil {
			return providers.TreeChanges{}, context.Cause(ctx)
		}
		return providers.TreeChanges{Why: err.Error()}, nil
	}
	changes, err := t.read(tree, since, until, exclude)
	if changes.Until == (plan.JournalPoint{}) {
		changes.Until = point(until)
	}
	return changes, err
}

// Now asks the one who watches to write down all.
func (t Tracker) Now(ctx context.Context, tree string) *plan.JournalPoint {
	until, err := t.flush(ctx, tree)
	if err != nil {
		return nil
	}
	p := point(until)
	return &p
}

// Consumed removes what every sync of the tree has seen.
func (t Tracker) Consumed(tree string, upTo plan.JournalPoint) error {
	return journal.Consumed(t.StateDir, tree, journal.Point{Span: upTo.Span, Segment: upTo.Segment})
}

func (t Tracker) flush(ctx context.Context, tree string) (journal.Point, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, flushLimit, errors.New("\"bkplan watch\" does not answer"))
	defer cancel()
	return watch.Flush(ctx, t.StateDir, tree)
}

func (t Tracker) read(tree string, since plan.JournalPoint, until journal.Point, exclude []string) (providers.TreeChanges, error) {
	j, err := journal.Read(t.StateDir, tree, t.Host)
	if err != nil {
		return providers.TreeChanges{}, err
	}
	changes, why := j.Since(journal.Point{Span: since.Span, Segment: since.Segment}, until, watch.Plain(exclude))
	if why != "" {
		return providers.TreeChanges{Why: why}, nil
	}
	return providers.TreeChanges{Names: changes.Names, Subtrees: changes.Subtrees, Until: point(changes.Until)}, nil
}

func point(p journal.Point) plan.JournalPoint {
	return plan.JournalPoint{Span: p.Span, Segment: p.Segment}
}
