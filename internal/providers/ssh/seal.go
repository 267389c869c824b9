package ssh

import (
	"context"
	"strconv"

	"github.com/bkplan/bkplan/internal/plan"
)

// How a version gets its name, in the words of sealScript.
const (
	sealNew      = "new"
	sealReplaces = "replaces" // what has the name
	sealStays    = "stays"    // and gets another receipt
)

func (v version) how() string {
	if v.Kind == plan.Refresh {
		return sealReplaces
	}
	return sealNew
}

// name puts what is in the work folder where it belongs, a receipt last.
func (j job) name(ctx context.Context, path, receipt, manifest, how string, text []byte) error {
	_, err := j.ask(ctx, sealLimit, sealScript, j.base, []string{
		j.rel, j.work, path, receipt, manifest, strconv.Itoa(len(text)), how,
	}, text)
	return err
}

// clearWork removes the action's own folder over there.
func (j job) clearWork(ctx context.Context) error {
	_, err := j.ask(context.WithoutCancel(ctx), limit(*j.Copy), cleanScript, j.base, []string{j.rel, j.work}, nil)
	return err
}

// clear removes what an earlier run left that was cut off after the receipt.
func (v version) clear(ctx context.Context) error {
	if v.seen.kinds[v.workFolder()] == isMissing {
		return nil
	}
	return v.clearWork(ctx)
}
