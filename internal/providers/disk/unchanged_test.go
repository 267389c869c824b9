package disk

import (
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/receipt"
)

// firstCopy makes week 46 from a snapshot, then changes the source: what is seen
// of it later was looked at later.
func (b *bench) firstCopy() {
	b.t.Helper()
	b.write("f", "one")
	b.write("d/g", "two")
	b.do(b.snapshot(week46, "", "uuid-1"))
	b.write("f", "changed")
	b.opener.opened, b.opener.closed, b.opener.uuid = 0, 0, "uuid-2"
}

func octets(n int64) *providers.Difference { return &providers.Difference{Bytes: n, ToUUID: "uuid-2"} }

func TestUnchangedVolumeIsNeitherOpenedNorWalked(t *testing.T) {
	b := newBench(t)
	b.firstCopy()
	b.opener.differ = []*providers.Difference{octets(0)}
	a := b.snapshot(week47, week46, "uuid-2")
	b.provider.Prepare(t.Context(), []plan.Action{a, b.prune(week46, week47), b.action(week47, week46)})
	pair := providers.SnapshotPair{VolumeGroup: "pve", Pool: "data", FromUUID: "uuid-1", FromName: "snap-uuid-1", ToUUID: "uuid-2", ToName: "snap-uuid-2"}
	if diff := cmp.Diff([]providers.SnapshotPair{pair}, b.opener.asked); diff != "" {
		t.Error(diff)
	}
	if r := b.do(a); r.Detail != "unchanged" || b.opener.opened != 0 {
		t.Errorf("%+v, %d opened", r, b.opener.opened)
	}
	b.holds(week47, map[string]string{"f": "one", "d/g": "two"})
	if inode(t, b.version(week46)+"/f") != inode(t, b.version(week47)+"/f") {
		t.Error("a copy")
	}
	was, is := b.receipt(week46), b.receipt(week47)
	if is.Source.Snapshot.UUID != "uuid-2" || is.NewBytes != 0 || is.Digest != was.Digest || is.Files != 2 || is.Bytes != was.Bytes || is.Path == was.Path {
		t.Errorf("%+v", is)
	}
	if _, err := os.Stat(b.dest + "/" + receipt.ManifestFile("weekly", week47, volume)); err != nil {
		t.Error(err)
	}
	b.nothingLeft()
}

func TestUnchangedRefreshIsANewReceipt(t *testing.T) {
	b := newBench(t)
	b.firstCopy()
	tree, was := inode(t, b.version(week46)), b.receipt(week46)
	b.opener.differ = []*providers.Difference{octets(0)}
	a := refresh(b.snapshot(week46, week46, "uuid-2"))
	b.provider.Prepare(t.Context(), []plan.Action{a})
	if r := b.do(a); r.Detail != "unchanged" || b.opener.opened != 0 {
		t.Errorf("%+v", r)
	}
	if r := b.receipt(week46); !r.Slot.Equal(a.Copy.Slot) || r.Source.Snapshot.UUID != "uuid-2" || r.NewBytes != was.NewBytes || r.NewBytes != 6 {
		t.Errorf("%+v", r)
	}
	if inode(t, b.version(week46)) != tree {
		t.Error("the version was replaced")
	}
	if r := b.do(a); !r.Already {
		t.Errorf("again: %+v", r)
	}
}

func TestSameSnapshotNeedsNoComparison(t *testing.T) {
	b := newBench(t)
	b.firstCopy()
	a := b.snapshot(week47, week46, "uuid-1")
	b.provider.Prepare(t.Context(), []plan.Action{a})
	if r := b.do(a); r.Detail != "unchanged" || len(b.opener.asked) > 0 {
		t.Errorf("%+v, %v", r, b.opener.asked)
	}
}

// What is not known for certain is a change.
func TestWhatIsNotKnownIsCopied(t *testing.T) {
	for name, spoil := range map[string]func(*bench, *plan.Action){
		"it cannot be told": func(b *bench, _ *plan.Action) { b.opener.differ = []*providers.Difference{nil} },
		"no answer":         func(b *bench, _ *plan.Action) { b.opener.differ = nil },
		"a byte differs":    func(b *bench, _ *plan.Action) { b.opener.differ = []*providers.Difference{octets(1)} },
		"other exclusions":  func(_ *bench, a *plan.Action) { a.Copy.Exclude = []string{"*.tmp"} },
		"another group":     func(_ *bench, a *plan.Action) { a.Copy.From.Snapshot.VolumeGroup = "other" },
		"no previous":       func(_ *bench, a *plan.Action) { a.Copy.Previous = "" },
		"no receipt":        func(b *bench, _ *plan.Action) { os.Remove(b.dest + "/" + receipt.File("weekly", week46, volume)) },
		"no manifest": func(b *bench, _ *plan.Action) {
			os.Remove(b.dest + "/" + receipt.ManifestFile("weekly", week46, volume))
		},
		"an adopted version": func(b *bench, _ *plan.Action) { b.rewrite(week46, func(r *plan.Receipt) { r.Adopted = true }) },
		"made from a tree":   func(b *bench, _ *plan.Action) { b.rewrite(week46, func(r *plan.Receipt) { r.Source.Snapshot = nil }) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.firstCopy()
			b.opener.differ = []*providers.Difference{octets(0)}
			a := b.snapshot(week47, week46, "uuid-2")
			spoil(b, &a)
			b.provider.Prepare(t.Context(), []plan.Action{a})
			b.do(a)
			b.holds(week47, map[string]string{"f": "changed", "d/g": "two"})
			b.nothingLeft()
		})
	}
}

