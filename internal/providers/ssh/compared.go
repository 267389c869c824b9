package ssh

import (
	"context"
	"path/filepath"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/receipt"
)

// noteCompared writes into the receipt of a copy of a disk that all its versions were
// compared. Nothing else of the receipt changes: it stands for the last sync.
func (p *Provider) noteCompared(ctx context.Context, j job) (providers.Result, error) {
	at := receipt.File(j.Layer, "", j.Volume)
	seen, err := j.look(ctx, question{folders: []string{plan.ReceiptFolder, j.workFolder(), filepath.Dir(at)}, texts: []string{at}})
	if err != nil {
		return providers.Result{}, err
	}
	r := seen.receipt(j.Layer, "", j.Volume)
	switch {
	case r == nil:
		return providers.Result{}, stale("%s: the receipt of the last sync is gone", j.host())
	case !r.Full.Before(j.VersionTime) && !plan.InFuture(r.Full, j.started):
		return providers.Result{Already: true}, nil
	}
	r.Full = j.VersionTime
	text, err := receipt.Encode(*r)
	if err != nil {
		return providers.Result{}, err
	}
	if err := j.prepare(ctx, "", "mirror"); err != nil {
		return providers.Result{}, err
	}
	return providers.Result{}, j.name(context.WithoutCancel(ctx), "", at, at, sealStays, text)
}
