// Package providers defines how bkplan talks to real systems, and the
// registry of those it knows. Start at Provider; package providertest is the
// suite that every one of them passes.
//
// A provider knows its system and nothing of policies: what is due, what is
// destructive and what is blocked is decided by package plan. A provider
// never imports another provider.
package providers

import (
	"context"
	"errors"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

// ErrUnsupported is returned by Do for an action the provider cannot carry out.
var ErrUnsupported = errors.New("action not supported by this provider")

// Provider observes one real system and carries out actions on it.
type Provider interface {
	// Info tells what the provider is and can do. It runs nothing.
	Info() Info
	// Observe looks at the target and changes nothing, not even a file.
	Observe(ctx context.Context, target Target) (Part, error)
	// Do carries out one action. It looks at the action's preconditions again
	// first and returns a StaleError when one does not hold. It is safe to
	// repeat: an action already done is done again with the same Result.
	Do(ctx context.Context, action plan.Action) (Result, error)
}

// Batcher is a Provider that carries out several actions of the same kind in
// one go, where one command serves all.
type Batcher interface {
	Provider
	// DoAll returns one Outcome for each action, in their order. The failure
	// of one is no failure of the others.
	DoAll(ctx context.Context, actions []plan.Action) []Outcome
}

// Preparer is a Provider that can do something once for many actions before they
// are carried out one by one. It is no failure when it cannot.
type Preparer interface {
	Provider
	Prepare(ctx context.Context, actions []plan.Action)
}

// Info is what a provider can do, as data.
type Info struct {
	// Parallel is how many actions of one kind may be carried out at once; less
	// than 2 is one at a time.
	Parallel int
	// Batch is how many actions one DoAll may take, by kind of action; an
	// absent kind is not batched.
	Batch map[plan.ActionKind]int
	// ReadOnly are the commands that Observe may run, by name.
	ReadOnly []string
}

// Target is what to observe, and when: a source, or else a destination.
type Target struct {
	Source      plan.Source
	Destination plan.Destination
	// Folders are the layers' directories to list at the destination, without
	// their entries. Copies are the directories in it that are copies of another
	// disk, each a root of its own with receipts and folders.
	Folders  []plan.Folder
	Copies   []Copy
	StateDir string
	Now      time.Time
}

// Copy is a directory of a destination that is a copy of a disk.
type Copy struct {
	Directory string // relative to the destination's path
	Folders   []plan.Folder
}

// Part is a provider's share of an observation.
type Part struct {
	Pool  *plan.Pool
	Trees []plan.Tree
	// Disks are the destination itself, then its Copies.
	Disks     []plan.Disk
	Leftovers []plan.Leftover
}

// Result is what an action did.
type Result struct {
	// Already says that the world was as the action wants it before it began.
	Already bool `json:"already,omitempty"`
	// Detail is for people: how much was copied, for one.
	Detail string `json:"detail,omitempty"`
}

// Outcome is the end of one action of a batch.
type Outcome struct {
	Result Result
	Err    error
}

// StaleError says that a precondition of an action does not hold any more.
type StaleError struct {
	Violation plan.Violation
}

func (e *StaleError) Error() string { return e.Violation.Detail }
