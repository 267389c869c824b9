// Package lvm observes a thin pool of LVM and makes and removes thin
// snapshots in it, by LVM's own commands. Start at Provider.
//
// report.go reads what the commands print, pool.go makes a plan.Pool of it,
// create.go and prune.go carry out actions, command.go runs everything.
//
// The other half is Opener, which makes the content of snapshots readable:
// clone.go has what it does by LVM's commands, content.go, luks.go, btrfs.go and
// mount.go the rest, in that order; leftover.go finds and cleans what a killed
// run left, delta.go compares snapshots by the pool's metadata.
package lvm

import (
	"context"
	"errors"
	"fmt"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

// maxRemove is how many logical volumes one lvremove is given.
const maxRemove = 100

// Provider is the LVM of this machine. It runs one command at a time; once a
// command has not ended within its limit no other is started, because it may
// hold a lock inside the kernel. It may be used from several goroutines.
type Provider struct {
	runner execx.Runner
	host   host
	limits limits
	turn   chan struct{} // holds a token while an operation runs
	hung   error         // guarded by turn
}

var _ providers.Batcher = (*Provider)(nil)

// New makes a Provider whose commands go through the runner; with a read-only
// one it can observe, and nothing else.
func New(runner execx.Runner) *Provider {
	return &Provider{runner: runner, host: thisHost, limits: defaultLimits, turn: make(chan struct{}, 1)}
}

// Info is what the Provider can do. It runs nothing.
func (p *Provider) Info() providers.Info {
	return providers.Info{
		Batch:    map[plan.ActionKind]int{plan.Prune: maxRemove},
		ReadOnly: []string{"vgs", "lvs"},
	}
}

// Observe looks at the thin pool of an lvm_thin source, by one vgs and one lvs,
// and at what a killed run left open: in the pool, and on this machine, where
// every pool finds the same.
func (p *Provider) Observe(ctx context.Context, target providers.Target) (providers.Part, error) {
	source := target.Source.LVMThin
	if source == nil {
		return providers.Part{}, fmt.Errorf("observe source.%s: %w", target.Source.Name, providers.ErrUnsupported)
	}
	if err := errors.Join(checkGroup(source.VolumeGroup), checkName(source.VolumeGroup, source.ThinPool)); err != nil {
		return providers.Part{}, err
	}
	if err := p.begin(ctx); err != nil {
		return providers.Part{}, err
	}
	defer p.end()
	uuid, err := p.groupUUID(ctx, source.VolumeGroup)
	if err != nil {
		return providers.Part{}, err
	}
	group, err := p.look(ctx, source.VolumeGroup)
	if err != nil {
		return providers.Part{}, err
	}
	pool, err := group.pool(source.ThinPool)
	if err != nil {
		return providers.Part{}, err
	}
	pool.VolumeGroupUUID = uuid
	var left []plan.Leftover
	if target.StateDir != "" {
		if left, err = p.host.leftovers(target.StateDir, group, source.ThinPool); err != nil {
			return providers.Part{}, err
		}
	}
	return providers.Part{Pool: &pool, Leftovers: left}, nil
}

// Do carries out one action.
func (p *Provider) Do(ctx context.Context, action plan.Action) (providers.Result, error) {
	switch action.Kind {
	case plan.Create:
		return p.create(ctx, action)
	case plan.Prune:
		outcome := p.prune(ctx, []plan.Action{action})[0]
		return outcome.Result, outcome.Err
	}
	return providers.Result{}, unsupported(action)
}

// DoAll carries out prunes by few commands, and anything else one by one.
func (p *Provider) DoAll(ctx context.Context, actions []plan.Action) []providers.Outcome {
	outcomes := make([]providers.Outcome, len(actions))
	var prunes []plan.Action
	var places []int
	for i, a := range actions {
		if a.Kind == plan.Prune {
			prunes, places = append(prunes, a), append(places, i)
			continue
		}
		outcomes[i].Result, outcomes[i].Err = p.Do(ctx, a)
	}
	for i, outcome := range p.prune(ctx, prunes) {
		outcomes[places[i]] = outcome
	}
	return outcomes
}

func unsupported(a plan.Action) error {
	return fmt.Errorf("%s %s: %w", a.Kind, a.Address(), providers.ErrUnsupported)
}
