package ssh

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bkplan/bkplan/internal/plan"
)

// indexed makes what a Synology does that indexes folders of a mirror. Only root may
// remove it.
func (b *bench) indexed(folders ...string) {
	b.t.Helper()
	for _, folder := range folders {
		at := filepath.Join(b.share, "nfs", folder, "@eaDir")
		put(b.t, at+"/f/SYNOPHOTO_THUMB_M.jpg", "thumb")
		b.check(os.Chown(at, 0, 0))
	}
}

// areThere looks which paths are there, below the mirror.
func (b *bench) areThere(want map[string]bool) {
	b.t.Helper()
	for path, there := range want {
		if _, err := os.Lstat(filepath.Join(b.share, "nfs", path)); (err == nil) != there {
			b.t.Errorf("%s: %v", path, err)
		}
	}
}

// A Synology that indexes a share keeps @eaDir in any folder of it: a mirror deleted them
// each night, counted them against max_delete, and failed where they are root's.
func TestAMirrorSparesWhatASynologyKeeps(t *testing.T) {
	b := newKeptBench(t)
	a, source := b.mirror()
	for _, name := range []string{"a", "d/f", "gone/f", "both/@eaDir/ours", "turns/f"} {
		put(t, filepath.Join(source, name), name)
	}
	a.Copy.MaxDelete = threshold(t, "2B")
	b.do(a)
	b.indexed(".", "d", "gone")
	put(t, b.share+"/nfs/both/@eaDir/theirs", "thumb")
	put(t, b.share+"/nfs/turns/@eaDir/f", "thumb")
	b.check(os.Chown(b.share+"/nfs/turns/@eaDir", keeperID, keeperID))
	a = b.next(a)
	b.do(a)
	if r := b.shareReceipt(); r.NewBytes != 0 {
		t.Errorf("%+v", r)
	}
	b.areThere(map[string]bool{"@eaDir/f": true, "both/@eaDir/ours": true, "both/@eaDir/theirs": true, "d/@eaDir/f": true, "gone/@eaDir/f": true})

	// A folder that goes, and one that a file takes the place of.
	b.check(os.RemoveAll(source + "/gone"))
	b.check(os.RemoveAll(source + "/turns"))
	put(t, source+"/turns", "a file")
	a = b.next(a)
	a.Copy.MaxDelete = threshold(t, "13B")
	for range 2 {
		b.do(a)
		b.areThere(map[string]bool{"d/@eaDir/f": true, "gone/@eaDir/f": true, "gone/f": false, "turns/f": false})
		if content, err := os.ReadFile(b.share + "/nfs/turns"); string(content) != "a file" {
			t.Errorf("%q, %v", content, err)
		}
		a = b.next(a)
		a.Copy.MaxDelete = threshold(t, "1B") // nothing goes any more
	}
}

// A folder with something in it makes way for a file only as far as max_delete allows.
func TestMakingWayLosesNoMoreThanItMay(t *testing.T) {
	b := newBench(t)
	a, source := b.mirror()
	for _, name := range []string{"a", "d/f", "d/g"} {
		put(t, filepath.Join(source, name), "0123456789")
	}
	b.do(a)
	b.indexed("d")
	b.check(os.RemoveAll(source + "/d"))
	put(t, source+"/d", "a file")
	a = b.next(a)
	a.Copy.MaxDelete = threshold(t, "19B")
	b.fails(a, "would lose 2 of the 5 entries in it with 20 B, and max_delete is 19B")
	b.areThere(map[string]bool{"d/f": true, "d/g": true, "d/@eaDir/f": true})
}

// A sync by the catalogue, or by the journal, spares them alike.
func TestWhatChangedSparesWhatASynologyKeeps(t *testing.T) {
	w := newCatalogued(t)
	w.policy.Layers[0].Guard.MaxDelete = threshold(t, "50%")
	for _, name := range []string{"a", "d/f", "d/g", "gone/f", "turns/f"} {
		put(t, filepath.Join(w.source, name), name)
	}
	w.ofAll("never synced")
	w.indexed(".", "d", "gone", "turns")
	w.check(os.RemoveAll(w.source + "/gone"))
	w.check(os.RemoveAll(w.source + "/turns"))
	w.check(os.Remove(w.source + "/d/f"))
	put(t, w.source+"/turns", "a file")
	w.byCatalogue(notWatched)
	w.areThere(map[string]bool{"@eaDir/f": true, "d/@eaDir/f": true, "gone/@eaDir/f": true, "gone/f": false, "d/f": false, "d/g": true})
	if content, err := os.ReadFile(w.share + "/nfs/turns"); string(content) != "a file" {
		t.Errorf("%q, %v", content, err)
	}
	if r := w.lastReceipt(); r.Files != 3 || r.Directories != 2 {
		t.Errorf("%+v", r)
	}
}

// A Synology indexes what is being sent, too: the version is complete all the same.
func TestAVersionSparesWhatASynologyKeeps(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	of, err := os.Stat(b.local(week46, ""))
	b.check(err)
	tree := filepath.Join(b.root(), plan.WorkFolder, plan.WorkName(plan.Create, "offsite", volume, week46), "tree")
	b.provider.reached = func(step string) {
		if step == "sent" {
			put(t, tree+"/@eaDir/f", "thumb")
			b.check(os.Chtimes(tree, of.ModTime(), of.ModTime()))
		}
	}
	if r := b.do(b.copy(week46, "")); r.Already {
		t.Errorf("%+v", r)
	}
	if receipts := b.observe().Receipts; len(receipts) != 1 {
		t.Errorf("%+v", receipts)
	}
}
