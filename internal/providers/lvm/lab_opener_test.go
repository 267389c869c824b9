package lvm_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/providers/lvm"
)

// openLab is a real pool with a volume in it, and an Opener.
type openLab struct {
	*labWorld
	t        *testing.T
	stateDir string
	opener   *lvm.Opener
	volume   string
}

// newOpenLab makes a volume with nothing on it; it and its snapshots are gone at
// the end of the test.
func newOpenLab(t *testing.T, volume, size string) *openLab {
	t.Helper()
	group, pool := os.Getenv("BKPLAN_LAB_VG"), os.Getenv("BKPLAN_LAB_POOL")
	if group == "" || pool == "" {
		t.Skip("BKPLAN_LAB_VG and BKPLAN_LAB_POOL name no pool; test/lab/run --exec does")
	}
	runner := execx.New()
	l := &openLab{
		labWorld: &labWorld{
			source: plan.LVMThinSource{VolumeGroup: group, ThinPool: pool, Match: "*"},
			runner: runner, provider: lvm.New(runner),
		},
		t: t, stateDir: t.TempDir(), volume: volume,
	}
	l.opener = lvm.NewOpener(l.provider, runner, l.stateDir)
	l.do("lvcreate", "-qq", "-y", "-V", size, "-T", l.path(pool), "-n", volume)
	t.Cleanup(func() {
		l.do("lvremove", "-qq", "-y", "-S", `lv_name=~"^`+volume+`_snap_"`, group)
		l.do("lvremove", "-qq", "-y", l.path(volume))
	})
	return l
}

func (l *openLab) do(argv ...string) string {
	l.t.Helper()
	output, err := l.runner.Run(context.Background(), execx.Command{
		Argv: argv, Env: []string{"DM_DISABLE_UDEV=1"}, // there is none to make nodes
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return string(output.Stdout)
}

func (l *openLab) device(name string) string { return "/dev/" + l.path(name) }

func (l *openLab) sectors(device string) string {
	l.t.Helper()
	return strings.TrimSpace(l.do("blockdev", "--getsz", device))
}

// behind is a device over the volume: what is mounted from it is not frozen when
// LVM makes a snapshot, as the disk of a virtual machine is not.
func (l *openLab) behind(volume string) (device string) {
	l.t.Helper()
	l.do("dmsetup", "create", "behind", "--table", "0 "+l.sectors(l.device(volume))+" linear "+l.device(volume)+" 0")
	l.t.Cleanup(func() { l.do("dmsetup", "remove", "behind") })
	return "/dev/mapper/behind"
}

// mounted mounts a device for as long as the test lasts, or until it is taken down.
func (l *openLab) mounted(device string, options ...string) (root string, unmount func()) {
	l.t.Helper()
	root = l.t.TempDir()
	l.do(append(append([]string{"mount"}, options...), device, root)...)
	done := false
	unmount = func() {
		if !done {
			done = true
			l.do("umount", root)
		}
	}
	l.t.Cleanup(unmount)
	return root, unmount
}

func (l *openLab) write(root, name, text string) {
	l.t.Helper()
	file, err := os.Create(filepath.Join(root, name))
	if err != nil {
		l.t.Fatal(err)
	}
	_, err = file.WriteString(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		l.t.Fatal(err)
	}
}

// snapshot makes one as the Provider does, and how it is to be opened.
func (l *openLab) snapshot(name string) plan.SnapshotAccess {
	l.t.Helper()
	l.do("lvcreate", "-qq", "-y", "-s", "--setactivationskip", "y", "-n", name, "--addtag", "bkplan.origin="+l.volume, l.path(l.volume))
	return plan.SnapshotAccess{
		VolumeGroup: l.source.VolumeGroup, Pool: l.source.ThinPool, Name: name, Origin: l.volume,
		UUID:     strings.TrimSpace(l.do("lvs", "--noheadings", "-o", "lv_uuid", l.path(name))),
		OpenName: plan.OpenName("weekly", l.volume), MountFolder: filepath.Join(l.stateDir, "mnt"),
	}
}

// digest is that of all bytes of a snapshot.
func (l *openLab) digest(name string) string {
	l.t.Helper()
	l.do("lvchange", "-ay", "-K", l.path(name))
	defer l.do("lvchange", "-an", l.path(name))
	file, err := os.Open(l.device(name))
	if err != nil {
		l.t.Fatal(err)
	}
	defer file.Close()
	sum := md5.New()
	if _, err := io.Copy(sum, file); err != nil {
		l.t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func (l *openLab) open(access plan.SnapshotAccess) providers.Opened {
	l.t.Helper()
	opened, err := l.opener.Open(l.t.Context(), access)
	if err != nil {
		l.t.Fatal(err)
	}
	return opened
}

// wantNothingOpen looks for whatever an Opener could leave behind.
func (l *openLab) wantNothingOpen(access plan.SnapshotAccess) {
	l.t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		l.t.Fatal(err)
	}
	if strings.Contains(string(mounts), "/mnt/bkplan-") {
		l.t.Errorf("something is mounted:\n%s", mounts)
	}
	if nodes := l.do("dmsetup", "ls"); strings.Contains(nodes, "bkplan-") || strings.Contains(nodes, "bkplan--") {
		l.t.Errorf("a mapping or a clone is there:\n%s", nodes)
	}
	if active := l.do("lvs", "--noheadings", "-o", "lv_active", l.path(access.Name)); strings.TrimSpace(active) != "" {
		l.t.Errorf("the snapshot is %s", active)
	}
	if names := l.do("lvs", "--noheadings", "-o", "lv_name", l.source.VolumeGroup); strings.Contains(names, access.OpenName) {
		l.t.Errorf("a clone is left:\n%s", names)
	}
	if entries, _ := os.ReadDir(access.MountFolder); len(entries) > 0 {
		l.t.Errorf("left in the mount folder: %v", entries)
	}
}

// readAndClose opens a snapshot, reads a file of it, closes it, and proves that
// nothing was left and not a byte of the snapshot changed.
func (l *openLab) readAndClose(access plan.SnapshotAccess, name, wantType, wantText string) {
	l.t.Helper()
	before := l.digest(access.Name)
	opened := l.open(access)
	if opened.FileSystem != wantType || opened.UUID != access.UUID || opened.Root != filepath.Join(access.MountFolder, access.OpenName) {
		l.t.Errorf("opened %+v", opened)
	}
	if text, err := os.ReadFile(filepath.Join(opened.Root, name)); err != nil || string(text) != wantText {
		l.t.Errorf("%s has %d bytes, %v", name, len(text), err)
	}
	if err := os.WriteFile(filepath.Join(opened.Root, "new"), nil, 0o600); err == nil {
		l.t.Error("it is mounted writable")
	}
	if err := opened.Close(context.Background()); err != nil {
		l.t.Error(err)
	}
	l.wantNothingOpen(access)
	if after := l.digest(access.Name); after != before {
		l.t.Error("the snapshot has changed")
	}
}
