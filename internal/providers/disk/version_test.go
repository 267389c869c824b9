package disk

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

func TestANightAndTheNext(t *testing.T) {
	b := newBench(t)
	b.write("same", "same")
	b.write("d/changes", "one")
	if r := b.do(b.action(week46, "")); r.Already || r.Detail != "2 files, 7 B new" {
		t.Errorf("%+v", r)
	}
	b.holds(week46, map[string]string{"same": "same", "d/changes": "one"})
	want := plan.Receipt{
		Layer: "weekly", Volume: volume, Version: week46, Path: "pvc-data/2026-46/" + volume, Slot: start, Started: start.Add(time.Second), Ended: start.Add(2 * time.Second),
		Source: plan.ReceiptSource{Taken: start.Add(time.Second), Paths: []string{b.source}, MountPoint: "/dev/shm"},
		Files:  2, Bytes: 7, NewBytes: 7,
	}
	got := b.receipt(week46)
	if got.Digest == "" || got.Tools["rsync"] == "" || got.Directories == 0 {
		t.Errorf("%+v", got)
	}
	got.Digest, got.Tools, got.Directories, got.Notes = "", nil, 0, b.notes(week46)
	if len(got.Notes) == 0 {
		got.Notes = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	b.write("d/changes", "two!")
	b.write("new", "x")
	if err := os.Remove(filepath.Join(b.source, "same")); err != nil {
		t.Fatal(err)
	}
	b.write("d/e/same", "e")
	b.do(b.action(week47, week46))
	b.holds(week46, map[string]string{"same": "same", "d/changes": "one"})
	b.holds(week47, map[string]string{"d/changes": "two!", "d/e/same": "e", "new": "x"})
	b.nothingLeft()
	if r := b.receipt(week47); r.NewBytes != 6 {
		t.Errorf("%+v", r)
	}
}

func TestUnchangedFilesAreLinksToTheVersionBefore(t *testing.T) {
	b := newBench(t)
	b.write("same", "same")
	b.write("changes", "one")
	b.do(b.action(week46, ""))
	b.write("changes", "two")
	b.do(b.action(week47, week46))
	if inode(t, b.version(week46)+"/same") != inode(t, b.version(week47)+"/same") {
		t.Error("a file that did not change is a copy")
	}
	if inode(t, b.version(week46)+"/changes") == inode(t, b.version(week47)+"/changes") {
		t.Error("a file that changed is a link")
	}
	if r := b.receipt(week47); r.NewBytes != 3 {
		t.Errorf("%+v", r)
	}
}

// Two changes within one second, with the same size, are told apart.
func TestAChangeOfTheSameSecondIsSeen(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	at := time.Date(2026, 11, 1, 0, 0, 0, 100, time.UTC)
	if err := os.Chtimes(b.source+"/f", at, at); err != nil {
		t.Fatal(err)
	}
	b.do(b.action(week46, ""))
	b.write("f", "two")
	at = at.Add(time.Millisecond)
	if err := os.Chtimes(b.source+"/f", at, at); err != nil {
		t.Fatal(err)
	}
	b.do(b.action(week47, week46))
	b.holds(week47, map[string]string{"f": "two"})
}

func TestRefreshSwapsTheVersion(t *testing.T) {
	b := newBench(t)
	b.write("same", "same")
	b.write("f", "one")
	b.do(b.action(week46, ""))
	kept := inode(t, b.version(week46)+"/same")
	b.write("f", "two")
	a := refresh(b.action(week46, week46))
	if r := b.do(a); r.Already {
		t.Errorf("%+v", r)
	}
	b.holds(week46, map[string]string{"same": "same", "f": "two"})
	if inode(t, b.version(week46)+"/same") != kept {
		t.Error("what did not change is a copy")
	}
	if r := b.receipt(week46); !r.Slot.Equal(a.Copy.Slot) || r.Bytes != 7 || r.NewBytes != 10 { // all that was new each time
		t.Errorf("%+v", r)
	}
	b.nothingLeft()
	if r := b.do(a); !r.Already {
		t.Errorf("again: %+v", r)
	}
}

// What pruning a version would free is estimated by it, and by how much more it is than
// over there what sending the version adds.
func TestWhatIsNewInAVersionStaysSo(t *testing.T) {
	b := newBench(t)
	b.write("same", "0123456789")
	b.write("f", "one")
	b.do(b.action(week46, ""))
	b.write("f", "two")
	b.do(b.action(week47, week46))
	b.write("g", "four")
	a := refresh(b.action(week47, week47))
	if r := b.do(a); r.Detail != "3 files, 4 B new" {
		t.Errorf("%+v", r)
	}
	if r := b.receipt(week47); r.NewBytes != 3+4 {
		t.Errorf("%+v", r)
	}
	for _, name := range []string{"same", "f"} {
		if err := os.Remove(filepath.Join(b.source, name)); err != nil {
			t.Fatal(err)
		}
	}
	a.Copy.Slot = a.Copy.Slot.AddDate(0, 0, 1)
	b.do(a)
	if r := b.receipt(week47); r.Bytes != 4 || r.NewBytes != 3+4 { // some of it is gone
		t.Errorf("%+v", r)
	}
}

// rsync: attribute changes rewrote the whole hard-linked history.
func TestAFinishedVersionIsNeverWrittenInto(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	b.do(b.action(week46, ""))
	if err := os.Chmod(b.source+"/f", 0o640); err != nil {
		t.Fatal(err)
	}
	b.do(b.action(week47, week46))
	for version, want := range map[string]os.FileMode{week46: 0o600, week47: 0o640} {
		if info, err := os.Stat(b.version(version) + "/f"); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", version, info.Mode(), err)
		}
	}
}

