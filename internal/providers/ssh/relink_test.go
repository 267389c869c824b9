package ssh

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/internal/tree"
)

// old puts a file into a version over there, as an older script left it.
func (b *bench) old(version, name, content string) {
	b.t.Helper()
	file := b.remote(version, name)
	put(b.t, file, content)
	b.check(os.Chtimes(file, start, start))
	if b.user == keeper {
		for at := file; at != b.share; at = filepath.Dir(at) {
			b.check(os.Lchown(at, keeperID, keeperID))
		}
	}
}

// adopt gives a version over there a receipt.
func (b *bench) adopt(version string) {
	b.t.Helper()
	totals, err := tree.WriteManifest(b.t.Context(), b.remote(version, ""), tree.Previous{}, &strings.Builder{})
	b.check(err)
	b.check(receipt.Write(b.root(), plan.Receipt{
		Layer: "weekly", Volume: volume, Version: version, Path: path(version), Started: start, Adopted: true,
		Files: totals.Files, Bytes: totals.Bytes, Directories: totals.Directories, Digest: totals.Digest,
	}))
}

// relink is the action that gives a version the files of another one.
func (b *bench) relink(version, to string) plan.Action {
	a := b.copy(version, to)
	a.Kind = plan.Relink
	return a
}

// fourCopies are what a script left that lost hard links: the same file four times,
// one that changed, and one that looks the same and is not.
func (b *bench) fourCopies() []string {
	b.t.Helper()
	weeks := []string{"2026-45", week46, week47, week48}
	for i, week := range weeks {
		b.old(week, "same", "the same in all")
		b.old(week, "folder/new\nline", "as well")
		b.old(week, "changed", strings.Repeat("x", i+1))
		b.old(week, "alike", string(rune('a'+i))) // with the same size and time
		b.check(os.Symlink("same", b.remote(week, "link")))
		b.check(os.Link(b.remote(week, "same"), b.remote(week, "twice")))
	}
	return weeks
}

// Four weeks landed as four full copies, because hard links were not kept.
func TestRelinkMakesOneCopyOfFour(t *testing.T) {
	for name, b := range map[string]func(*testing.T) *bench{"root": newBench, "unprivileged": newKeptBench} {
		t.Run(name, func(t *testing.T) {
			b := b(t)
			weeks := b.fourCopies()
			before := map[string]map[string]entry{}
			for _, week := range weeks {
				before[week] = contents(t, b.remote(week, ""))
			}
			actions := []plan.Action{b.relink(week47, week48), b.relink(week46, week47), b.relink("2026-45", week46)}
			shares, err := b.provider.Shares(t.Context(), actions)
			b.check(err)
			each := plan.Estimate{Files: 4, Bytes: int64(len("the same in all") + len("as well") + 1)}
			if diff := cmp.Diff([]plan.Estimate{each, each, each}, shares); diff != "" {
				t.Error(diff)
			}
			for _, a := range actions {
				if r := b.do(a); r.Already || !strings.Contains(r.Detail, "it shares 3 files with 37 B with 2026-") {
					t.Errorf("%+v", r)
				}
			}
			for _, week := range weeks {
				if diff := cmp.Diff(before[week], contents(t, b.remote(week, ""))); diff != "" {
					t.Errorf("%s: %s", week, diff)
				}
				for _, name := range []string{"same", "twice", "folder/new\nline"} {
					if inode(t, b.remote(week, name)) != inode(t, b.remote(week48, name)) {
						t.Errorf("%s of %s is another file", name, week)
					}
				}
			}
			for _, name := range []string{"alike", "changed"} {
				if inode(t, b.remote(week47, name)) == inode(t, b.remote(week48, name)) {
					t.Errorf("%s is one file, and was not the same", name)
				}
			}
			if left := b.unfinished(); left != nil {
				t.Errorf("left behind: %q", left)
			}
			if r := b.do(actions[0]); !r.Already {
				t.Errorf("again: %+v", r)
			}
		})
	}
}

// A receipt stays what it is, and another one than planned is no match.
func TestRelinkKeepsTheReceipt(t *testing.T) {
	b := newBench(t)
	b.fourCopies()
	b.adopt(week46)
	file := filepath.Join(b.root(), receipt.File("weekly", week46, volume))
	before, err := os.ReadFile(file)
	b.check(err)
	a := b.relink(week46, week47)
	a.Copy.From.Version.Digest = "sha256:another"
	if err := b.fails(a, "is another one than when the plan was made"); !isStale(err) {
		t.Error(err)
	}
	a.Copy.From.Version.Digest = ""
	b.do(a)
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("%v: %s", err, after)
	}
	b.whole()
	b.fails(b.relink(week46, week46), "names no version, or none to link it to")
	b.fails(b.relink("2026-01", week46), `"pvc-data/2026-01/vaultwarden/data" is gone`)
	b.fails(b.relink(week46, "2026-01"), "which it is to share files with, is gone")
	b.check(os.RemoveAll(b.remote(week47, "")))
	b.check(os.Symlink(b.remote(week48, ""), strings.TrimSuffix(b.remote(week47, ""), "/")))
	b.fails(b.relink(week46, week47), "is gone")
	b.fails(b.relink(week47, week48), "is gone")
}

