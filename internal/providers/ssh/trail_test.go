package ssh

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/receipt"
)

// segments are the files of the journal, and what is in those that are sealed.
func (w *tracked) segments() map[string]string {
	w.t.Helper()
	names, err := filepath.Glob(w.state + "/journal/*/*.*")
	if err != nil {
		w.t.Fatal(err)
	}
	found := map[string]string{}
	for _, name := range names {
		content, _ := os.ReadFile(name) // a socket is not to be read
		if strings.HasSuffix(name, ".open") {
			content = nil
		}
		found[name] = string(content)
	}
	return found
}

func (w *tracked) receiptText() string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.share, receipt.File("nfs", "", "nfs")))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// What is excluded is neither sent by its name nor deleted, also where what is around
// it goes.
func TestTheJournalTouchesNothingExcluded(t *testing.T) {
	w := newTracked(t, "*.tmp", "/cache/", "secret/**")
	for _, name := range []string{"kept", "d/f", "d/x.tmp", "cache/c", "a/secret/s", "gone/f"} {
		put(t, filepath.Join(w.source, name), name)
	}
	w.follow()
	w.inFull("never synced")
	for _, name := range []string{"d/far.tmp", "cache/far", "gone/far.tmp", "a/secret/far"} {
		put(t, filepath.Join(w.share, "nfs", name), "only there")
	}
	for _, name := range []string{"d/x.tmp", "d/new.tmp", "n.tmp/deep/f", "cache/c", "cache/d/e", "a/secret/s", "a/secret/t/u", "new/secret/f", "new/cache/f"} {
		put(t, filepath.Join(w.source, name), "changed")
	}
	if err := errors.Join(os.RemoveAll(w.source+"/gone"), os.Rename(w.source+"/d/f", w.source+"/d/f.tmp")); err != nil {
		t.Fatal(err)
	}
	w.byJournal()
	want := []string{"", "/a", "/a/secret", "/a/secret/far", "/cache", "/cache/far", "/d", "/d/far.tmp", "/gone", "/gone/far.tmp", "/kept", "/new", "/new/cache", "/new/cache/f", "/new/secret"}
	var got []string
	for name := range contents(t, w.share+"/nfs") {
		got = append(got, name)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What an incremental sync says of itself.
func TestTheReceiptOfASyncByTheJournal(t *testing.T) {
	w := newTracked(t)
	put(t, w.source+"/a", "12345")
	put(t, w.source+"/d/b", "1")
	w.follow()
	w.inFull("never synced")
	first := w.lastReceipt()
	if first.Journal == nil || first.Files != 2 || first.Digest == "" || !first.Full.Equal(first.Started) {
		t.Fatalf("%+v", first)
	}
	put(t, w.source+"/e/c", "123")
	put(t, w.source+"/d/b", "22")
	put(t, w.source+"/d/new", "")
	if err := os.Remove(w.source + "/a"); err != nil {
		t.Fatal(err)
	}
	w.byJournal()
	second := w.lastReceipt()
	if second.Files != 3 || second.Directories != first.Directories+1 || second.NewBytes != 5 || second.Bytes != first.Bytes ||
		second.Digest != "" || !second.Full.Equal(first.Full) || second.Journal == nil || *second.Journal == *first.Journal || len(second.Notes) != 0 {
		t.Errorf("%+v", second)
	}
	w.byJournal() // and nothing changed
	if third := w.lastReceipt(); third.Files != 3 || third.NewBytes != 0 || *third.Journal != *second.Journal {
		t.Errorf("%+v", third)
	}
	w.equal()
	w.stop(syscall.SIGTERM)
	w.inFull("\"bkplan watch\" was stopped")
	last := w.lastReceipt()
	if last.Journal != nil || last.Files != 3 || last.Bytes != 5 || last.Digest == "" || !slices.Equal(last.Notes, []string{"the next sync compares everything, too: \"bkplan watch\" is not running"}) {
		t.Errorf("%+v", last)
	}
	w.inFull("the last sync did not go by a change journal")
}

// No more is lost by way of the journal than without it.
func TestTheJournalLosesNoMoreThanItMay(t *testing.T) {
	w := newTracked(t)
	w.policy.Layers[0].Guard.MaxDelete = threshold(t, "30%")
	for _, name := range []string{"a", "b", "c", "d/e", "d/f", "new\nline/g"} {
		put(t, filepath.Join(w.source, name), "x")
	}
	w.follow()
	w.inFull("never synced")
	before, proof := contents(t, w.share+"/nfs"), w.receiptText()
	unchanged := func() {
		t.Helper()
		if diff := cmp.Diff(before, contents(t, w.share+"/nfs")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(proof, w.receiptText()); diff != "" {
			t.Error(diff)
		}
	}
	if err := errors.Join(os.RemoveAll(w.source+"/d"), os.RemoveAll(w.source+"/new\nline"), os.Remove(w.source+"/a")); err != nil {
		t.Fatal(err)
	}
	a := w.plan()
	if a.Copy.Since == nil {
		t.Fatalf("%+v", a.Reason)
	}
	w.fails(a, "would lose 6 of the 9 entries in it, and max_delete is 30%", `acknowledge the layer "nfs"`)
	unchanged()
	kept := w.segments()
	if a = w.plan(); a.Copy.Since == nil { // a failed sync consumes nothing
		t.Errorf("%+v", a.Reason)
	}
	for name, content := range kept {
		if now, found := w.segments()[name]; content != "" && (!found || now != content) {
			t.Errorf("%q was lost", name)
		}
	}
	if err := errors.Join(os.Remove(w.source+"/b"), os.Remove(w.source+"/c")); err != nil {
		t.Fatal(err)
	}
	w.fails(a, "is empty, and an empty one is taken for one that is not there")
	unchanged()

	// Another directory in its place, with something in it.
	if err := errors.Join(os.Rename(w.source, w.source+".old"), os.Mkdir(w.source, 0o755)); err != nil {
		t.Fatal(err)
	}
	put(t, w.source+"/other", "x")
	w.fails(a, "would lose 8 of the 9 entries in it")
	unchanged()
	a = w.plan()
	if a.Copy.Since != nil {
		t.Error("another directory was taken for the one that is watched")
	}
	w.fails(a, "would lose 8 of the 9 entries in it")
	unchanged()
}

// A sync that fails leaves the journal and the receipt as they were, and the next one
// makes it good.
func TestASyncByTheJournalThatFails(t *testing.T) {
	w := newTracked(t)
	put(t, w.source+"/d/a", "a")
	put(t, w.source+"/b", "b")
	w.follow()
	w.inFull("never synced")
	proof := w.receiptText()
	put(t, w.source+"/d/new", "new")
	put(t, w.source+"/b", "changed")
	if err := os.Remove(w.source + "/d/a"); err != nil {
		t.Fatal(err)
	}
	w.replace("rsync", "case $1 in --version) exec /usr/bin/rsync \"$@\";; esac; exit 3\n")
	a := w.plan()
	w.fails(a, "the mirror is between two states, and its receipt stands for the one before")
	if diff := cmp.Diff(proof, w.receiptText()); diff != "" {
		t.Error(diff)
	}
	rsync, _ := exec.LookPath("rsync")
	w.replace("rsync", "exec "+rsync+" \"$@\"\n")
	w.byJournal()
	w.equal()
}

// sealed changes something, and gives the segment of the journal that says so.
func (w *tracked) sealed(name string) string {
	w.t.Helper()
	put(w.t, filepath.Join(w.source, name), name)
	told, err := w.provider.Tracker.Prove(w.t.Context(), w.source, plan.JournalPoint{}, nil)
	if err != nil || told.Until == (plan.JournalPoint{}) {
		w.t.Fatalf("%+v, %v", told, err)
	}
	names, err := filepath.Glob(w.state + "/journal/*/*.sealed")
	if err != nil || len(names) == 0 {
		w.t.Fatalf("%q, %v", names, err)
	}
	return slices.Max(names)
}

// What is wrong with the journal is seen by the plan, or else by the sync, and both
// say what it is. What all can be wrong with it, the tests of its own know.
func TestAJournalThatProvesNothing(t *testing.T) {
	w := newTracked(t)
	put(t, w.source+"/a", "a")
	w.follow()
	w.inFull("never synced")
	if err := os.WriteFile(w.sealed("b"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.inFull("; everything is compared: the change journal is damaged")
	w.equal()

	put(t, w.source+"/c", "c")
	a := w.plan()
	if err := os.Truncate(w.sealed("d"), 100); err != nil {
		t.Fatal(err)
	}
	why := "everything was compared: the change journal is damaged"
	if r := w.do(a); a.Copy.Since == nil || !strings.Contains(r.Detail, why) {
		t.Errorf("%+v", r)
	}
	if r := w.lastReceipt(); !r.Full.Equal(r.Started) || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], why) {
		t.Errorf("%+v", r)
	}
	w.equal()
	put(t, w.source+"/e", "e")
	w.byJournal() // from there it goes on
	w.equal()
}

// A sync goes by the journal only where it stands at what the plan saw.
func TestTheMirrorIsAnotherOneThanWasPlanned(t *testing.T) {
	w := newTracked(t)
	put(t, w.source+"/d/a", "a")
	put(t, w.source+"/b", "b")
	w.follow()
	w.inFull("never synced")
	put(t, w.source+"/d/a", "changed")
	a := w.plan()
	if err := os.RemoveAll(w.share + "/nfs"); err != nil {
		t.Fatal(err)
	}
	if r := w.do(a); !strings.Contains(r.Detail, `everything was compared: "nfs" is gone over there`) {
		t.Errorf("%+v", r)
	}
	w.equal()

	put(t, w.source+"/d/a", "changed again")
	a = w.plan()
	w.byJournal() // of somebody else
	put(t, w.source+"/b", "more")
	late := w.next(a)
	late.Copy.Slot = w.now
	if r := w.do(late); !strings.Contains(r.Detail, "everything was compared: the last sync is another one than when the plan was made") {
		t.Errorf("%+v", r)
	}
	w.equal()

	hostile := w.next(w.plan())
	hostile.Copy.Only = []string{"/d"}
	w.fails(hostile, "not one directory as a whole")
}

// An unprivileged user on a machine with the tools of BusyBox gets the same.
func TestTheJournalOnASynology(t *testing.T) {
	w := trackedOn(t, newKeptBench(t), "/cache/")
	w.dash()
	hostile := "new\nline \xff -rf $(x) `y` *"
	put(t, w.source+"/"+hostile+"/a", "a")
	put(t, w.source+"/d/f", "f")
	put(t, w.source+"/g", "g")
	put(t, w.source+"/quiet/deep/f", "f")
	if err := os.Link(w.source+"/d/f", w.source+"/quiet/deep/another name"); err != nil {
		t.Fatal(err)
	}
	w.follow()
	w.inFull("never synced")
	put(t, w.source+"/"+hostile+"/"+hostile, "more")
	if err := errors.Join(os.Rename(w.source+"/d", w.source+"/e"), os.Link(w.source+"/g", w.source+"/"+hostile+"/link")); err != nil {
		t.Fatal(err)
	}
	w.byJournal()
	if diff := cmp.Diff(contents(t, w.source), contents(t, w.share+"/nfs")); diff != "" {
		t.Error(diff)
	}
}