func (b *bench) rewrite(version string, change func(*plan.Receipt)) {
	b.t.Helper()
	r := b.receipt(version)
	change(&r)
	if err := receipt.Write(b.dest, r); err != nil {
		b.t.Fatal(err)
	}
}

func TestPruneRemovesJustItsVersion(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	b.do(b.action(week46, ""))
	b.do(b.action(week47, week46))
	write(t, b.dest+"/pvc-data/2026-46/other/x", "of another volume")
	a := b.prune(week46, week47)
	if r := b.do(a); r.Already {
		t.Errorf("%+v", r)
	}
	b.holds(week46, map[string]string{})
	b.holds(week47, map[string]string{"f": "one"})
	if got := contents(t, b.dest+"/pvc-data/2026-46"); len(got) != 1 {
		t.Errorf("%v", got)
	}
	if _, err := receipt.Read(b.dest, "weekly", week46, volume); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its receipt: %v", err)
	}
	if _, err := os.Stat(b.dest + "/" + receipt.ManifestFile("weekly", week46, volume)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its manifest: %v", err)
	}
	b.nothingLeft()
	if r := b.do(a); !r.Already {
		t.Errorf("again: %+v", r)
	}
}

func TestPruneRemovesEmptyFolders(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	b.do(b.action(week46, ""))
	b.do(b.action(week47, week46))
	b.do(b.prune(week46, week47))
	if _, err := os.Stat(b.dest + "/pvc-data/2026-46"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(b.dest + "/pvc-data"); err != nil {
		t.Errorf("%v", err)
	}
}

// Safety rule 1.
func TestTheLastVersionIsNotPruned(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	b.do(b.action(week46, ""))
	for name, c := range map[string]struct {
		action plan.Action
		words  string
	}{
		"no keeper":   {b.prune(week46, ""), "names no version that stays"},
		"itself":      {b.prune(week46, week46), "is the newest complete one"},
		"keeper gone": {b.prune(week46, week47), "was to stay, is gone"},
	} {
		t.Log(name)
		b.fails(c.action, c.words)
		b.holds(week46, map[string]string{"f": "one"})
	}
}

func TestCleanRemovesOneName(t *testing.T) {
	b := newBench(t)
	write(t, b.dest+"/.bkplan/work/weekly-0011/tree/f", "half")
	write(t, b.dest+"/.bkplan/work/other/f", "stays")
	a := plan.Action{Kind: plan.Clean, Layer: "weekly", Volume: volume, Copy: &plan.CopyAction{Destination: b.dest, Unfinished: "weekly-0011"}}
	if r := b.do(a); r.Already {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff([]string{"other"}, b.unfinished()); diff != "" {
		t.Error(diff)
	}
	if r := b.do(a); !r.Already {
		t.Errorf("again: %+v", r)
	}
	for _, name := range []string{"", ".", "..", "../receipts", "a/b", "/etc"} {
		a.Copy.Unfinished = name
		if _, err := b.provider.Do(t.Context(), a); err == nil {
			t.Errorf("%q was cleaned", name)
		}
	}
	a.Copy = &plan.CopyAction{Leftover: &plan.Leftover{Name: plan.OpenName("weekly", volume)}}
	b.do(a)
	if len(b.opener.cleaned) != 1 {
		t.Errorf("%v", b.opener.cleaned)
	}
}

func TestOtherActionsAreNotSupported(t *testing.T) {
	b := newBench(t)
	for _, a := range []plan.Action{{Kind: plan.Trigger, Copy: &plan.CopyAction{}}, {Kind: plan.Create}, {Kind: plan.Prune}} {
		if _, err := b.provider.Do(t.Context(), a); !errors.Is(err, providers.ErrUnsupported) {
			t.Errorf("%s: %v", a.Kind, err)
		}
	}
}

// A saved plan is a file that may come from anywhere.
func TestPathsThatLeaveTheDestination(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	b.do(b.action(week46, ""))
	before := everything(t, b.dest)
	for name, change := range map[string]func(*plan.CopyAction){
		"path up":        func(c *plan.CopyAction) { c.Path = "../../x" },
		"path absolute":  func(c *plan.CopyAction) { c.Path = "/etc" },
		"path unclean":   func(c *plan.CopyAction) { c.Path = "a//b" },
		"path is top":    func(c *plan.CopyAction) { c.Path = "." },
		"directory up":   func(c *plan.CopyAction) { c.Directory = ".." },
		"our own":        func(c *plan.CopyAction) { c.Directory = ".bkplan/receipts" },
		"our own, by .":  func(c *plan.CopyAction) { c.Directory, c.Path = ".", ".bkplan/work/x" },
		"previous up":    func(c *plan.CopyAction) { c.Previous = "../../x" },
		"relative disk":  func(c *plan.CopyAction) { c.Destination = "backup" },
		"no destination": func(c *plan.CopyAction) { c.Destination = "" },
	} {
		for _, a := range []plan.Action{b.action(week47, week46), b.prune(week46, week47)} {
			change(a.Copy)
			if _, err := b.provider.Do(t.Context(), a); err == nil {
				t.Errorf("%s: %s went through", name, a.Kind)
			}
		}
	}
	if diff := cmp.Diff(before, everything(t, b.dest)); diff != "" {
		t.Error(diff)
	}
}
