package providers

import (
	"context"

	"github.com/bkplan/bkplan/internal/plan"
)

// Tracker tells what has changed in a tree, by the journal of those who watch it.
type Tracker interface {
	// Look tells what is written down now. That is good enough for a plan, and no
	// proof that nothing is missing. It changes nothing.
	Look(ctx context.Context, tree string, since plan.JournalPoint, exclude []string) (TreeChanges, error)
	// Prove has all written down that has happened so far, and tells what has changed
	// since a point; a zero one is none. A sync that begins after that has seen all that
	// is before Until. The error is that the context has ended.
	Prove(ctx context.Context, tree string, since plan.JournalPoint, exclude []string) (TreeChanges, error)
	// Consumed forgets what every sync of the tree has seen, up to a point.
	Consumed(tree string, upTo plan.JournalPoint) error
}

// TreeChanges are the names of a tree at which something may have changed, relative
// to it, of any bytes. Where Why is set they prove nothing.
type TreeChanges struct {
	// Names are looked at by themselves: what is below a folder has not changed for
	// that. Subtrees are compared with all that is below them; "." is the tree.
	Names, Subtrees []string
	// Folders are compared with what lies directly in them, here and over there. They are
	// among Names. A journal tells none.
	Folders []string
	Why     string
	// Until is up to where they tell: from there the next sync goes on. Prove alone sets
	// it, whenever somebody watches, also beside a Why.
	Until plan.JournalPoint
	// Amount is the most that the changes can add at the other end, as the tree is now.
	// Look alone sets it, where it can be told at once.
	Amount *plan.Estimate
}
