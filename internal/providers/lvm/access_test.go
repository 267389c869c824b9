package lvm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

var hostile = []string{"", "-x", "--force", ".", "..", "../x", "a b", "a/b", "a\nb", `a"b`, "$(id)", "@tag", "ä", "\xff", strings.Repeat("n", 200)}

// Hostile or impossible names never reach an argv.
func TestBadAccessRunsNothing(t *testing.T) {
	m := newMachine(t)
	good := m.snapshotOf("live", held{kind: "ext4"})
	edits := map[string]func(*plan.SnapshotAccess, string){
		"volume group": func(a *plan.SnapshotAccess, bad string) { a.VolumeGroup = bad },
		"pool":         func(a *plan.SnapshotAccess, bad string) { a.Pool = bad },
		"name":         func(a *plan.SnapshotAccess, bad string) { a.Name = bad },
		"origin":       func(a *plan.SnapshotAccess, bad string) { a.Origin = bad },
		"open name":    func(a *plan.SnapshotAccess, bad string) { a.OpenName = bad },
		"mount folder": func(a *plan.SnapshotAccess, bad string) { a.MountFolder = bad },
		"UUID": func(a *plan.SnapshotAccess, bad string) {
			if a.UUID = bad; bad == "" { // which is allowed
				a.Name = bad
			}
		},
	}
	for what, edit := range edits {
		for _, bad := range hostile {
			a := good
			edit(&a, bad)
			if _, err := m.opener().Open(t.Context(), a); err == nil {
				t.Errorf("%s %q is taken", what, bad)
			}
		}
	}
	if len(m.calls) > 0 {
		t.Errorf("ran %q", m.calls)
	}
}

func TestSnapshotMustBeTheOneMeant(t *testing.T) {
	m := newMachine(t)
	good := m.snapshotOf("live", held{kind: "ext4"})
	m.snapshotOf("liver", held{kind: "ext4"})
	m.add(volumeRow{Name: "live-clone", Pool: "data"})
	edits := map[string]func(*plan.SnapshotAccess){
		"the snapshot pve/x is gone":                      func(a *plan.SnapshotAccess) { a.Name = "x" },
		"is another volume now":                           func(a *plan.SnapshotAccess) { a.UUID = m.row("live").UUID },
		"live_snap_20261116_0300 is not in the thin pool": func(a *plan.SnapshotAccess) { a.Pool = "root" },
		"live_snap_20261116_0300 is no snapshot of liver": func(a *plan.SnapshotAccess) { a.Origin = "liver" },
		"live-clone is no snapshot of live":               func(a *plan.SnapshotAccess) { a.Name, a.UUID = "live-clone", "" },
		"pve/live is no snapshot of live":                 func(a *plan.SnapshotAccess) { a.Name, a.UUID = "live", "" },
	}
	for want, edit := range edits {
		a := good
		edit(&a)
		stale := (*providers.StaleError)(nil)
		if _, err := m.opener().Open(t.Context(), a); !errors.As(err, &stale) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, error %v", want, err)
		}
	}
	if m.count("lvchange") > 0 {
		t.Errorf("ran %q", m.calls)
	}
	good.UUID = ""
	if _, err := m.opener().Open(t.Context(), good); err != nil {
		t.Error(err)
	}
}

func TestSnapshotIsRecognisedWhenItsOriginIsGone(t *testing.T) {
	for _, test := range []struct {
		row  volumeRow
		want bool
	}{
		{volumeRow{Name: "any", Origin: "live"}, true},
		{volumeRow{Name: "live_snap_20261116_0300", Tags: "bkplan.layer=l,bkplan.origin=live"}, true},
		{volumeRow{Name: "live_snap_20261116_0300", Tags: "bkplan.origin=liver"}, false},
		{volumeRow{Name: "live_snap_20261116_0300"}, true},
		{volumeRow{Name: "live_pre_restore_20261116_0300"}, true},
		{volumeRow{Name: "live_snap_20261116_0300", Origin: "live_pre_restore_20261117_0300"}, true},
		{volumeRow{Name: "liver_snap_20261116_0300"}, false},
		{volumeRow{Name: "live"}, false},
	} {
		if got := test.row.isSnapshotOf("live"); got != test.want {
			t.Errorf("%+v: %v", test.row, got)
		}
	}
}

