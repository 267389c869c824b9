package ssh

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
	b.fails(a, "8 MiB are new in the source")
	b.hasFree(12)
	b.do(a)
	b.hasFree(10)

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

// A file that is there and grows takes up as much more as a new one. What it has there is
// asked only where that matters.
func TestAFileThatGrowsLeavesFreeWhatMustStay(t *testing.T) {
	for name, access := range map[string]func(source string) plan.Access{
		"a tree":        func(source string) plan.Access { return plan.Access{Paths: []string{source}, Whole: true} },
		"several paths": func(source string) plan.Access { return plan.Access{Paths: []string{source, source + "/d"}} },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			a, source := b.mirror()
			from := access(source)
			a.Copy.From = &from
			asked := 0
			b.provider.Runner = spy{b.nas, func(argv []string) {
				if strings.Contains(strings.Join(argv, " "), "xargs") {
					asked++
				}
			}}
			large(t, source+"/grows", 1)
			large(t, source+"/d/changes", 8)
			put(t, source+"/d/sparse", "")
			b.check(os.Truncate(source+"/d/sparse", 20*mebibyte))
			b.do(a)

			a = b.next(guarded(a))
			b.hasFree(10)
			put(t, source+"/d/changes", string(incompressible(8*mebibyte-1))+"x")
			b.do(a)
			if asked != 1 {
				t.Errorf("sizes were asked for %d times", asked)
			}
			put(t, source+"/d/sparse", "no more than a block")
			b.check(os.Truncate(source+"/d/sparse", 30*mebibyte))
			a = b.next(a)
			b.do(a)
			if asked != 1 {
				t.Errorf("sizes were asked for %d times", asked)
			}

			large(t, source+"/grows", 8)
			a = b.next(a)
			before := contents(t, b.share+"/nfs")
			b.fails(a, "7 MiB are new in the source", "nothing was changed")
			if diff := cmp.Diff(before, contents(t, b.share+"/nfs")); diff != "" {
				t.Errorf("something was sent: %s", diff)
			}
			b.hasFree(11)
			b.do(a)
		})
	}
}

// A million files that change are too many to be asked for, and to be kept in mind.
func TestOnlyTheLargestFilesAreAskedFor(t *testing.T) {
	r := &rehearsal{counts: true}
	const files = 3*askedMax + 1
	for i := range files {
		r.count(fmt.Sprint(i), int64(i), false)
		if n := len(r.changed.largest); n >= 2*askedMax {
			t.Fatalf("%d files are kept", n)
		}
	}
	r.changed.cut()
	if n := len(r.changed.largest); n != askedMax || r.changed.largest[0].name != fmt.Sprint(files-1) || r.changed.takes != files*(files-1)/2 {
		t.Errorf("%d, %+v, %d", n, r.changed.largest[0], r.changed.takes)
	}
}

// A name with a line in it that says that there is much already makes no room.
func TestANameMakesNoRoom(t *testing.T) {
	b := newBench(t)
	b.dash()
	for _, name := range []string{"xargs", "ls"} { // that of BusyBox writes a question mark
		program, err := exec.LookPath(name)
		b.check(err)
		b.replace(name, "exec "+program+` "$@"`)
	}
	a, source := b.mirror()
	hostile := source + "/x\n-rw-r--r-- 1 0 0 99999999 Jan 1 2026 x"
	put(t, hostile, "one")
	large(t, source+"/grows", 1)
	b.do(a)
	put(t, hostile, "changed")
	large(t, source+"/grows", 8)
	b.hasFree(10)
	b.fails(guarded(b.next(a)), "7 MiB are new in the source")
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
	large(t, filepath.Join(w.source, "d/b"), 14)
	w.hasFree(10)
	w.fails(guarded(w.plan()), "7 MiB are new in the source")
}