// Whatever happens in the middle, each version is whole, is there under its name or
// gets it back, and has its receipt again.
func TestCrashOfARelink(t *testing.T) {
	both := []plan.ActionKind{plan.Relink, plan.Clean}
	for step, nexts := range map[string][]plan.ActionKind{
		"here built": both[:1], "there noted": both[1:], "there unproven": both, "there moved": both, "there named": both[1:], "there proven": both[1:], "here exchanged": both[:1],
	} {
		for _, next := range nexts {
			t.Run(step+", then "+string(next), func(t *testing.T) {
				b := newBench(t)
				b.fourCopies()
				b.adopt(week46)
				before := contents(t, b.remote(week46, ""))
				b.crash(step, b.relink(week46, week47))
				b.whole()
				a := b.relink(week46, week47)
				if next == plan.Clean {
					left := b.unfinished()
					if len(left) != 1 {
						t.Fatalf("%q", left)
					}
					a = plan.Action{Kind: plan.Clean, Layer: "offsite", Copy: &plan.CopyAction{Remote: a.Copy.Remote, Destination: b.root(), Unfinished: left[0]}}
				}
				b.do(a)
				b.whole()
				if diff := cmp.Diff(before, contents(t, b.remote(week46, ""))); diff != "" {
					t.Error(diff)
				}
				if _, err := receipt.Read(b.root(), "weekly", week46, volume); err != nil {
					t.Error(err)
				}
				if left := b.unfinished(); left != nil {
					t.Errorf("left behind: %q", left)
				}
			})
		}
	}
}

// What a work folder says is data: it may come from anybody who writes there.
func TestAWorkFolderSendsAVersionNowhereElse(t *testing.T) {
	b := newBench(t)
	b.fourCopies()
	work := filepath.Join(b.root(), plan.WorkFolder, "offsite-x")
	put(t, work+"/old/f", "x")
	a := plan.Action{Kind: plan.Clean, Layer: "offsite", Copy: &plan.CopyAction{Remote: b.copy(week46, "").Copy.Remote, Destination: b.root(), Unfinished: "offsite-x"}}
	for _, to := range []string{"../../elsewhere/", ".bkplan/receipts/", "/etc/x/", "./"} {
		put(t, work+"/swap", to)
		b.fails(a, "is no place below")
	}
	put(t, work+"/swap", "pvc-data/x/")
	put(t, work+"/receipt", "no receipt")
	b.fails(a, "move it back by hand")
	if _, err := os.Stat(work + "/old/f"); err != nil {
		t.Error("what could not be put back was removed: ", err)
	}
}

