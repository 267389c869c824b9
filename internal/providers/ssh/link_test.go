package ssh

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bkplan/bkplan/internal/receipt"
)

// trap plants a link in a version, and where it leads, over there, a file that looks like
// the one that the next version has in a folder of that name.
func (b *bench) trap(version, next string) {
	b.t.Helper()
	elsewhere := b.at("elsewhere/f")
	put(b.t, elsewhere, "evil")
	b.check(os.Chtimes(elsewhere, taken(next), taken(next)))
	b.check(os.Chmod(b.at("elsewhere"), 0o755))
	b.put(version, "same", "same")
	b.check(os.Symlink(b.at("elsewhere"), b.local(version, "d")))
	b.prove(version)
	b.link(version, next, "same")
	b.put(next, "d/f", "good")
	b.prove(next)
}

// forget removes the manifests of a version, here and there.
func (b *bench) forget(version string) {
	b.t.Helper()
	for _, root := range []string{b.disk, b.root()} {
		b.check(os.Remove(filepath.Join(root, receipt.ManifestFile("weekly", version, volume))))
	}
}

// damage cuts off the manifest of a version here, of which the receipt still holds.
func (b *bench) damage(version string) {
	b.t.Helper()
	at := filepath.Join(b.disk, receipt.ManifestFile("weekly", version, volume))
	info, err := os.Stat(at)
	b.check(err)
	b.check(os.Truncate(at, info.Size()/2))
}

// A link of last week lies where this week has a folder: rsync over there would follow it
// (docs/adr/0007-links-in-last-weeks-version.md).
func TestALinkInTheVersionBeforeMisleadsNobody(t *testing.T) {
	for name, lose := range map[string]func(*bench, string){
		"by its manifest": func(*bench, string) {}, "without one": (*bench).forget, "with a damaged one": (*bench).damage,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.trap(week46, week47)
			b.do(b.copy(week46, ""))
			lose(b, week46)
			r := b.do(b.copy(week47, week46))
			if want := `not linked to "` + path(week46) + `", in which a link lies where this version has a folder`; !strings.Contains(r.Detail, want) {
				t.Errorf("%q is not in %q", want, r.Detail)
			}
			b.holds(week47)
			b.whole()
			if inode(t, b.remote(week47, "d/f")) == inode(t, b.at("elsewhere/f")) {
				t.Error("a file of somewhere else is in the version")
			}
		})
	}
}

// Where the manifest of last week is damaged, nothing is taken for unchanged by its size
// and time.
func TestADamagedManifestProvesNothing(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	b.put(week46, "same", "same")
	b.put(week46, "changes", "one")
	b.prove(week46)
	b.do(b.copy(week46, ""))
	b.link(week46, week47, "same")
	b.put(week47, "changes", "two")
	info, err := os.Stat(b.local(week46, "changes"))
	b.check(err)
	b.check(os.Chtimes(b.local(week47, "changes"), info.ModTime(), info.ModTime()))
	b.prove(week47)
	b.damage(week46)
	if r := b.do(b.copy(week47, week46)); !strings.Contains(r.Detail, "contents were compared: a manifest is damaged") {
		t.Errorf("%+v", r)
	}
	b.holds(week47)
	if inode(t, b.remote(week46, "same")) != inode(t, b.remote(week47, "same")) {
		t.Error("what did not change is a copy over there")
	}
}

// Of two versions to link to, the one that may mislead is left out, and the other is not.
func TestOneOfTwoVersionsMisleads(t *testing.T) {
	b := newBench(t)
	b.trap(week46, week47)
	b.put(week48, "d/f", "good")
	b.check(os.Chtimes(b.local(week48, "d/f"), taken(week47), taken(week47)))
	b.link(week46, week48, "same")
	b.prove(week48)
	b.do(b.copy(week48, ""))
	b.do(b.copy(week46, ""))
	b.forget(week46)
	b.check(os.RemoveAll(b.local(week46, "")))
	b.link(week48, week46, "same")
	b.link(week48, week46, "d/f")
	b.prove(week46)
	r := b.do(b.refresh(week46, week48))
	if !strings.Contains(r.Detail, `not linked to "`+path(week46)+`"`) || strings.Contains(r.Detail, "compared") {
		t.Errorf("%+v", r)
	}
	b.holds(week46)
	for _, name := range []string{"same", "d/f"} {
		if inode(t, b.remote(week46, name)) != inode(t, b.remote(week48, name)) {
			t.Errorf("%s is there twice", name)
		}
	}
}

// What the user over there may not look into is linked to by no one.
func TestAVersionThatCannotBeListed(t *testing.T) {
	b := newKeptBench(t)
	b.plain(week46)
	b.link(week46, week47, "f")
	b.prove(week47)
	b.do(b.copy(week46, ""))
	b.forget(week46)
	closed := b.remote(week46, "closed")
	b.check(os.Mkdir(closed, 0o700))
	r := b.do(b.copy(week47, week46))
	if !strings.Contains(r.Detail, "in which there may be links that lead elsewhere: ") || !strings.Contains(r.Detail, "Permission denied") {
		t.Errorf("%+v", r)
	}
	b.holds(week47)
}
