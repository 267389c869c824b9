package ssh

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/observe"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers/catalogue"
	"github.com/bkplan/bkplan/internal/schedule"
	"github.com/bkplan/bkplan/internal/storm"
)

// newCatalogued is newTracked with catalogues, long after all that happens to the tree:
// so all of them are believed.
func newCatalogued(t *testing.T, exclude ...string) *tracked {
	t.Helper()
	w := newTracked(t, exclude...)
	w.catalogue(trackedHost)
	w.now = time.Now().Add(24 * time.Hour).Truncate(time.Second)
	return w
}

func (w *tracked) catalogue(host string) {
	c := catalogue.New(w.state, host)
	w.provider.Catalogues, w.registry.Catalogues = c, c
}

// how plans and syncs, and gives the plan's words and the result's.
func (w *tracked) how() (planned, done string) {
	w.t.Helper()
	w.tick()
	a := w.plan()
	return a.Reason.Detail, w.do(a).Detail
}

// tick waits until the kernel stamps files with a later time.
func (w *tracked) tick() {
	w.t.Helper()
	stamped := func() syscall.Timespec {
		file := filepath.Join(w.state, "tick")
		put(w.t, file, "")
		var s syscall.Stat_t
		if err := syscall.Stat(file, &s); err != nil {
			w.t.Fatal(err)
		}
		return s.Ctim
	}
	for first := stamped(); stamped() == first; {
		continue
	}
}

// byCatalogue syncs, and fails unless that went by the catalogue, for a reason.
func (w *tracked) byCatalogue(why string) string {
	w.t.Helper()
	planned, done := w.how()
	if !strings.Contains(planned, "; everything here is compared with the catalogue of the last sync: "+why) || !strings.Contains(done, " looked at by the catalogue of the last sync, ") {
		w.t.Errorf("planned %q, done %q", planned, done)
	}
	if r := w.lastReceipt(); r.Digest != "" || !r.Full.Before(r.Started) {
		w.t.Errorf("%+v", r)
	}
	return done
}

// ofAll syncs, and fails unless everything was compared, and the plan or the result says
// why.
func (w *tracked) ofAll(why string) {
	w.t.Helper()
	planned, done := w.how()
	if r := w.lastReceipt(); !strings.Contains(planned+done, why) || r.Digest == "" || !r.Full.Equal(r.Started) {
		w.t.Errorf("planned %q, done %q, %+v", planned, done, r)
	}
}

const notWatched = "the last sync did not go by a change journal"

func (w *tracked) shell(script string) {
	w.t.Helper()
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir = w.source
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
}

// Nobody watches, and what is sent is what differs from the last sync: every kind of
// change.
func TestASyncByTheCatalogue(t *testing.T) {
	w := newCatalogued(t, "*.tmp", "/cache/")
	w.shell(`mkdir -p d/sub gone/deep kind same cache; echo 1 >d/sub/f; echo 2 >gone/deep/f; echo 3 >kind/f; echo 4 >file
		for i in 1 2 3 4 5 6 7 8 9; do echo $i >same/$i; done; ln d/sub/f linked; ln -s file link; touch cache/x d/x.tmp
		touch -- "-rf" "$(printf 'new\nline')" "$(printf 'not\377utf8')"`)
	w.ofAll("never synced")
	done := w.byCatalogue(notWatched)
	if !strings.HasPrefix(done, "0 names looked at") {
		t.Errorf("nothing has changed: %q", done)
	}
	w.equal()
	w.shell(`rm -r gone; mv d e; rm -r kind; echo now a file >kind; rm file; mkdir file; echo 5 >file/f; rm linked; ln same/1 linked
		ln -sf nowhere link; chmod 700 same/2; touch -d 2001-01-01 same/3; echo more >>same/4; mkdir -p new/er; echo 6 >new/er/f
		rm -- "-rf"; mv "$(printf 'new\nline')" "$(printf 'new\nname')"; echo x >"$(printf 'not\377utf8')"; echo y >cache/x; echo z >e/x.tmp`)
	done = w.byCatalogue(notWatched)
	w.equal()
	if _, err := os.Lstat(w.share + "/nfs/same/9"); err != nil || strings.HasPrefix(done, "0 names") {
		t.Errorf("%v, %q", err, done)
	}
	if w.byCatalogue(notWatched); t.Failed() {
		return
	}
	w.policy.Layers[0].Exclude = nil
	w.ofAll("what is left out is not what it was")
	w.byCatalogue(notWatched)
	w.equal()
}

// A gap of the journal: all that it told before is in the catalogue, and the next sync
// goes on by the journal.
func TestTheCatalogueFillsAGapOfTheJournal(t *testing.T) {
	w := newCatalogued(t)
	put(t, w.source+"/d/sub/f", "1")
	put(t, w.source+"/e/f", "2")
	w.follow()
	w.ofAll("never synced")
	w.shell("mv d ../away; echo 3 >e/new")
	if _, done := w.how(); !strings.Contains(done, "looked at by the change journal") {
		t.Error(done)
	}
	w.equal()
	w.stop(syscall.SIGKILL)
	w.shell("mv ../away d; rm e/f") // as it was, but for the folder
	w.byCatalogue("the change journal has a gap since ")
	w.equal()
	w.follow()
	w.byCatalogue(notWatched)
	put(t, w.source+"/e/again", "4")
	w.byJournal()
	w.equal()

	a := w.plan()
	w.stop(syscall.SIGTERM) // after the plan
	put(t, w.source+"/e/late", "5")
	if done := w.do(a).Detail; !strings.Contains(done, "everything here was compared with the catalogue of the last sync: ") {
		t.Error(done)
	}
	w.equal()
}

