package lvm_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/providers/lvm"
)

// Thin snapshots are made with activation skipped: one is activated for as long
// as it is open.
func TestLabThinSnapshotsAreMadeWithActivationSkipped(t *testing.T) {
	l := newOpenLab(t, "clean", "32M")
	l.do("mkfs.ext4", "-q", l.device("clean"))
	root, unmount := l.mounted(l.device("clean"))
	l.write(root, "file", "text")
	unmount()
	l.readAndClose(l.snapshot("clean_snap_20261116_0300"), "file", "ext4", "text")
}

// A dirty journal refuses a read-only mount, and noload would show a file system
// without what only the journal has.
func TestLabFileThatOnlyTheJournalHas(t *testing.T) {
	l := newOpenLab(t, "journal", "32M")
	if err := os.WriteFile("/proc/sys/vm/dirty_writeback_centisecs", []byte("0"), 0o600); err != nil {
		t.Fatal(err) // else the kernel may write the file to its place by itself
	}
	l.do("mkfs.ext4", "-q", l.device("journal"))
	device := l.behind("journal") // LVM knows nothing of the mount and freezes nothing
	root, _ := l.mounted(device, "-o", "data=journal,commit=300")
	l.write(root, "file", "text")
	access := l.snapshot("journal_snap_20261116_0300")

	l.do("lvchange", "-ay", "-K", l.path(access.Name))
	raw, unmount := l.mounted(l.device(access.Name), "-o", "ro,noload")
	if text, err := os.ReadFile(filepath.Join(raw, "file")); err == nil && string(text) == "text" {
		t.Error("the file is there without its journal: the test proves nothing")
	}
	unmount()
	l.do("lvchange", "-an", l.path(access.Name))

	l.readAndClose(access, "file", "ext4", "text")
}

func TestLabXFSWithItsOriginMounted(t *testing.T) {
	l := newOpenLab(t, "xfs", "300M")
	l.do("mkfs.xfs", "-q", l.device("xfs"))
	root, _ := l.mounted(l.device("xfs"))
	l.write(root, "file", "text")
	access := l.snapshot("xfs_snap_20261116_0300")
	l.write(root, "file", "newer text")
	l.readAndClose(access, "file", "xfs", "text")
}

// A btrfs has the id of its origin: as long as that is mounted the kernel would
// refuse the snapshot, or give the origin in its place.
func TestLabSameUUIDSnapshotIsNotMountedInsteadOfTheOrigin(t *testing.T) {
	l := newOpenLab(t, "btrfs", "128M")
	l.do("mkfs.btrfs", "-q", l.device("btrfs"))
	root, unmount := l.mounted(l.device("btrfs"))
	l.write(root, "file", "text")
	l.do("sync", "-f", root)
	access := l.snapshot("btrfs_snap_20261116_0300")
	l.write(root, "file", "newer text")
	l.readAndClose(access, "file", "btrfs", "text")

	unmount()
	device := l.behind("btrfs")
	root, unmount = l.mounted(device, "-o", "commit=300")
	l.do("sync", "-f", root)
	l.write(root, "logged", "log") // an fsync goes to the log alone
	access = l.snapshot("btrfs_snap_20261116_0400")
	if _, err := l.opener.Open(t.Context(), access); err == nil || !strings.Contains(err.Error(), "while one with the same id") {
		t.Errorf("error %v", err)
	}
	l.wantNothingOpen(access)
	unmount()
	l.readAndClose(access, "logged", "btrfs", "log")
}

// LUKS opened read-only forces an ext4 in it to noload; here its journal is
// replayed, on a clone.
func TestLabLUKSOpenedReadOnlyForcesExt4NoLoad(t *testing.T) {
	l := newOpenLab(t, "luks", "48M")
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("a secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l.do("cryptsetup", "luksFormat", "-q", "--type", "luks2", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000",
		"--key-file", key, l.device("luks"))
	l.do("cryptsetup", "open", "--key-file", key, l.device("luks"), "origin")
	t.Cleanup(func() { l.do("cryptsetup", "close", "origin") })
	l.do("mkfs.ext4", "-q", "/dev/mapper/origin")
	l.do("dmsetup", "create", "inside", "--table", "0 "+l.sectors("/dev/mapper/origin")+" linear /dev/mapper/origin 0")
	t.Cleanup(func() { l.do("dmsetup", "remove", "inside") })
	root, _ := l.mounted("/dev/mapper/inside", "-o", "data=journal,commit=300")
	l.write(root, "file", "text")
	access := l.snapshot("luks_snap_20261116_0300")

	for name, test := range map[string]struct{ file, want string }{
		"none":           {"", "names no key file"},
		"missing":        {key + ".absent", "no such file"},
		"wrong":          {l.keyFile("wrong", 0o600), "does not open it"},
		"read by others": {l.keyFile("a secret\n", 0o640), "chmod 600"},
	} {
		access.KeyFile = test.file
		if _, err := l.opener.Open(t.Context(), access); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("key file: %s: error %v", name, err)
		}
		l.wantNothingOpen(access)
	}
	access.KeyFile = key
	l.readAndClose(access, "file", "ext4", "text")
}

