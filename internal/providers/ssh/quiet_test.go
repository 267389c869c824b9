package ssh

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
)

// spy tells of each command when it has ended.
type spy struct {
	execx.Runner
	ended func(argv []string)
}

func (s spy) Run(ctx context.Context, c execx.Command) (execx.Output, error) {
	output, err := s.Runner.Run(ctx, c)
	s.ended(c.Argv)
	return output, err
}

// quiet is an action that must not be begun an hour from now.
func (b *bench) quiet(a plan.Action) plan.Action {
	c := *a.Copy
	c.StartBefore = b.now.Add(time.Hour)
	a.Copy = &c
	return a
}

// untilQuiet lets time pass until a quiet time of the destination.
func (b *bench) untilQuiet(a plan.Action) { b.now = a.Copy.StartBefore }

// The network breaks, and comes back in a quiet time.
func TestNoTryBeginsInAQuietTime(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	b.onceBroken()
	a := b.quiet(b.copy(week46, ""))
	b.provider.Sleep = func(context.Context, time.Duration) error {
		b.untilQuiet(a)
		return nil
	}
	if err := b.fails(a, "it is past 07:00, from when on nothing is begun at this destination"); !isStale(err) {
		t.Errorf("not stale: %v", err)
	}
	if receipts := b.observe().Receipts; len(receipts) != 0 {
		t.Errorf("%+v", receipts)
	}
	b.do(b.quiet(a))
	b.holds(week46)
}

// What has begun in time goes on to its end.
func TestATransferEndsInAQuietTime(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	a := b.quiet(b.copy(week46, ""))
	b.provider.reached = func(step string) {
		if step == "sent" {
			b.untilQuiet(a)
		}
	}
	b.do(a)
	b.holds(week46)
}

// What would be deleted is counted for so long that a quiet time comes.
func TestNoMirrorBeginsInAQuietTime(t *testing.T) {
	b := newBench(t)
	a, source := b.mirror()
	a.Copy.MaxDelete = threshold(t, "50%")
	put(t, source+"/a", "a")
	b.do(a)
	mirrored, proof := contents(t, b.share+"/nfs"), contents(t, filepath.Join(b.share, plan.ReceiptFolder))
	put(t, source+"/b", "b")
	a = b.quiet(b.next(a))
	b.provider.Runner = spy{b.nas, func(argv []string) {
		if slices.Contains(argv, "--dry-run") {
			b.untilQuiet(a)
		}
	}}
	if err := b.fails(a, "it is past 07:00"); !isStale(err) || strings.Contains(err.Error(), "between two states") {
		t.Errorf("%v", err)
	}
	for folder, want := range map[string]map[string]entry{"nfs": mirrored, plan.ReceiptFolder: proof} {
		if diff := cmp.Diff(want, contents(t, filepath.Join(b.share, folder))); diff != "" {
			t.Error(diff)
		}
	}
}