// The full sync of the month compares both ends, and heals what somebody did over there.
func TestTheMonthlySyncDoesNotGoByTheCatalogue(t *testing.T) {
	w := newCatalogued(t)
	put(t, w.source+"/f", "1")
	w.ofAll("never synced")
	put(t, w.share+"/nfs/theirs", "x")
	w.byCatalogue(notWatched)
	if _, err := os.Lstat(w.share + "/nfs/theirs"); err != nil {
		t.Error("everything was compared")
	}
	full, err := schedule.Parse("*-*-* *:*:00")
	if err != nil {
		t.Fatal(err)
	}
	w.policy.Layers[0].FullSchedule = full
	w.ofAll("before the slot")
	w.equal()
}

// listings are the files of the catalogue that are not names that were told.
func (w *tracked) listings() []string {
	w.t.Helper()
	found, err := filepath.Glob(w.state + "/catalogue/*/*.listing")
	if err != nil || len(found) == 0 {
		w.t.Fatalf("%v, %v", found, err)
	}
	return found
}

// A catalogue that is cut off, garbled or of another sync is not believed; the next one
// is. What else there may be is for the package's own tests.
func TestACatalogueThatIsNotBelieved(t *testing.T) {
	w := newCatalogued(t)
	for _, name := range []string{"a", "b", "d/c"} {
		put(t, filepath.Join(w.source, name), name)
	}
	w.ofAll("never synced")
	rewrite := func(file string, change func([]byte) []byte) {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(file, change(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	half := func(text []byte) []byte { return text[:len(text)/2] }
	garble := func(text []byte) []byte {
		at := bytes.LastIndex(text, []byte("\x01c")) + 1
		text[at]++
		return text
	}
	for _, test := range map[string]struct {
		damage func()
		why    string
	}{
		"cut off": {func() { rewrite(w.listings()[0], half) }, "the catalogue is damaged: its end is missing"},
		"garbled": {func() { rewrite(w.listings()[0], garble) }, "the catalogue is damaged: it does not match its checksum"},
		"another sync": {func() {
			w.provider.Catalogues, w.registry.Catalogues = nil, nil
			w.ofAll("there is no catalogue of the last sync")
			w.catalogue(trackedHost)
		}, "the catalogue is not that of the last sync"},
	} {
		test.damage()
		put(t, w.source+"/a", test.why)
		w.ofAll(test.why)
		put(t, w.source+"/b", test.why)
		w.byCatalogue(notWatched)
		w.equal()
	}
}

// A sync that fails leaves the catalogue of the one before, which still is the last one;
// what a try has done over there does no harm.
func TestAFailedSyncLeavesTheCatalogue(t *testing.T) {
	w := newCatalogued(t)
	put(t, w.source+"/d/f", "1")
	put(t, w.source+"/e/f", "2")
	w.ofAll("never synced")
	before := w.listings()
	put(t, w.source+"/e/new", "3")
	w.shell("rm d/f")
	rsync, _ := exec.LookPath("rsync")
	w.replace("rsync", "case $1 in --version) exec "+rsync+" \"$@\";; esac; echo No space left on device >&2; exit 3")
	w.tick()
	for range 2 {
		w.fails(w.plan(), "the mirror is between two states")
	}
	if after := w.listings(); len(after) != 2 || after[0] != before[0] && after[1] != before[0] {
		t.Errorf("%q, and before %q", after, before)
	}
	w.replace("rsync", "exec "+rsync+" \"$@\"")
	w.byCatalogue(notWatched)
	w.equal()
	if after := w.listings(); len(after) != 1 || after[0] == before[0] {
		t.Errorf("%q, and before %q", after, before)
	}
}

// A layer that does not follow its tree any more leaves no catalogue.
func TestOnlyLayersThatFollowHaveACatalogue(t *testing.T) {
	w := newCatalogued(t)
	put(t, w.source+"/f", "1")
	w.ofAll("never synced")
	if err := observe.Retain(w.policy, w.registry.Catalogues); err != nil {
		t.Fatal(err)
	}
	w.byCatalogue(notWatched)
	w.policy.Layers[0].TrackChanges = false
	if err := observe.Retain(w.policy, w.registry.Catalogues); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(w.state + "/catalogue"); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// Whatever happens to a tree, also while a sync runs: one that is kept up by catalogues
// alone is the tree. The clock is the machine's, because what has just changed counts.
func TestStormWithNobodyWatching(t *testing.T) {
	w := newCatalogued(t, "*.tmp", "/cache/", "a/b", "/b/a/")
	every, err := schedule.Parse("*-*-* *:*:*")
	if err != nil {
		t.Fatal(err)
	}
	w.policy.Layers[0].Schedule = every
	w.provider.Now = time.Now
	seed := stormSeed()
	t.Logf("seed %d", seed)
	s := storm.New(seed, 3, w.source, filepath.Dir(w.source))
	s.Names = stormNames
	put(t, w.source+"/stays", "so that it is never empty")
	steps, rounds := stormSize()
	var last time.Time
	sync := func() plan.Action {
		for now := last; now.Sub(last) < time.Second; now = time.Now().Truncate(time.Second) {
			continue // until another slot has come
		}
		w.now = time.Now().Add(-time.Minute) // plan is a minute later
		a := w.plan()
		w.do(a)
		last = w.lastReceipt().Started.Truncate(time.Second)
		return a
	}
	sync()
	for round := range rounds {
		over := make(chan struct{})
		go func() { // some of it happens while the sync runs
			defer close(over)
			for range steps / rounds {
				s.Step()
			}
		}()
		if round%2 == 0 {
			<-over
		}
		if a := sync(); a.Copy.Catalogue.IsZero() {
			t.Errorf("everything is compared: %s", a.Reason.Detail)
		}
		<-over
	}
	sync()
	w.equal()
}
