// Package journal tells syncs what has changed in a tree, by the change journal that
// `bkplan watch` keeps. Start at Tracker; how the journal knows is in the packages
// watch and journal beside this one's parent.
package journal

import (
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

// Look reads what is written down.
func (t Tracker) Look(tree string, since plan.JournalPoint, exclude []string) (providers.TreeChanges, error) {
	j, err := journal.Read(t.StateDir, tree, t.Host)
	if err != nil {
		return providers.TreeChanges{}, err
	}
	from := journal.Point{Span: since.Span, Segment: since.Segment}
	changes, why := j.Since(from, journal.Point{}, watch.Plain(exclude))
	return providers.TreeChanges{Names: changes.Names, Subtrees: changes.Subtrees, Why: why}, nil
}

// Consumed removes what every sync of the tree has seen.
func (t Tracker) Consumed(tree string, upTo plan.JournalPoint) error {
	return journal.Consumed(t.StateDir, tree, journal.Point{Span: upTo.Span, Segment: upTo.Segment})
}