func TestCreatingTwiceIsDoneAlready(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	a := b.action(week46, "")
	b.do(a)
	if r := b.do(a); !r.Already {
		t.Errorf("%+v", r)
	}
	a.Copy.Slot = a.Copy.Slot.Add(time.Hour)
	if err := b.fails(a, "is there already"); !isStale(err) {
		t.Errorf("%v", err)
	}
	b.holds(week46, map[string]string{"f": "one"})
}

func TestRefreshOfNothingIsStale(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	if err := b.fails(refresh(b.action(week46, "")), "is gone"); !isStale(err) {
		t.Errorf("%v", err)
	}
	if err := b.fails(b.action(week47, week46), "was the newest", "is gone"); !isStale(err) {
		t.Errorf("%v", err)
	}
}

// A source proves its identity.
func TestSourceThatIsNotThere(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	b.do(b.action(week46, ""))
	for name, c := range map[string]struct {
		change func(*plan.Access)
		words  string
	}{
		"missing":       {func(a *plan.Access) { a.Paths = []string{b.source + "/missing"} }, "does not exist"},
		"a file":        {func(a *plan.Access) { a.Paths = []string{b.source + "/f"} }, "is not a directory"},
		"not mounted":   {func(a *plan.Access) { a.RequireMount = true }, "nothing is mounted"},
		"another mount": {func(a *plan.Access) { a.MountPoint = "/srv/nfs" }, "what is there now is not the source"},
	} {
		a := b.action(week47, week46)
		c.change(a.Copy.From)
		if err := b.fails(a, c.words); !isStale(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b.holds(week47, map[string]string{})
}

// rsnapshot: an unmounted source was backed up as empty, and good versions
// rotated out.
func TestEmptySource(t *testing.T) {
	b := newBench(t)
	b.do(b.action(week46, ""))
	if r := b.receipt(week46); len(b.notes(week46)) != 1 || r.Files != 0 {
		t.Errorf("a volume that begins empty: %+v", r)
	}
	b.fails(b.action(week47, week46), "is empty", `acknowledge the layer "weekly"`)
	a := b.action(week47, week46)
	a.Copy.AcceptLoss = true
	b.do(a)
}

func TestSourceThatShrankByNineTenths(t *testing.T) {
	b := newBench(t)
	for i := range 40 {
		b.write("f"+strings.Repeat("x", i), "0123456789")
	}
	b.do(b.action(week46, ""))
	for i := 3; i < 40; i++ {
		os.Remove(b.source + "/f" + strings.Repeat("x", i))
	}
	before := everything(t, b.dest)
	b.fails(refresh(b.action(week46, week46)), "has 3 files with 30 B now, and had 40 files with 400 B", "stays as it was", "acknowledge")
	if diff := cmp.Diff(before, everything(t, b.dest)); diff != "" {
		t.Error(diff)
	}
	b.do(b.action(week47, week46)) // planning holds the prunes
	a := refresh(b.action(week46, week46))
	a.Copy.AcceptLoss = true
	b.do(a)
	if len(contents(t, b.version(week46))) != 3 {
		t.Error("it was acknowledged")
	}
}

func TestSnapshotIsClosedWhateverHappens(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	b.do(b.snapshot(week46, "", "uuid-1"))
	b.nothingLeft()
	if s := b.receipt(week46).Source.Snapshot; s == nil || s.UUID != "uuid-1" || s.VolumeGroup != "pve" {
		t.Errorf("%+v", s)
	}
	if err := b.fails(b.snapshot(week47, week46, "uuid-2"), "another one than when the plan was made"); !isStale(err) {
		t.Errorf("%v", err)
	}
	b.opener.uuid = "uuid-2"
	for name, produce := range map[string]producer{
		"fails":  func(context.Context, providers.Job) error { return errors.New("no") },
		"ends":   func(ctx context.Context, _ providers.Job) error { <-ctx.Done(); return ctx.Err() },
		"panics": nil,
	} {
		if produce == nil {
			continue
		}
		b.provider.Producer = produce
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, err := b.provider.Do(ctx, b.snapshot(week47, week46, "uuid-2")); err == nil {
			t.Errorf("%s: it went through", name)
		}
		cancel()
		b.nothingLeft()
	}
	b.holds(week47, map[string]string{})
}

func TestSourceThatCannotBeClosed(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	b.opener.closing = errors.New("target is busy")
	b.fails(b.snapshot(week46, "", "uuid-1"), "the version is complete, but its source could not be closed: target is busy")
	if b.receipt(week46).Files != 1 {
		t.Error("no receipt")
	}
}

// One hung volume blocked all behind it.
func TestALimitPerAction(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	b.provider.Producer = producer(func(ctx context.Context, _ providers.Job) error { <-ctx.Done(); return ctx.Err() })
	a := b.action(week46, "")
	a.Copy.Timeout.Minutes = 1
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(context.Canceled)
	if _, err := b.provider.Do(ctx, a); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if got := (Patience{}).copy(*a.Copy); got != time.Minute {
		t.Errorf("%v", got)
	}
	if got := (Patience{}).copy(plan.CopyAction{}); got != defaultCopy {
		t.Errorf("%v", got)
	}
}

// producer is a Producer that is one function.
type producer func(context.Context, providers.Job) error

func (p producer) Produce(ctx context.Context, job providers.Job) (providers.Produced, error) {
	return providers.Produced{}, p(ctx, job)
}
