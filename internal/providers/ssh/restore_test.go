package ssh

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/receipt"
)

// fetched is a version over there, as a restore is told of it.
func (b *bench) fetched(r plan.Receipt) plan.HeldVersion {
	return plan.HeldVersion{
		Layer: "offsite", Kind: plan.LayerSync, Volume: volume, Version: "weekly/" + r.Version, Destination: b.root(), Path: r.Path, Receipt: &r,
		Remote: b.copy(r.Version, "").Copy.Remote, Of: &plan.VersionAccess{Root: b.root(), Layer: "weekly", Volume: volume, Version: r.Version, Path: r.Path},
	}
}

// TestRestoreIsWhatWasSent: what a user who is not root over there could not keep, the
// manifest gives back.
func TestRestoreIsWhatWasSent(t *testing.T) {
	for name, make := range map[string]func(*testing.T) *bench{"as root": newBench, "as a user": newKeptBench} {
		t.Run(name, func(t *testing.T) {
			b := make(t)
			b.dash()
			b.put(week46, "d/tool", "run me")
			b.put(week46, "secret", "of somebody else")
			b.put(week46, "-n *\n", "odd")
			b.check(os.Symlink("/etc/shadow", b.local(week46, "link")))
			b.check(os.Link(b.local(week46, "secret"), b.local(week46, "d/again")))
			b.check(syscall.Mkfifo(b.local(week46, "pipe"), 0o640))
			if os.Geteuid() == 0 {
				b.check(os.Chown(b.local(week46, "secret"), 999, 998))
				b.check(os.Lchown(b.local(week46, "link"), 999, 998))
				b.check(syscall.Mknod(b.local(week46, "null"), syscall.S_IFCHR|0o666, 1<<8|3))
			}
			b.check(os.Chmod(b.local(week46, "d/tool"), 0o4511))
			b.check(os.Chmod(b.local(week46, "secret"), 0o400))
			b.check(os.Chmod(b.local(week46, "d"), 0o2750))
			r := b.prove(week46)
			b.do(b.copy(week46, ""))
			into := filepath.Join(t.TempDir(), "into")
			b.check(os.Mkdir(into, 0o700))
			restored, err := b.provider.Restore(t.Context(), b.fetched(r), into)
			if err != nil || restored.Unproven || len(restored.Findings) > 0 {
				t.Fatalf("%+v, %v", restored, err)
			}
			if diff := cmp.Diff(contents(t, b.local(week46, "")), contents(t, into)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRestoreTellsOfDamage: a file that rotted over there is given back, and named; a
// version that is gone, or has no manifest, is no success.
func TestRestoreTellsOfDamage(t *testing.T) {
	b := newKeptBench(t)
	b.put(week46, "good", "good")
	b.put(week46, "rots", "before")
	r := b.prove(week46)
	b.do(b.copy(week46, ""))
	at := taken(week46)
	b.check(os.WriteFile(b.remote(week46, "rots"), []byte("behind"), 0o644))
	b.check(os.Chtimes(b.remote(week46, "rots"), at, at))
	restored, err := b.provider.Restore(t.Context(), b.fetched(r), t.TempDir())
	if err != nil || !cmp.Equal(restored.Findings, []string{`"rots": its content changed`}) {
		t.Errorf("%+v, %v", restored, err)
	}
	b.check(os.Remove(filepath.Join(b.root(), receipt.ManifestFile("weekly", week46, volume))))
	if restored, err := b.provider.Restore(t.Context(), b.fetched(r), t.TempDir()); err != nil || !restored.Unproven {
		t.Errorf("%+v, %v", restored, err)
	}
	b.check(os.RemoveAll(b.remote(week46, "")))
	_, err = b.provider.Restore(t.Context(), b.fetched(r), t.TempDir())
	b.wantError(err, "is gone")
	h := b.fetched(r)
	h.Path, h.Of.Path = "../elsewhere", "../elsewhere"
	_, err = b.provider.Restore(t.Context(), h, t.TempDir())
	b.wantError(err, "no place below")
}
