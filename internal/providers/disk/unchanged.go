package disk

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/receipt"
)

// Prepare asks the pool, once for all actions, how much each volume's snapshot
// differs from the one that its newest version was made from.
func (p *Provider) Prepare(ctx context.Context, actions []plan.Action) {
	if p.Opener == nil {
		return
	}
	var ids []string
	var pairs []providers.SnapshotPair
	for _, a := range actions {
		if pair, ok := pairOf(a); ok {
			ids, pairs = append(ids, a.ID), append(pairs, pair)
		}
	}
	if len(pairs) == 0 {
		return
	}
	differences := p.Opener.Differences(ctx, pairs)
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, id := range ids {
		if i < len(differences) && differences[i] != nil {
			p.differences[id] = *differences[i]
		}
	}
}

// pairOf is what to compare for an action. Whatever is wrong with the action is
// told when it is carried out.
func pairOf(a plan.Action) (providers.SnapshotPair, bool) {
	if a.Copy == nil || a.Kind != plan.Create && a.Kind != plan.Refresh || a.Copy.From == nil || a.Copy.From.Snapshot == nil {
		return providers.SnapshotPair{}, false
	}
	v := version{action: a}
	var err error
	if v.place, err = newPlace(a); err != nil || v.findPrevious() != nil || !v.comparable() {
		return providers.SnapshotPair{}, false
	}
	from, to := v.proof.Source.Snapshot, a.Copy.From.Snapshot
	return providers.SnapshotPair{
		VolumeGroup: to.VolumeGroup, Pool: to.Pool,
		FromUUID: from.UUID, FromName: from.Name, ToUUID: to.UUID, ToName: to.Name,
	}, !v.sameSnapshot()
}

// comparable says whether the newest version would be the same again if the
// snapshots were.
func (v version) comparable() bool {
	to := v.action.Copy.From.Snapshot
	return to != nil && v.proof != nil && v.proof.Source.Snapshot != nil && !v.proof.Adopted &&
		v.proof.Source.Snapshot.VolumeGroup == to.VolumeGroup && slices.Equal(v.proof.Exclude, v.action.Copy.Exclude)
}

func (v version) sameSnapshot() bool {
	uuid := v.action.Copy.From.Snapshot.UUID
	return uuid != "" && uuid == v.proof.Source.Snapshot.UUID
}

// unchanged says whether the new version would be the same as the newest. What is
// not known for certain is a change.
func (p *Provider) unchanged(v version) bool {
	if !v.comparable() {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	difference, known := p.differences[v.action.ID]
	if !v.sameSnapshot() && (!known || difference.Bytes != 0) {
		return false
	}
	manifest, err := v.openManifest()
	if err != nil {
		return false
	}
	manifest.Close()
	return true
}

func (p *Provider) difference(id string) providers.Difference {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.differences[id]
}

// makeUnchanged makes a version of the newest one, without a look at the source.
// Where it is a refresh of that one, only the receipt is new, and what was new in it
// stays so.
func (p *Provider) makeUnchanged(ctx context.Context, v version) (_ providers.Result, err error) {
	r := *v.proof
	to := v.action.Copy.From.Snapshot
	r.Version, r.Path, r.Slot, r.Started = v.action.Version, v.path, v.action.Copy.Slot, v.started
	r.Source = snapshotSource(*to, cmp.Or(to.UUID, p.difference(v.action.ID).ToUUID))
	result := providers.Result{Detail: "unchanged"}
	if v.path == v.previous {
		r.Ended = p.Now()
		return result, explain(receipt.Write(v.root, r), v.root, keptVersion)
	}
	r.NewBytes = 0
	ctx = context.WithoutCancel(ctx)
	defer func() { err = errors.Join(err, p.clearWork(ctx, v.place, err)) }()
	if err := p.linkPrevious(ctx, v); err != nil {
		return result, explain(err, v.root, keptVersion)
	}
	return result, p.seal(ctx, v, r)
}
