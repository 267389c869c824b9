package ssh

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
)

const mebibyte = 1 << 20

// hasFree lets the NAS have so much free, whatever is written to it.
func (b *bench) hasFree(mebibytes int) {
	b.t.Helper()
	b.replace("df", fmt.Sprintf(`echo "File system blocks used available capacity mounted on"; echo "/dev/vg1/volume_1 102400000 1 %d 1%% /"`, mebibytes*1024))
}

// guarded leaves 4 MiB free over there.
func guarded(a plan.Action) plan.Action {
	c := *a.Copy
	c.MinFree = 4 * mebibyte
	a.Copy = &c
	return a
}

func large(t *testing.T, path string, mebibytes int) {
	t.Helper()
	put(t, path, string(incompressible(mebibytes*mebibyte)))
}

// What is new in a tree is counted before it is sent: a guard that looks at what is free
// now alone lets it fill the disk over there.
func TestAMirrorLeavesFreeWhatMustStay(t *testing.T) {
	b := newBench(t)
	b.hasFree(10)
	a, source := b.mirror()
	a = guarded(a)
	large(t, source+"/a", 5)
	b.do(a)

	large(t, source+"/a", 8) // what the old one takes up comes free
	large(t, source+"/d/b", 5)
	put(t, source+"/d/sparse", "")
	b.check(os.Truncate(source+"/d/sparse", 20*mebibyte))
	a = b.next(a)
	b.do(a)

	large(t, source+"/d/c", 3)
	large(t, source+"/e", 4)
	a = b.next(a)
	before := contents(t, b.share+"/nfs")
	const words = `7 MiB are new in the source, "%s" has 10 MiB free, and 4 MiB must stay free: nothing was changed`
	b.fails(a, fmt.Sprintf(words, b.share))
	loss := a
	of := *a.Copy
	loss.Copy = &of
	loss.Copy.AcceptLoss, loss.Copy.MaxDelete = true, threshold(t, "10%")
	b.fails(loss, fmt.Sprintf(words, b.share))
	if diff := cmp.Diff(before, contents(t, b.share+"/nfs")); diff != "" {
		t.Error("something was sent")
	}
	b.hasFree(12)
	b.do(a)
	if len(contents(t, b.share+"/nfs")) != len(before)+2 {
		t.Error("not all was sent")
	}
}

func TestWhatChangedLeavesFreeWhatMustStay(t *testing.T) {
	w := newCatalogued(t)
	w.hasFree(10)
	put(t, w.source+"/a", "a")
	w.ofAll("never synced")
	large(t, filepath.Join(w.source, "d/b"), 7)
	a := guarded(w.plan())
	w.fails(a, "7 MiB are new in the source")
	w.areThere(map[string]bool{"a": true, "d": false})
	w.hasFree(11)
	w.do(a)
	w.equal()
}