func TestKeyFileThatIsNotPrivateIsRefused(t *testing.T) {
	m := newMachine(t)
	access := m.snapshotOf("live", held{kind: "crypto_LUKS", inside: &held{kind: "ext4"}})
	good := withKey(t, access, "right")
	folder := filepath.Dir(good.KeyFile)
	open := filepath.Join(folder, "open")
	if err := errors.Join(os.WriteFile(open, []byte("right"), 0o600), os.Chmod(open, 0o604)); err != nil {
		t.Fatal(err)
	}
	wrong := withKey(t, access, "wrong, and nobody's business")
	for file, want := range map[string]string{
		"":                 "the policy names no key file",
		"key":              `"key" is no absolute path`,
		folder:             "is no regular file",
		folder + "/absent": "look at the LUKS key file: stat " + folder + "/absent: no such file or directory",
		open:               "can be used by others (mode 0604): chmod 600 it",
		wrong.KeyFile:      "the key file " + wrong.KeyFile + " does not open it",
	} {
		access.KeyFile = file
		m.calls = nil
		_, err := m.opener().Open(t.Context(), access)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "business") {
			t.Errorf("%q: error %v", file, err)
		}
		if file != wrong.KeyFile && (m.count("lvcreate") > 0 || m.count("cryptsetup") > 0) {
			t.Errorf("%q: ran %q", file, m.calls)
		}
		m.wantNothingOpen(access)
	}
	m.calls = nil
	if _, err := m.opener().Open(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	for _, argv := range m.calls {
		if slices.Contains(argv, "right") || argv[0] == "cryptsetup" && slices.Contains(argv, "--readonly") {
			t.Errorf("ran %q", argv)
		}
	}
}

func TestContentThatIsNotKnown(t *testing.T) {
	for kind, want := range map[string]string{
		"":     "it is empty, or its superblock is damaged",
		"swap": "no file system that bkplan knows: swap",
	} {
		m := newMachine(t)
		access := m.snapshotOf("live", held{kind: kind})
		if _, err := m.opener().Open(t.Context(), access); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v", kind, err)
		}
		m.wantNothingOpen(access)
	}
	m := newMachine(t)
	access := withKey(t, m.snapshotOf("live", held{kind: "crypto_LUKS", inside: &held{kind: "crypto_LUKS"}}), "right")
	if _, err := m.opener().Open(t.Context(), access); err == nil || !strings.Contains(err.Error(), "LUKS inside of LUKS") {
		t.Errorf("error %v", err)
	}
	m.wantNothingOpen(access)
}

// A snapshot that somebody else has activated is read from a clone: it is not
// set read-only under them, and not deactivated.
func TestActiveSnapshotIsSomebodyElses(t *testing.T) {
	m := newMachine(t)
	access := m.snapshotOf("live", held{kind: "ext4"})
	m.row(access.Name).Active, m.row(access.Name).Open = "active", ""
	m.show()
	opened, err := m.opener().Open(t.Context(), access)
	if err != nil {
		t.Fatal(err)
	}
	if err = opened.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if m.row(access.Name).Active == "" || m.readOnly["pve-live_snap_20261116_0300"] || m.count("lvcreate") != 1 {
		t.Errorf("ran %q", m.calls)
	}
}

