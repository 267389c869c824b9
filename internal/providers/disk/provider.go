// Package disk keeps versions of volumes on a disk of this machine: it makes,
// refreshes and prunes them, mirrors trees, and cleans up what a killed run left.
// Start at New, then at version.go, which tells the steps by which a version
// comes to be; NewObserver is the half that only looks, NewRsync what copies
// files.
//
// Whatever happens at whatever moment, what lies in a layer's directory is a whole
// version, old or new. All that is not whole lies in plan.WorkFolder. A finished
// version is never written into: files that did not change are hard links to the
// one before.
package disk

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/tree"
)

// Config is what a Provider works with.
type Config struct {
	Runner execx.Runner
	// Producer fills the folder of a version. A Provider that only mirrors needs
	// none.
	Producer providers.Producer
	// Opener opens snapshots; nil where there are none.
	Opener providers.Opener
	Now    func() time.Time
	// Patience is for tests, and else zero.
	Patience Patience
}

// Provider carries out the actions of layers that keep versions on a disk.
type Provider struct {
	Config
	Observer
	mirror *Rsync
	// shared is held while folders that versions share are made or removed.
	shared      sync.Mutex
	mu          sync.Mutex
	differences map[string]providers.Difference // by ID of the action
	hashes      tree.HashCache                  // of what was verified
	// reached is called where a version's making could be cut off, by tests.
	reached func(step string)
}

// New makes a Provider.
func New(config Config) *Provider {
	return &Provider{
		Config: config, Observer: *NewObserver(config.Patience), mirror: NewRsync(config.Runner),
		differences: map[string]providers.Difference{}, reached: func(string) {},
	}
}

// Info says that two versions are made side by side: one reads while the other
// one writes.
func (p *Provider) Info() providers.Info { return providers.Info{Parallel: 2} }

// Do carries out one action.
func (p *Provider) Do(ctx context.Context, action plan.Action) (providers.Result, error) {
	if action.Copy == nil {
		return providers.Result{}, unsupported(action)
	}
	do, known := map[plan.ActionKind]func(context.Context, plan.Action) (providers.Result, error){
		plan.Create: p.makeVersion, plan.Refresh: p.makeVersion, plan.Prune: p.prune,
		plan.Sync: p.sync, plan.Clean: p.clean,
	}[action.Kind]
	if !known {
		return providers.Result{}, unsupported(action)
	}
	return do(ctx, action)
}

// stale says that the world is not as it was when the action was planned.
func stale(format string, arguments ...any) error {
	return &providers.StaleError{Violation: plan.Violation{Detail: fmt.Sprintf(format, arguments...)}}
}
