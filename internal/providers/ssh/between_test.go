package ssh

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/receipt"
)

// meanwhile is the sync of a policy that was another one for a while, and follows no
// changes. It is cut off when all is sent, before its receipt.
func (w *tracked) meanwhile(change func(*plan.Action)) {
	w.t.Helper()
	a := w.plan()
	a.Copy.Since, a.Copy.Catalogue, a.Copy.TrackChanges = nil, time.Time{}, false
	from := *a.Copy.From
	a.Copy.From = &from
	change(&a)
	w.crash("here sent", a)
	w.check(os.RemoveAll(filepath.Join(w.share, plan.WorkFolder))) // as a clean does
}

// Whatever else was synced to the directory in between, and did not end: everything is
// compared.
func TestWhatWasSyncedInBetween(t *testing.T) {
	w := newCatalogued(t)
	for _, name := range []string{"a", "b", "d/c"} {
		put(t, filepath.Join(w.source, name), name)
	}
	other := filepath.Join(filepath.Dir(w.source), "other")
	put(t, other+"/a", "of another tree")
	w.follow()
	w.ofAll("never synced")
	const cutOff = "a sync of everything did not end"
	for _, c := range []struct {
		name, why string
		change    func(*plan.Action)
	}{
		{"another source", cutOff, func(a *plan.Action) { a.Copy.From.Paths = []string{other} }},
		{"other excludes", cutOff, func(a *plan.Action) { a.Copy.Exclude = []string{"a"} }},
		{"a source of another name", "never synced", func(a *plan.Action) { a.Volume, a.Copy.From.Paths = "other", []string{other} }},
		{"another layer", "never synced", func(a *plan.Action) { a.Layer, a.Copy.From.Paths = "other", []string{other} }},
		{"another layer below", "never synced", func(a *plan.Action) {
			a.Layer, a.Copy.Directory, a.Copy.From.Paths = "other", "nfs/d", []string{other}
		}},
	} {
		w.meanwhile(c.change)
		w.ofAll(c.why)
		w.equal()
		if t.Failed() {
			t.Fatal(c.name)
		}
	}
	put(t, w.source+"/b", "changed")
	w.byJournal()
	w.equal()
}

// What a sync did that was cut off is in the counts of the next one, and in the share
// that may be deleted.
func TestCountsAfterASyncThatWasCutOff(t *testing.T) {
	w := newTracked(t)
	w.policy.Layers[0].Guard.MaxDelete = threshold(t, "50%")
	for _, name := range []string{"a", "b", "c", "d/e"} {
		put(t, filepath.Join(w.source, name), name)
	}
	w.follow()
	w.inFull("never synced")
	cut := func(step string) {
		t.Helper()
		a := w.plan()
		if a.Copy.Since == nil {
			t.Fatalf("%+v", a.Reason)
		}
		w.crash(step, a)
	}
	counts := func(files, folders int64) {
		t.Helper()
		if r := w.lastReceipt(); r.Files != files || r.Directories != folders {
			t.Errorf("%d files and %d directories are there, the receipt says %d and %d", files, folders, r.Files, r.Directories)
		}
	}
	for i := range 20 {
		put(t, filepath.Join(w.source, "n", strconv.Itoa(i)), "x")
	}
	w.check(os.Remove(w.source + "/a"))
	cut("here sent")
	w.check(os.RemoveAll(w.source + "/d"))
	for _, i := range []string{"1", "2", "3", "4", "5"} { // more than half of what was there at first
		w.check(os.Remove(filepath.Join(w.source, "n", i)))
	}
	w.byJournal()
	w.equal()
	counts(17, 2)

	w.check(os.Remove(w.source + "/b"))
	for i := range 7 {
		_ = os.Remove(filepath.Join(w.source, "n", strconv.Itoa(13+i)))
	}
	cut("here sent")
	for i := range 6 {
		_ = os.Remove(filepath.Join(w.source, "n", strconv.Itoa(6+i)))
	}
	w.fails(w.plan(), "would lose 6 of the 11 entries in it, and max_delete is 50%")
	w.check(os.RemoveAll(filepath.Join(w.source, "n")))
	put(t, w.source+"/n/12", "x")
	put(t, w.source+"/n/11", "x")
	put(t, w.source+"/n/10", "x")
	put(t, w.source+"/n/9", "x")
	w.byJournal()
	w.equal()
	counts(5, 2)
}

// What could not be kept at first is, once it can.
func TestMoreCanBeKept(t *testing.T) {
	w := newTracked(t)
	w.replace("id", "echo 1000")
	put(t, w.source+"/a", "a")
	w.check(os.Chown(w.source+"/a", 12345, 12345))
	w.follow()
	w.inFull("never synced")
	for _, owners := range []string{noOwners, manifested} { // in the words of this bkplan, and of an earlier one
		r := w.lastReceipt()
		r.Notes = []string{owners}
		w.check(receipt.Write(w.share, r))
		w.byJournal()
	}
	w.check(w.Restore("id"))
	put(t, w.source+"/b", "b")
	w.inFull("more of what files have can be kept")
	w.equal()
	w.byJournal()
}

// A receipt that only another bkplan can read does not outlast what it says either.
func TestAReceiptThatCannotBeRead(t *testing.T) {
	b := newBench(t)
	a, source := b.mirror()
	put(t, source+"/a", "a")
	at := filepath.Join(b.share, receipt.File("nfs", "", "nfs"))
	put(t, at, `{"format": "bkplan.receipt", "version": 2}`)
	b.crash("here sent", a)
	if _, err := os.Lstat(at); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	b.check(os.MkdirAll(at+"/in", 0o755))
	b.fails(a, "a folder is in the place of the receipt")
}
