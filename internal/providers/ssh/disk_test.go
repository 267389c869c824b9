package ssh

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/receipt"
)

// A version that was made anew and is the same gets the newer receipt, and is not
// sent.
func TestReceiptOfTheSameIsBroughtUpToDate(t *testing.T) {
	b := newKeptBench(t)
	b.dash()
	b.plain(week46)
	b.do(b.copy(week46, ""))
	kept := inode(t, b.remote(week46, "f"))
	r, err := receipt.Read(b.disk, "weekly", week46, volume)
	if err != nil {
		t.Fatal(err)
	}
	r.Started = r.Started.AddDate(0, 0, 1)
	if err := receipt.Write(b.disk, r); err != nil {
		t.Fatal(err)
	}
	if result := b.do(b.refresh(week46, week46)); result.Already || result.Detail != "its receipt alone" {
		t.Errorf("%+v", result)
	}
	b.holds(week46)
	if inode(t, b.remote(week46, "f")) != kept {
		t.Error("the file was sent again")
	}
	if got := b.observe().Receipts; len(got) != 1 || !got[0].Started.Equal(r.Started) {
		t.Errorf("%+v", got)
	}
	if result := b.do(b.refresh(week46, week46)); !result.Already {
		t.Errorf("again: %+v", result)
	}
}

// What an older script left over there is proven by contents, and stays where it is:
// no file is sent again.
func TestVersionWithoutAReceiptIsProven(t *testing.T) {
	b := newKeptBench(t)
	b.dash()
	b.put(week46, "same", "same")
	b.put(week46, "forged", "1234")
	b.prove(week46)
	b.put(week47, "same", "same")
	b.put(week47, "forged", "1234")
	b.prove(week47)
	b.do(b.copy(week46, ""))
	b.do(b.copy(week47, week46))
	if err := os.Remove(filepath.Join(b.root(), receipt.File("weekly", week47, volume))); err != nil {
		t.Fatal(err)
	}
	// A full copy, as that script made them, one file of which is not what it seems.
	for name, content := range map[string]string{"same": "same", "forged": "4321"} {
		at := b.remote(week47, name)
		if err := os.Remove(at); err != nil {
			t.Fatal(err)
		}
		put(t, at, content)
		if err := os.Chtimes(at, taken(week47), taken(week47)); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(at, keeperID, keeperID); err != nil {
			t.Fatal(err)
		}
	}
	old := inode(t, b.remote(week47, "same"))
	b.do(b.refresh(week47, week46))
	b.holds(week46)
	b.holds(week47)
	if got := inode(t, b.remote(week47, "same")); got != old && got != inode(t, b.remote(week46, "same")) {
		t.Error("a file that was there was sent")
	}
}

