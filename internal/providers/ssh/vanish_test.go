package ssh

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/receipt"
)

// whenSent runs a script of the shell, in the source, right before files are sent.
func (w *tracked) whenSent(script string) {
	w.t.Helper()
	rsync, _ := exec.LookPath("rsync")
	w.replace("rsync", `case $1 in --version) ;; *) (cd "`+w.source+`" && `+script+`) ;; esac; exec `+rsync+` "$@"`)
}

// A folder is away while rsync looks, and back when the next sync looks: what rsync was
// to send of it is not over there, though nothing in it has changed since.
func TestWhatWasAwayWhileItWasSynced(t *testing.T) {
	w := newCatalogued(t)
	put(t, w.source+"/d/sub/deep/f", "1")
	put(t, w.source+"/g", "1")
	w.ofAll("never synced")
	put(t, w.source+"/d/sub/deep/f", "22") // of the folders around it none changes
	w.whenSent("mv d ../away")
	w.byCatalogue(notWatched)
	w.whenSent(":")
	w.shell("mv ../away d")
	w.byCatalogue(notWatched)
	w.equal()

	w.shell("mkdir -p e/sub/deep; echo 1 >e/sub/deep/f")
	w.registry.Catalogues = nil // for the plan
	w.whenSent("mv e ../away")
	w.ofAll("there is no catalogue of the last sync")
	w.catalogue(trackedHost)
	w.whenSent(":")
	w.shell("mv ../away e; touch e/after")
	w.byCatalogue(notWatched)
	w.equal()
}

// The source is unmounted while a sync waits for the network.
func TestASourceThatGoesBetweenTwoTries(t *testing.T) {
	b := newBench(t)
	a, source := b.mirror()
	put(t, source+"/a", "a")
	put(t, source+"/d/b", "b")
	b.do(a)
	before := contents(t, b.share+"/nfs")
	b.onceBroken()
	config := b.provider.Config
	b.provider.Sleep = func(context.Context, time.Duration) error {
		b.check(os.Rename(source, source+".away"))
		return os.Mkdir(source, 0o755)
	}
	a = b.next(a)
	b.fails(a, "is empty, and an empty one is taken for one that is not there")
	b.provider.Config = config
	if diff := cmp.Diff(before, contents(t, b.share+"/nfs")); diff != "" {
		t.Error(diff)
	}
}

// Whoever syncs to the same place at the same time leaves no receipt that claims more
// than is known.
func TestSomebodyElseSyncsMeanwhile(t *testing.T) {
	w := newTracked(t)
	put(t, w.source+"/a", "a")
	w.follow()
	w.inFull("never synced")
	at := filepath.Join(w.share, receipt.File("nfs", "", "nfs"))
	for _, everything := range []bool{false, true} {
		w.whenSent("echo >>'" + at + "'; echo ' ' >>'" + at + "'")
		put(t, w.source+"/b", "b")
		a := w.plan()
		if everything {
			a.Copy.Since = nil
		}
		w.fails(a, "another run has synced to")
		w.whenSent(":")
		w.inFull("a sync of everything did not end")
		w.equal()
	}
	elsewhere := w.lastReceipt()
	elsewhere.Path, elsewhere.Files = "elsewhere", 1000
	text, err := receipt.Encode(elsewhere)
	w.check(err)
	put(t, w.state+"/elsewhere", string(text))
	w.whenSent("cp '" + w.state + "/elsewhere' '" + at + "'")
	put(t, w.source+"/b", "again")
	w.byJournal()
	if r := w.lastReceipt(); r.Files != 2 || r.Path != "nfs" {
		t.Errorf("%+v", r)
	}
	w.equal()
}

// vanishing has a file that takes a while to send, and one that is gone by then, in a tree
// whose mirror is being made.
func (b *bench) vanishing(a plan.Action, source string) plan.Action {
	b.t.Helper()
	put(b.t, source+"/a", string(incompressible(3<<20)))
	put(b.t, source+"/z", "gone when its turn comes")
	remote := *a.Copy.Remote
	remote.BandwidthLimit = 1 << 20
	a.Copy.Remote = &remote
	go b.whenGrown(b.t.Context(), b.share+"/nfs/.a.*", func() { _ = os.Remove(source + "/z") })
	return a
}

const vanishedNote = "files vanished from the source while it was copied"

// A file that is gone when its turn comes is no failure of a sync.
func TestAFileThatVanishesIsNoFailure(t *testing.T) {
	b := newBench(t)
	a, source := b.mirror()
	b.do(b.vanishing(a, source))
	if r := b.shareReceipt(); !slices.Contains(r.Notes, vanishedNote) {
		t.Errorf("%+v", r)
	}
	want, got := contents(t, source), contents(t, b.share+"/nfs")
	delete(got, "") // its time is told the next time
	if got["/a"] != want["/a"] || len(got) != 1 {
		t.Errorf("%d names", len(got))
	}
}

// The same by what has changed, and the next sync knows of it.
func TestAChangedFileThatVanishesIsNoFailure(t *testing.T) {
	w := newCatalogued(t)
	put(t, w.source+"/first", "first")
	w.ofAll("never synced")
	w.do(w.vanishing(w.plan(), w.source))
	if r := w.lastReceipt(); !slices.Contains(r.Notes, vanishedNote) || r.Full.Equal(r.Started) {
		t.Errorf("%+v", r)
	}
	w.byCatalogue(notWatched)
	if r := w.lastReceipt(); slices.Contains(r.Notes, vanishedNote) {
		t.Errorf("%+v", r)
	}
	w.equal()
}