func (l *openLab) keyFile(text string, mode os.FileMode) string {
	l.t.Helper()
	file := filepath.Join(l.t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		l.t.Fatal(err)
	}
	return file
}

func TestLabFileSystemThatIsUnknownOrDamaged(t *testing.T) {
	l := newOpenLab(t, "bad", "16M")
	access := l.snapshot("bad_snap_20261116_0300")
	refused := func(access plan.SnapshotAccess) {
		t.Helper()
		if _, err := l.opener.Open(t.Context(), access); err == nil || !strings.Contains(err.Error(), "no file system that bkplan knows") {
			t.Errorf("error %v", err)
		}
		l.wantNothingOpen(access)
	}
	refused(access)
	l.do("mkfs.ext4", "-q", l.device("bad"))
	l.do("dd", "if=/dev/urandom", "of="+l.device("bad"), "bs=1024", "seek=1", "count=1", "conv=notrunc", "status=none")
	refused(l.snapshot("bad_snap_20261116_0400"))
	l.do("mkswap", "-f", l.device("bad"))
	refused(l.snapshot("bad_snap_20261116_0500"))
}

// After a SIGTERM came a stacked mount and a stale LUKS mapping. Here a process
// ends with a volume open; the next one sees that and cleans it.
func TestLabStackedMountAndStaleMapping(t *testing.T) {
	l := newOpenLab(t, "killed", "48M")
	key := l.keyFile("key", 0o600)
	l.do("cryptsetup", "luksFormat", "-q", "--type", "luks2", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000",
		"--key-file", key, l.device("killed"))
	l.do("cryptsetup", "open", "--key-file", key, l.device("killed"), "origin")
	l.do("mkfs.ext4", "-q", "/dev/mapper/origin")
	l.do("cryptsetup", "close", "origin")
	access := l.snapshot("killed_snap_20261116_0300")
	access.KeyFile = key
	opened := l.open(access)
	l.do("mount", "--bind", opened.Root, opened.Root)

	reader := lvm.New(execx.ReadOnly(l.runner, "vgs", "lvs"))
	part, err := reader.Observe(t.Context(), providers.Target{
		Source: plan.Source{LVMThin: &l.source}, StateDir: l.stateDir,
	})
	if err != nil || len(part.Leftovers) != 1 {
		t.Fatalf("observed %+v, %v", part.Leftovers, err)
	}
	left := part.Leftovers[0]
	if left.Name != access.OpenName || left.Mounted != opened.Root || left.Mapping != access.OpenName || left.Clone != access.OpenName {
		t.Errorf("observed %+v", left)
	}
	l.opener = lvm.NewOpener(lvm.New(l.runner), l.runner, l.stateDir)
	if err := l.opener.Clean(t.Context(), left); err != nil {
		t.Error(err)
	}
	l.wantNothingOpen(access)

	l.open(access) // and killed again
	opened = l.open(access)
	if err := opened.Close(context.Background()); err != nil {
		t.Error(err)
	}
	l.wantNothingOpen(access)
}

func TestLabDifferences(t *testing.T) {
	l := newOpenLab(t, "delta", "32M")
	first := l.snapshot("delta_snap_20261116_0300")
	second := l.snapshot("delta_snap_20261116_0400")
	l.do("dd", "if=/dev/urandom", "of="+l.device("delta"), "bs=64K", "count=3", "oflag=direct", "status=none")
	third := l.snapshot("delta_snap_20261116_0500")
	pair := func(from, to plan.SnapshotAccess) providers.SnapshotPair {
		return providers.SnapshotPair{
			VolumeGroup: from.VolumeGroup, Pool: from.Pool, FromUUID: from.UUID, ToUUID: to.UUID, ToName: to.Name,
		}
	}
	pairs := []providers.SnapshotPair{pair(first, second), pair(second, third), pair(first, plan.SnapshotAccess{Name: "absent"})}
	check := func(want ...int64) {
		t.Helper()
		amounts := l.opener.Differences(t.Context(), pairs)
		for i, amount := range amounts {
			switch {
			case i >= len(want) && amount != nil:
				t.Errorf("pair %d: %d", i, *amount)
			case i < len(want) && (amount == nil || *amount != want[i]):
				t.Errorf("pair %d: %v, want %d", i, amount, want[i])
			}
		}
	}
	held := func() bool {
		return strings.Fields(l.do("dmsetup", "status", "pve-data-tpool"))[6] != "-"
	}
	check(0, 3*64<<10)
	if held() {
		t.Error("the metadata snapshot was not released")
	}
	l.do("dmsetup", "message", "pve-data-tpool", "0", "reserve_metadata_snap")
	check()
	if !held() {
		t.Error("another's metadata snapshot was released")
	}
	uuid := strings.TrimSpace(l.do("lvs", "--noheadings", "-o", "lv_uuid", l.path("data")))
	mark := filepath.Join(l.stateDir, "metadata-snapshots", uuid) // as of a killed run
	if err := errors.Join(os.MkdirAll(filepath.Dir(mark), 0o700), os.WriteFile(mark, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	check(0, 3*64<<10)
	if held() {
		t.Error("the metadata snapshot of a killed run was not released")
	}
}