// A tree that the disk is the mirror of has no version's name.
func TestTreeOfTheDiskIsCopied(t *testing.T) {
	b := newKeptBench(t)
	put(t, b.disk+"/pve-config/etc/pve/a", "one")
	r := plan.Receipt{Layer: "pve_config", Volume: "pve_config", Path: "pve-config", Started: start, Ended: start, Files: 1, Bytes: 3, Digest: "sha256:one"}
	send := func(kind plan.ActionKind) {
		t.Helper()
		if err := receipt.Write(b.disk, r); err != nil {
			t.Fatal(err)
		}
		a := b.copy("", "")
		a.Kind, a.Version = kind, "pve_config"
		a.Copy.Directory, a.Copy.Path = ".", "pve-config"
		if kind == plan.Refresh {
			a.Copy.Previous = "pve-config"
		}
		a.Copy.From.Version = &plan.VersionAccess{Root: b.disk, Layer: "pve_config", Volume: "pve_config", Path: "pve-config"}
		b.do(a)
		if got := b.observe().Receipts; len(got) != 1 || got[0].Digest != r.Digest {
			t.Errorf("%+v", got)
		}
	}
	send(plan.Create)
	put(t, b.disk+"/pve-config/etc/pve/b", "two")
	r.Files, r.Digest = 2, "sha256:two"
	send(plan.Refresh)
	for name, want := range map[string]string{"a": "one", "b": "two"} {
		if got, err := os.ReadFile(b.root() + "/pve-config/etc/pve/" + name); string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// The mirror of what no layer owns leaves all else over there as it is, also what the
// disk does not have.
func TestMirrorOfADiskLeavesOthersAlone(t *testing.T) {
	b := newKeptBench(t)
	b.plain(week46)
	b.do(b.copy(week46, ""))
	put(t, b.disk+"/loose/a", "a")
	put(t, b.disk+"/not named", "x")
	put(t, b.root()+"/somebody's/only copy", "x")
	put(t, b.root()+"/loose/gone", "x")
	for _, at := range []string{"/somebody's", "/somebody's/only copy", "/loose", "/loose/gone"} {
		if err := os.Chown(b.root()+at, keeperID, keeperID); err != nil {
			t.Fatal(err)
		}
	}
	a := plan.Action{
		ID: "rest", Kind: plan.Sync, Layer: "offsite", Volume: "sda",
		Copy: &plan.CopyAction{
			Remote: &plan.Remote{Address: b.address, IdentityFile: b.identity, Path: b.share}, Destination: b.root(), Directory: ".", Slot: start,
			From: &plan.Access{Paths: []string{b.disk}, Whole: true}, Exclude: []string{"/.bkplan", "/pvc-data"}, Only: []string{"/loose"},
		},
	}
	full := func() time.Time { return b.rest().Full }
	a.Copy.Full = true
	b.do(a)
	compared := full()
	if compared.IsZero() {
		t.Error("the receipt does not say that the versions were compared")
	}
	b.holds(week46)
	for path, there := range map[string]bool{"loose/a": true, "loose/gone": false, "somebody's/only copy": true, "not named": false} {
		if _, err := os.Lstat(filepath.Join(b.root(), path)); (err == nil) != there {
			t.Errorf("%s: %v", path, err)
		}
	}
	if r := b.do(a); !r.Already { // of the same slot
		t.Errorf("%+v", r)
	}
	nothing := b.next(a)
	nothing.Copy.Only, nothing.Copy.Full = nil, false
	b.do(nothing)
	if got := full(); !got.Equal(compared) {
		t.Errorf("the receipt says that they were compared %s, and that was %s", got, compared)
	}
	before := b.rest()
	note := plan.Action{
		ID: "note", Kind: plan.Sync, Layer: "offsite", Volume: "sda", VersionTime: compared.Add(time.Minute),
		Copy: &plan.CopyAction{Remote: nothing.Copy.Remote, Destination: b.root(), Directory: ".", Full: true},
	}
	if r := b.do(note); r.Already {
		t.Error("it was noted already")
	}
	before.Full = compared.Add(time.Minute)
	if diff := cmp.Diff(before, b.rest()); diff != "" {
		t.Error(diff)
	}
	if r := b.do(note); !r.Already {
		t.Error("it is noted twice")
	}
	wrong, now := note, note.VersionTime
	wrong.VersionTime = now.AddDate(10, 0, 0) // by a clock that is set right afterwards
	b.do(wrong)
	if r := b.do(note); r.Already || !full().Equal(now) {
		t.Errorf("it was compared %s: %+v", full(), r)
	}
	if _, err := os.Lstat(filepath.Join(b.root(), "somebody's/only copy")); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(b.root(), "loose/a")); err != nil {
		t.Error(err)
	}
}

// A directory is the one of that name, and none that its name matches.
func TestMirrorTakesItsDirectoryLiterally(t *testing.T) {
	b := newBench(t)
	put(t, b.disk+"/loose/a", "a")
	put(t, b.root()+"/nfs/only copy", "x")
	put(t, b.root()+"/n[f]s/gone", "x")
	a := plan.Action{
		ID: "mirror", Kind: plan.Sync, Layer: "nfs", Volume: "nfs",
		Copy: &plan.CopyAction{
			Remote: &plan.Remote{Address: b.address, IdentityFile: b.identity, Path: b.share}, Destination: b.root(), Directory: "n[f]s", Slot: start,
			From: &plan.Access{Paths: []string{b.disk + "/loose"}, Whole: true}, MaxDelete: threshold(t, "100%"),
		},
	}
	b.do(a)
	for path, there := range map[string]bool{"nfs/only copy": true, "n[f]s/a": true, "n[f]s/gone": false} {
		if _, err := os.Lstat(filepath.Join(b.root(), path)); (err == nil) != there {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// rest is the receipt of what lies beside the layers' directories.
func (b *bench) rest() plan.Receipt {
	receipts := b.observe().Receipts
	return receipts[slices.IndexFunc(receipts, func(r plan.Receipt) bool { return r.Path == "." })]
}