// A version that somebody writes to while it is linked, and a disk that is full.
func TestRelinkIsGivenUp(t *testing.T) {
	b := newBench(t)
	b.fourCopies()
	before := contents(t, b.share)
	a := b.relink(week46, week47)
	for name, c := range map[string]struct{ program, script, words string }{
		"copies": {"rsync", `case "$*" in *--stats*) echo "Number of regular files transferred: 1";; *--version*) echo "rsync  version 3.2.7  protocol version 31";; esac`, "somebody writes to version"},
		"lacks":  {"rsync", `case "$*" in *--dry-run*) echo "cd+++++++++ folder/";; *--version*) echo "rsync  version 3.2.7  protocol version 31";; esac`, "is not the version"},
		"fails":  {"rsync", `case "$*" in *--version*) echo "rsync  version 3.2.7  protocol version 31";; *) echo "No space left on device (28)" >&2; exit 11;; esac`, "the disk over there is full"},
		"full":   {"df", `printf "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/md0 1000000 999000 1000 99%% /\n"`, "the names of one more version need up to"},
	} {
		t.Run(name, func(t *testing.T) {
			b.replace(c.program, c.script)
			b.fails(a, c.words)
			b.check(b.Restore(c.program))
			b.check(os.RemoveAll(filepath.Join(b.root(), plan.OwnFolder)))
			b.check(os.Chtimes(b.root(), time.Time{}, before["/pve-backup"].Time))
			if diff := cmp.Diff(before, contents(t, b.share)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A version of an older script gets a receipt of what a listing shows; a receipt that
// is there stays as it is, and names may come from anywhere.
func TestAdoptOverThere(t *testing.T) {
	b := newKeptBench(t)
	b.fourCopies()
	h := plan.HeldVersion{
		Layer: "offsite", Kind: plan.LayerSync, Volume: volume, Version: "weekly/" + week46, Destination: b.root(), Path: path(week46), Time: start,
		Remote: b.copy(week46, "").Copy.Remote, Of: &plan.VersionAccess{Root: b.disk, Layer: "weekly", Volume: volume, Version: week46, Path: path(week46)},
	}
	r, err := b.provider.Adopt(t.Context(), h, start)
	b.check(err)
	if r.Files != 6 || r.Bytes != int64(len("the same in all")+len("as well")+2+1) || r.Directories != 2 || !r.Adopted {
		t.Errorf("%+v", r)
	}
	if got := b.observe().Receipts; len(got) != 1 || !cmp.Equal(got[0], r) {
		t.Errorf("%+v", got)
	}
	if left := b.unfinished(); left != nil {
		t.Errorf("left behind: %q", left)
	}
	_, err = b.provider.Adopt(t.Context(), h, start)
	b.wantError(err, "something is in the place of the receipt")
	for _, to := range []string{"../x", ".bkplan/work", "/etc", "", "pvc-data/none"} {
		h, of := h, *h.Of
		h.Path, of.Path, of.Version = to, to, week47
		h.Of = &of
		if _, err := b.provider.Adopt(t.Context(), h, start); err == nil {
			t.Errorf("%q was adopted", to)
		}
	}
}

// A file that the kernel lets the user read and not link is left as it is, and so is
// the version: a copy of it would take space and lose its owner.
func TestRelinkCopiesNothing(t *testing.T) {
	if text, err := os.ReadFile("/proc/sys/fs/protected_hardlinks"); err != nil || strings.TrimSpace(string(text)) != "1" {
		t.Skip("the kernel lets users link files of others here")
	}
	b := newKeptBench(t)
	for _, week := range []string{week46, week47} {
		b.old(week, "same", "the same in both")
		b.old(week, "theirs", "of root")
		b.check(os.Chown(b.remote(week, "theirs"), 0, 0))
	}
	before := inode(t, b.remote(week46, "same"))
	b.fails(b.relink(week46, week47), `1 file of version "pvc-data/2026-46/vaultwarden/data" cannot be linked by the user there`)
	if inode(t, b.remote(week46, "same")) != before {
		t.Error("the version was made anew")
	}
	if left := b.unfinished(); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

// A refresh may have come between a relink that was cut off and the clean after it.
func TestRecoverKeepsANewerReceipt(t *testing.T) {
	b := newBench(t)
	b.fourCopies()
	b.adopt(week46)
	a := b.relink(week46, week47)
	work := filepath.Join(b.root(), plan.WorkFolder, plan.WorkName(a.Kind, a.Layer, a.Volume, a.Version))
	r, err := receipt.Read(b.root(), "weekly", week46, volume)
	b.check(err)
	text, err := receipt.Encode(r)
	b.check(err)
	put(t, work+"/receipt", string(text))
	put(t, work+"/swap", path(week46)+"/")
	r.Digest = "sha256:newer"
	b.check(receipt.Write(b.root(), r))
	c := plan.Action{Kind: plan.Clean, Layer: a.Layer, Copy: &plan.CopyAction{Remote: a.Copy.Remote, Destination: a.Copy.Destination, Unfinished: filepath.Base(work)}}
	b.do(c)
	if got, err := receipt.Read(b.root(), "weekly", week46, volume); err != nil || got.Digest != r.Digest {
		t.Errorf("%+v, %v", got, err)
	}
	if left := b.unfinished(); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

// What is listed over there is the version of that name, and none that it matches.
func TestAdoptTakesNamesLiterally(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"[a]", `b\c`, "d*"} {
		put(t, b.remote("2026-01", name+"/mine"), "mine")
		for _, other := range []string{"a", "b", "de"} {
			put(t, b.remote("2026-01", other+"/of another volume"), "longer")
		}
		at := path("2026-01") + "/" + name
		r, err := b.provider.Adopt(t.Context(), plan.HeldVersion{
			Layer: "offsite", Volume: name, Version: "weekly/2026-01", Destination: b.root(), Path: at, Time: start,
			Remote: &plan.Remote{Address: b.address, IdentityFile: b.identity, Path: b.share},
			Of:     &plan.VersionAccess{Root: b.disk, Layer: "weekly", Volume: name, Version: "2026-01", Path: at},
		}, b.now)
		if err != nil || r.Files != 1 || r.Bytes != 4 {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}
