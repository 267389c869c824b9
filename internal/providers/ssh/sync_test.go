package ssh

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
)

// mirror is the action that syncs a new tree of this machine, and that tree.
func (b *bench) mirror() (plan.Action, string) {
	source := b.t.TempDir()
	return plan.Action{
		ID: "nfs", Kind: plan.Sync, Layer: "nfs", Volume: "nfs",
		Copy: &plan.CopyAction{
			Remote:      &plan.Remote{Address: b.address, IdentityFile: b.identity, Path: b.share},
			Destination: b.share, Directory: "nfs", Slot: start,
			From: &plan.Access{Paths: []string{source}, Whole: true},
		},
	}, source
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) next(a plan.Action) plan.Action {
	c := *a.Copy
	c.Slot = c.Slot.AddDate(0, 0, 1)
	a.Copy = &c
	return a
}

func threshold(t *testing.T, text string) quantity.Threshold {
	t.Helper()
	limit, err := quantity.ParseThreshold(text)
	if err != nil {
		t.Fatal(err)
	}
	return limit
}

func (b *bench) shareReceipt() plan.Receipt {
	b.t.Helper()
	part, err := b.provider.Observe(b.t.Context(), b.target())
	if err != nil || len(part.Disks[0].Receipts) != 1 {
		b.t.Fatalf("%+v, %v", part, err)
	}
	return part.Disks[0].Receipts[0]
}

func TestATreeIsMirrored(t *testing.T) {
	b := newKeptBench(t)
	b.dash()
	a, source := b.mirror()
	a.Copy.Exclude = []string{"*.tmp"}
	hostile := "new\nline \xff -rf $(x) `y` *"
	put(t, source+"/a", "a")
	put(t, source+"/d/"+hostile, "12345")
	put(t, source+"/d/x.tmp", "x")
	b.do(a)
	if diff := cmp.Diff(contents(t, source)["/d/"+hostile], contents(t, b.share+"/nfs")["/d/"+hostile]); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Lstat(b.share + "/nfs/d/x.tmp"); err == nil {
		t.Error("what is excluded was sent")
	}
	first := b.shareReceipt()
	if first.Files != 2 || first.Bytes != 6 || first.NewBytes != 6 || first.Directories != 2 || first.Path != "nfs" || first.Digest == "" {
		t.Errorf("%+v", first)
	}
	if diff := cmp.Diff([]string{noOwners}, first.Notes); diff != "" || strings.Contains(noOwners, "manifest") {
		t.Error(diff)
	}
	if r := b.do(a); !r.Already {
		t.Errorf("again: %+v", r)
	}
	a = b.next(a)
	b.do(a)
	if r := b.shareReceipt(); r.NewBytes != 0 || r.Digest != first.Digest {
		t.Errorf("nothing changed: %+v", r)
	}

	put(t, source+"/b", "b")
	os.Remove(source + "/a")
	put(t, b.share+"/nfs/d/kept.tmp", "excluded, so not deleted")
	a = b.next(a)
	a.Copy.MaxDelete = threshold(t, "50%")
	b.do(a)
	if r := b.shareReceipt(); r.Files != 2 || r.NewBytes != 1 || r.Digest == first.Digest {
		t.Errorf("%+v", r)
	}
	if _, err := os.Lstat(b.share + "/nfs/a"); err == nil {
		t.Error("a deletion did not arrive")
	}
	if _, err := os.Lstat(b.share + "/nfs/d/kept.tmp"); err != nil {
		t.Error(err)
	}
}

// A source tree replaced by an empty directory, or by far less.
func TestAMirrorLosesNoMoreThanItMay(t *testing.T) {
	b := newBench(t)
	a, source := b.mirror()
	for _, name := range []string{"a", "b", "line\nfeed", "d/c"} {
		put(t, filepath.Join(source, name), "0123456789")
	}
	b.do(a)
	os.RemoveAll(source + "/d")
	os.Remove(source + "/line\nfeed")
	a = b.next(a)
	for limit, words := range map[string]string{
		"10%": "would lose 3 of the 6 entries in it, and max_delete is 10%",
		"19B": "would lose 3 of the 6 entries in it with 20 B, and max_delete is 19B",
	} {
		a.Copy.MaxDelete = threshold(t, limit)
		b.fails(a, words, `acknowledge the layer "nfs"`, `line\#012feed`)
	}
	if got := contents(t, b.share+"/nfs"); len(got) != 6 {
		t.Errorf("%v", got)
	}
	empty, mirrored := t.TempDir(), a.Copy.From
	a.Copy.From = &plan.Access{Paths: []string{empty}, Whole: true}
	b.fails(a, "is empty, and an empty one is taken for one that is not there")
	a.Copy.From = mirrored
	a.Copy.MaxDelete = threshold(t, "20B")
	b.do(a)
	if got := contents(t, b.share+"/nfs"); len(got) != 3 {
		t.Errorf("%v", got)
	}
}

// What no layer owns of a disk goes to the root of its copy, beside the versions.
func TestTheRestOfADisk(t *testing.T) {
	b := newBench(t)
	b.put(week46, "f", "f")
	b.prove(week46)
	b.do(b.copy(week46, ""))
	put(t, b.disk+"/pve-config/x", "x")
	put(t, b.disk+"/pvc-data/foreign", "not sent")
	put(t, b.root()+"/kept", "not named, so left alone")
	put(t, b.root()+"/pve-config/gone", "x")
	put(t, b.disk+"/we[ir]d*\nname", "x")
	put(t, b.disk+"/unnamed", "x")
	a, _ := b.mirror()
	a.Copy.Destination, a.Copy.Directory = b.root(), "."
	a.Copy.From.Paths = []string{b.disk}
	a.Copy.Exclude = []string{"/pvc-data"}
	a.Copy.Only = []string{"/pve-config", "/we\\[ir]d\\*\nname"}
	b.do(a)
	b.holds(week46)
	for name, want := range map[string]bool{"pve-config/x": true, "pve-config/gone": false, "pvc-data/foreign": false, "kept": true, "unnamed": false, "we[ir]d*\nname": true} {
		if _, err := os.Lstat(filepath.Join(b.root(), name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	disk := b.observe()
	if len(disk.Receipts) != 2 || len(disk.Bad) != 0 || disk.Receipts[0].Path != "." {
		t.Errorf("%+v", disk)
	}
	a = b.next(a)
	a.Copy.Only = nil
	before := contents(t, b.root()+"/pve-config")
	b.do(a) // nothing but the receipt
	if diff := cmp.Diff(before, contents(t, b.root()+"/pve-config")); diff != "" {
		t.Error(diff)
	}
	b.holds(week46)
}

func TestSeveralPathsKeepTheirNames(t *testing.T) {
	b := newBench(t)
	a, source := b.mirror()
	put(t, source+"/one/f", "1")
	put(t, source+"/two/f", "2")
	put(t, source+"/three/f", "3")
	a.Copy.From = &plan.Access{Paths: []string{source + "/one", source + "/two"}}
	b.do(a)
	want := map[string]bool{source + "/one/f": true, source + "/two/f": true, source + "/three/f": false}
	for name, there := range want {
		if _, err := os.Lstat(b.share + "/nfs" + name); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
}
