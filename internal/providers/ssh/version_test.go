package ssh

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/receipt"
)

func TestAWeekAndTheNext(t *testing.T) {
	for name, make := range map[string]func(*testing.T) *bench{"as root": newBench, "as a user": newKeptBench} {
		t.Run(name, func(t *testing.T) {
			b := make(t)
			b.dash()
			b.put(week46, "same", "same")
			b.put(week46, "d/changes", "one")
			b.put(week46, "twice", "twice")
			if err := os.Link(b.local(week46, "twice"), b.local(week46, "d/again")); err != nil {
				t.Fatal(err)
			}
			first := b.prove(week46)
			if r := b.do(b.copy(week46, "")); r.Already || strings.Contains(r.Detail, "in the manifest only") != (name == "as a user") {
				t.Errorf("%+v", r)
			}
			b.holds(week46)
			b.link(week46, week47, "same")
			b.put(week47, "d/changes", "two")
			second := b.prove(week47)
			b.do(b.copy(week47, week46))
			b.holds(week46)
			b.holds(week47)
			if inode(t, b.remote(week46, "same")) != inode(t, b.remote(week47, "same")) {
				t.Error("what did not change is a copy over there")
			}
			disk := b.observe()
			if diff := cmp.Diff([]plan.Receipt{first, second}, disk.Receipts); diff != "" {
				t.Error(diff)
			}
			want := []plan.Folder{
				{Directory: "pvc-data", Depth: 3, Entries: []plan.Entry{{Path: "2026-46/vaultwarden/data", Type: plan.EntryFolder}, {Path: "2026-47/vaultwarden/data", Type: plan.EntryFolder}}},
				{Directory: ".", Depth: 1, Entries: []plan.Entry{{Path: "pvc-data", Type: plan.EntryFolder}}},
			}
			if diff := cmp.Diff(want, disk.Folders); diff != "" {
				t.Error(diff)
			}
			if r := b.do(b.copy(week47, week46)); !r.Already {
				t.Errorf("again: %+v", r)
			}
			b.do(b.prune(week46, week47))
			b.holds(week47)
			if disk := b.observe(); len(disk.Receipts) != 1 || len(disk.Folders[0].Entries) != 1 {
				t.Errorf("%+v", disk)
			}
			if left := b.unfinished(); left != nil {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

func (b *bench) plain(version string) {
	b.t.Helper()
	b.put(version, "f", "one")
	b.prove(version)
}

func hostileNames() []string {
	return []string{
		"new\nline", strings.Repeat("n", 255), "not\xffutf8", "-rf", "--delete", "$(touch x)", "`id`", "a b", "'q'", `"`, `b\\s`, "*", "?", "[x]",
		"deleting x", "\u00e9", "e\u0301", " ", "#a", "\r", "\x01",
	}
}

// A run opens one connection for its looks and all that it does; who only looks leaves
// nothing on this machine.
func TestOneConnectionARun(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	b.observe()
	b.do(b.copy(week46, ""))
	a, source := b.mirror()
	put(t, source+"/f", "f")
	b.do(a)
	if disk := b.observe(); len(disk.Receipts) != 1 {
		t.Errorf("%+v", disk)
	}
	if n := b.Connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	b.provider.Close()
	b.provider = New(Config{Runner: b.nas, Now: time.Now, OneLook: true})
	for range 2 {
		b.observe()
	}
	if n := b.Connections.Load(); n != 3 {
		t.Errorf("%d connections: a look by itself has one of its own", n)
	}
	if b.provider.folder != "" {
		t.Errorf("it made %q", b.provider.folder)
	}
}

// A hostile name is data: in a version, and as the name of a volume.
func TestHostileNames(t *testing.T) {
	b := newBench(t)
	b.dash()
	for _, name := range hostileNames() {
		b.put(week46, name, name)
		b.put(week46, "d/"+name+"/"+name, name)
		if err := os.Symlink("/etc/"+name[:min(len(name), 200)], b.local(week46, "link "+name[:min(len(name), 200)])); err != nil {
			t.Fatal(err)
		}
	}
	b.prove(week46)
	b.do(b.copy(week46, ""))
	b.holds(week46)
	a := b.copy(week46, "")
	for _, name := range []string{"$(touch " + b.at("touched") + ")", "new\nline", "-rf", "not\xffutf8", "it's * [x]"} {
		a.Copy.Path = "2026-46/" + name
		of := *a.Copy.From.Version
		of.Path, of.Volume = "pvc-data/"+a.Copy.Path, name
		a.Copy.From = &plan.Access{Version: &of}
		if err := os.MkdirAll(b.disk+"/"+of.Path+"/x", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := receipt.Write(b.disk, plan.Receipt{Layer: of.Layer, Volume: of.Volume, Version: of.Version, Path: of.Path, Digest: "sha256:x"}); err != nil {
			if strings.Contains(name, "\xff") {
				continue // JSON has no such names
			}
			t.Fatal(err)
		}
		if _, err := b.provider.Do(t.Context(), a); err != nil {
			if strings.Contains(name, "\xff") {
				continue
			}
			t.Errorf("%q: %v", name, err)
		}
		if _, err := os.Lstat(b.root() + "/" + of.Path + "/x"); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(b.at("touched")); err == nil {
		t.Error("a name was run")
	}
	var odd int
	for _, e := range b.observe().Folders[0].Entries {
		if e.Odd {
			odd++
		}
	}
	if odd != 0 {
		t.Errorf("%d odd entries", odd)
	}
}

func TestRefreshReplacesTheVersion(t *testing.T) {
	b := newKeptBench(t)
	b.put(week46, "same", "same")
	b.put(week46, "d/f", "one")
	b.prove(week46)
	b.do(b.copy(week46, ""))
	kept := inode(t, b.remote(week46, "same"))
	b.put(week46, "d/f", "longer")
	b.prove(week46)
	if r := b.do(b.refresh(week46, week46)); r.Already {
		t.Errorf("%+v", r)
	}
	b.holds(week46)
	if inode(t, b.remote(week46, "same")) != kept {
		t.Error("what did not change is a copy")
	}
	if r := b.do(b.refresh(week46, week46)); !r.Already {
		t.Errorf("again: %+v", r)
	}
	if left := b.unfinished(); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

// Somebody has a hand over there: the receipt says all is well, and the layer's full
// comparison puts it right.
func TestFullComparisonMendsWhatIsOverThere(t *testing.T) {
	b := newKeptBench(t)
	b.put(week46, "gone", "gone")
	b.put(week46, "stays", "stays")
	b.prove(week46)
	b.do(b.copy(week46, ""))
	b.check(os.Remove(b.remote(week46, "gone")))
	put(t, b.remote(week46, "more"), "more")
	a := b.refresh(week46, week46)
	if r := b.do(a); !r.Already {
		t.Errorf("%+v", r)
	}
	a.Copy.Full = true
	if r := b.do(a); r.Already {
		t.Errorf("%+v", r)
	}
	b.holds(week46)
}

// A database whose last pages came from its journal has the size and the time that
// it had before.
func TestAChangeThatShowsInNeitherSizeNorTime(t *testing.T) {
	b := newBench(t)
	b.put(week46, "db", "one")
	b.put(week46, "same", "same")
	b.prove(week46)
	b.do(b.copy(week46, ""))
	b.link(week46, week47, "same")
	b.put(week47, "db", "two")
	if err := os.Chtimes(b.local(week47, "db"), taken(week46), taken(week46)); err != nil {
		t.Fatal(err)
	}
	b.prove(week47)
	if r := b.do(b.copy(week47, week46)); !strings.Contains(r.Detail, "1 file changed without a new size or time") {
		t.Errorf("%+v", r)
	}
	b.holds(week46)
	b.holds(week47)
	if inode(t, b.remote(week46, "same")) != inode(t, b.remote(week47, "same")) {
		t.Error("what did not change is a copy")
	}
}

// A version over there that has no manifest here any more: its own is looked into.
func TestTheVersionBeforeIsGoneHere(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	b.do(b.copy(week46, ""))
	b.link(week46, week47, "f")
	b.prove(week47)
	os.RemoveAll(b.disk + "/pvc-data/2026-46")
	os.RemoveAll(b.disk + "/.bkplan/receipts/weekly/2026-46")
	os.RemoveAll(b.disk + "/.bkplan/manifests/weekly/2026-46")
	if r := b.do(b.copy(week47, week46)); strings.Contains(r.Detail, "compared") {
		t.Errorf("%+v", r)
	}
	os.RemoveAll(b.root() + "/.bkplan/manifests")
	b.link(week47, week48, "f")
	b.prove(week48)
	os.RemoveAll(b.disk + "/.bkplan/manifests/weekly/2026-47")
	if r := b.do(b.copy(week48, week47)); !strings.Contains(r.Detail, "contents were compared: a version has no manifest") {
		t.Errorf("%+v", r)
	}
	if inode(t, b.remote(week46, "f")) != inode(t, b.remote(week48, "f")) {
		t.Error("what did not change is a copy")
	}
}

func TestWhatIsNotAsPlanned(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	b.plain(week47)
	for name, c := range map[string]struct {
		change func(*plan.Action)
		words  string
	}{
		"another version":  {func(a *plan.Action) { a.Copy.From.Version.Digest = "sha256:other" }, "is another one than when the plan was made"},
		"no receipt":       {func(a *plan.Action) { a.Copy.From.Version.Volume = "other" }, "has no receipt"},
		"disk not mounted": {func(a *plan.Action) { a.Copy.From.Version.RequireMount = true }, "nothing is mounted at"},
		"previous gone":    {func(a *plan.Action) { a.Copy.Previous = "2026-45/x" }, "is gone"},
		"too late":         {func(a *plan.Action) { a.Copy.StartBefore = start }, "it is past 06:00"},
		"no room":          {func(a *plan.Action) { a.Copy.MinFree = 1 << 60 }, "must stay free"},
		"another share":    {func(a *plan.Action) { a.Copy.Remote.MountPoint = "/volume1" }, `and lay on that of "/volume1" when the plan was made`},
		"no path":          {func(a *plan.Action) { a.Copy.Remote.Path, a.Copy.Destination = b.at("none"), b.at("none")+"/x" }, "does not exist there"},
		"a file":           {func(a *plan.Action) { a.Copy.Remote.Path, a.Copy.Destination = b.at("host"), b.at("host")+"/x" }, "is not a directory there"},
		"gone":             {func(a *plan.Action) { a.Kind = plan.Refresh }, "is gone"},
	} {
		a := b.copy(week47, "")
		c.change(&a)
		if err := b.fails(a, c.words); !isStale(err) {
			t.Errorf("%s: not stale: %v", name, err)
		}
	}
	for name, change := range map[string]func(*plan.Action){
		"out":       func(a *plan.Action) { a.Copy.Path = "../x" },
		"own":       func(a *plan.Action) { a.Copy.Directory = ".bkplan/work" },
		"elsewhere": func(a *plan.Action) { a.Copy.Destination = "/etc" },
		"relative":  func(a *plan.Action) { a.Copy.Remote.Path, a.Copy.Destination = "", "etc" },
		"pattern":   func(a *plan.Action) { a.Copy.Remote.Path, a.Copy.Destination = "", "/volume*" },
		"other":     func(a *plan.Action) { a.Copy.From.Version.Path = "pvc-data/2026-46/x" },
		"nothing":   func(a *plan.Action) { a.Copy.From = nil },
		"address":   func(a *plan.Action) { a.Copy.Remote.Address = "-oProxyCommand=id" },
	} {
		a := b.copy(week47, "")
		change(&a)
		if _, err := b.provider.Do(t.Context(), a); err == nil || isStale(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if entries, _ := os.ReadDir(b.share); len(entries) != 0 {
		t.Errorf("something was made: %v", entries)
	}
}

func isStale(err error) bool {
	stale := (*providers.StaleError)(nil)
	return errors.As(err, &stale)
}

func TestTheLastVersionIsNeverPruned(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	b.plain(week47)
	b.do(b.copy(week46, ""))
	b.do(b.copy(week47, week46))
	b.fails(b.prune(week46, ""), "the last one of a volume is never pruned")
	b.fails(b.prune(week47, week47), "is the newest complete one")
	b.fails(b.prune(week47, week46), "is newer than")
	b.fails(b.prune(week46, week48), "which was to stay, is gone")
	os.RemoveAll(filepath.Join(b.root(), receipt.File("weekly", week47, volume)))
	b.fails(b.prune(week46, week47), "has no receipt")
	b.holds(week46)
}

func TestALinkIsNotFollowedThere(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	put(t, b.at("elsewhere/x"), "x")
	if err := os.MkdirAll(b.root(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(b.at("elsewhere"), b.root()+"/pvc-data"); err != nil {
		t.Fatal(err)
	}
	b.fails(b.copy(week46, ""), "a link is on the way to it")
	if disk := b.observe(); len(disk.Folders[0].Entries) != 1 || disk.Folders[0].Entries[0] != (plan.Entry{Path: ".", Type: plan.EntryLink}) {
		t.Errorf("%+v", disk.Folders)
	}
	if entries, _ := os.ReadDir(b.at("elsewhere")); len(entries) != 1 {
		t.Errorf("%v", entries)
	}
}

// Somebody changes modes over there, as when a share gets new permissions: no file can
// be linked to what it was. Versions share what they shared all the same.
func TestFullComparisonKeepsLinksAmongVersions(t *testing.T) {
	b := newKeptBench(t)
	for _, week := range []string{week46, week47} {
		b.put(week, "same", "the same in both")
		b.check(os.Chtimes(filepath.Join(b.disk, path(week), "same"), start, start))
		b.prove(week)
	}
	b.do(b.copy(week46, ""))
	b.do(b.copy(week47, week46))
	b.check(os.Chmod(b.remote(week46, "same"), 0o777))
	for _, week := range []string{week47, week46} {
		a := b.refresh(week, week47)
		a.Copy.Full = true
		b.do(a)
		b.holds(week)
	}
	if inode(t, b.remote(week46, "same")) != inode(t, b.remote(week47, "same")) {
		t.Error("what was one file is two")
	}
}

// A receipt that a run was about to put in place alone proves no comparison.
func TestAFullComparisonIsNotTakenForDone(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	b.do(b.copy(week46, ""))
	r := b.prove(week46)
	r.Started = r.Started.Add(time.Hour) // made anew, and the same
	b.check(receipt.Write(b.disk, r))
	b.crash("there pending", b.refresh(week46, week46))
	b.check(os.WriteFile(b.remote(week46, "f"), []byte("damaged"), 0o600))
	a := b.refresh(week46, week46)
	a.Copy.Full = true
	b.do(a)
	b.holds(week46)
	b.whole()
}
