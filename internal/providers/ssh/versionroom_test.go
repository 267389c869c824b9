package ssh

import (
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/receipt"
)

// sized makes a version with a file of its own and one that it shares with the week
// before. Its receipt says how much is new in it.
func (b *bench) sized(version, before string, own, shared, fresh int) {
	b.t.Helper()
	b.put(version, "own "+version, string(incompressible(own*mebibyte)))
	if before != "" {
		b.link(before, version, "shared")
	} else {
		b.put(version, "shared", string(incompressible(shared*mebibyte)))
	}
	r := b.prove(version)
	r.NewBytes = int64(fresh) * mebibyte
	b.check(receipt.Write(b.disk, r))
}

// refused looks that a version is, and that nothing is changed over there.
func (b *bench) refused(a plan.Action, mebibytes int) {
	b.t.Helper()
	before := contents(b.t, b.share)
	b.fails(a, fmt.Sprintf("%d MiB of version %q are new there, %q has 10 MiB free, and 4 MiB must stay free: nothing was changed; make room there, or change `min_free` of the destination",
		mebibytes, path(a.Version), b.root()))
	if diff := cmp.Diff(before, contents(b.t, b.share)); diff != "" {
		b.t.Errorf("something was changed: %s", diff)
	}
}

// The plan knows nothing of a version that the same run makes, and one was enough to fill
// a NAS: what its receipt says is looked at before it is sent.
func TestAVersionLeavesFreeWhatMustStay(t *testing.T) {
	b := newBench(t)
	b.hasFree(10)
	b.sized(week46, "", 3, 4, 1)
	b.refused(guarded(b.copy(week46, "")), 7)
	b.do(b.copy(week46, ""))

	b.sized(week47, week46, 7, 4, 7)
	b.refused(guarded(b.copy(week47, week46)), 7)
	b.refused(guarded(b.copy(week47, "")), 11)
	b.hasFree(11)
	b.do(guarded(b.copy(week47, week46)))
	b.holds(week47)

	full := guarded(b.refresh(week47, week47))
	full.Copy.Full = true
	b.hasFree(5)
	b.do(full)
}

// How much is there of what was sent is not known, and it is not sent again.
func TestAVersionThatWasBegunIsGoneOnWith(t *testing.T) {
	b := newBench(t)
	b.hasFree(11)
	b.sized(week46, "", 3, 4, 7)
	a := guarded(b.copy(week46, ""))
	b.crash("here sent", a)
	b.hasFree(5)
	b.crash("here sent", a)
	b.put(week46, "more", "more")
	b.prove(week46)
	b.crash("there kept", a) // what was begun is put aside
	b.do(a)
	b.holds(week46)
}

// An empty folder is there before the first byte is.
func TestAVersionThatWasHardlyBegunMustFit(t *testing.T) {
	b := newBench(t)
	b.hasFree(11)
	b.sized(week46, "", 3, 4, 7)
	a := guarded(b.copy(week46, ""))
	b.crash("there marked", a)
	b.hasFree(10)
	b.refused(a, 7)
	b.replace("du", "exit 1") // how much is there nobody knows
	b.do(a)
	b.holds(week46)
}

// What little was sent takes up room already.
func TestWhatWasHardlyBegunIsNotCountedTwice(t *testing.T) {
	b := newBench(t)
	b.sized(week46, "", 10, 4, 14)
	a := guarded(b.copy(week46, ""))
	b.crash("there marked", a)
	large(t, b.workOf(a)+"/tree/part", 1)
	b.hasFree(16)
	b.fails(a, "of version", "nothing was changed")
	b.hasFree(17)
	b.do(a)
	b.holds(week46)
}

// Half a version that an older script left: how much of it is there nobody knows.
func TestAVersionWithoutAReceiptMustFit(t *testing.T) {
	b := newBench(t)
	b.hasFree(10)
	b.sized(week46, "", 3, 4, 7)
	put(t, b.remote(week46, "little"), "little")
	a := guarded(b.refresh(week46, week46))
	b.refused(a, 7)
	large(t, b.remote(week46, "much"), 1)
	b.do(a)
	b.holds(week46)
}

// A version that is brought up to date every day adds what is new since it was sent, also
// where all of it was new at first.
func TestARefreshAddsWhatIsNewSince(t *testing.T) {
	b := newBench(t)
	b.hasFree(10)
	b.sized(week46, "", 3, 4, 7)
	b.do(b.copy(week46, ""))
	update := func(name string, mebibytes, fresh int) plan.Action {
		b.put(week46, name, string(incompressible(mebibytes*mebibyte)))
		r := b.prove(week46)
		r.NewBytes = int64(fresh) * mebibyte
		b.check(receipt.Write(b.disk, r))
		return guarded(b.refresh(week46, week46))
	}
	b.do(update("more", 1, 8))
	b.do(update("more", 2, 30)) // again and again, while the NAS was away
	a := update("much", 7, 37)
	b.refused(a, 7)
	manifest := b.root() + "/" + receipt.ManifestFile("weekly", week46, volume)
	b.check(os.WriteFile(manifest, nil, 0o600)) // then receipts tell
	b.refused(a, 7)
	a = update("much", 7, 7) // it was made anew: it has grown by as much at least
	b.refused(a, 7)
	b.do(update("much", 1, 31))
	b.holds(week46)
}

// All is new in the first week of a disk. Where a later one went first it shares with
// that what is not new in it.
func TestAnOlderVersionSharesWithALaterOne(t *testing.T) {
	b := newBench(t)
	b.sized(week46, "", 3, 4, 7)
	b.sized(week47, week46, 1, 4, 1)
	b.do(b.copy(week47, ""))
	b.hasFree(7)
	b.do(guarded(b.copy(week46, week47)))
	b.holds(week46)
}

// A version that may not be linked to saves nothing.
func TestAVersionThatIsNotLinkedToSavesNoRoom(t *testing.T) {
	b := newBench(t)
	b.hasFree(10)
	b.check(os.MkdirAll(b.local(week46, ""), 0o755))
	b.check(os.Symlink(b.at("elsewhere"), b.local(week46, "d")))
	b.sized(week46, "", 1, 6, 7)
	b.put(week47, "d/f", "f")
	b.sized(week47, week46, 1, 6, 1)
	b.do(b.copy(week46, ""))
	b.refused(guarded(b.copy(week47, week46)), 7)
}