// A full pool would let the replay of a journal wait inside the kernel.
func TestNoCloneInAFullPool(t *testing.T) {
	for _, set := range []func(*volumeRow){
		func(r *volumeRow) { r.DataPercent = "98.50" }, func(r *volumeRow) { r.MetadataPercent = "99.00" },
	} {
		m := newMachine(t)
		access := m.snapshotOf("live", held{kind: "ext4", dirty: true})
		set(m.row("data"))
		if _, err := m.opener().Open(t.Context(), access); err == nil || !strings.Contains(err.Error(), "98.0% is the limit") {
			t.Errorf("error %v", err)
		}
		m.wantNothingOpen(access)
		if m.count("lvcreate") > 0 {
			t.Errorf("ran %q", m.calls)
		}
	}
}

// The kernel knows a btrfs by its id: whichever is mounted, the one that was
// asked for is given, or none.
func TestSameUUIDSnapshotIsNotMountedInsteadOfTheOrigin(t *testing.T) {
	m := newMachine(t)
	access := m.snapshotOf("live", held{kind: kindBtrfs, uuid: "b"})
	m.row("live").Active = "active"
	m.holds["live"] = &held{kind: kindBtrfs, uuid: "b"}
	m.mounts = append(m.mounts, mounted{"pve-live", "/mnt/live"})
	m.show()
	opened, err := m.opener().Open(t.Context(), access)
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.Close(t.Context()); err != nil {
		t.Error(err)
	}

	m.holds[access.Name].dirty = true
	if err := os.MkdirAll(filepath.Join(m.host.sys, "fs", "btrfs", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := m.opener().Open(t.Context(), access); err == nil || !strings.Contains(err.Error(), "while one with the same id (b) is mounted on this machine") {
		t.Errorf("error %v", err)
	}
	m.mounts = nil
	m.wantNothingOpen(access)
}

func TestMountOfAnotherDeviceIsRefused(t *testing.T) {
	for _, kind := range []string{"ext4", "btrfs"} {
		m := newMachine(t)
		access := m.snapshotOf("live", held{kind: kind, uuid: "b"})
		m.row("live").Active, m.holds["live"] = "active", &held{kind: kind, uuid: "b"}
		m.instead = "pve-live"
		m.show()
		if _, err := m.opener().Open(t.Context(), access); err == nil || !strings.Contains(err.Error(), "in the place of") {
			t.Errorf("error %v", err)
		}
		m.wantNothingOpen(access)
	}
}

func TestMapperNamesAreUndone(t *testing.T) {
	name := rapid.StringMatching(`[a-z+_.][a-z+_.-]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		group, volume := name.Draw(t, "group"), name.Draw(t, "volume")
		g, v, ok := volumeName(mapperName(group, volume))
		if !ok || g != group || v != volume {
			t.Errorf("%q, %q: %q, %q", group, volume, g, v)
		}
	})
}

// A node may be of a device that had the name before.
func TestNodeOfAnotherDeviceIsPassedOver(t *testing.T) {
	m := newMachine(t)
	m.row("root").Pool, m.row("root").Active = "data", "active"
	m.show()
	node := filepath.Join(m.host.dev, "mapper", "pve-root")
	wanted := func(d mapping) bool { return d.name == "pve-root" }
	if d, found, err := m.host.find(wanted); !found || err != nil || d.path != node {
		t.Errorf("%+v, %v, %v", d, found, err)
	}
	kernels := filepath.Join(m.host.dev, fmt.Sprintf("dm-%d", m.numbers["pve-root"]))
	if err := errors.Join(
		os.Rename(node, kernels), unix.Mknod(node, unix.S_IFBLK|0o600, int(unix.Mkdev(253, 99))),
	); err != nil {
		t.Fatal(err)
	}
	if d, found, err := m.host.find(wanted); !found || err != nil || d.path != kernels {
		t.Errorf("%+v, %v, %v", d, found, err)
	}
	if err := errors.Join(os.Remove(kernels), os.WriteFile(kernels, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if d, found, err := m.host.find(wanted); found || err != nil {
		t.Errorf("%+v, %v", d, err)
	}
}
