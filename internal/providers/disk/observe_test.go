package disk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

func observeDisk(t *testing.T, path string, folders ...plan.Folder) (plan.Disk, error) {
	t.Helper()
	part, err := NewObserver(Patience{}).Observe(t.Context(), providers.Target{
		Destination: plan.Destination{Kind: plan.DestinationDisk, Path: path}, Folders: folders, Now: start,
	})
	if err != nil {
		return plan.Disk{}, err
	}
	return part.Disks[0], nil
}

func TestDiskIsListedToItsDepth(t *testing.T) {
	b := newBench(t)
	b.write("f/deep", "one")
	b.do(b.action(week46, ""))
	write(t, b.dest+"/pvc-data/notes.txt", "x")
	write(t, b.dest+"/pvc-data/2026-46/notes.txt", "x")
	write(t, b.dest+"/.bkplan/work/weekly-00/f", "x")
	write(t, b.dest+"/.bkplan/receipts/weekly/2026-46/odd", "x")
	write(t, b.dest+"/pvc-data/2026-45/odd \xff/f", "x")
	if err := os.Symlink("/etc", b.dest+"/pvc-data/2026-44"); err != nil {
		t.Fatal(err)
	}
	before := everything(t, b.dest)
	disk, err := observeDisk(t, b.dest, plan.Folder{Directory: "pvc-data", Depth: 3}, plan.Folder{Directory: "missing", Depth: 2}, plan.Folder{Directory: "pvc-data/2026-44", Depth: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := []plan.Folder{
		{Directory: "pvc-data", Depth: 3, Entries: []plan.Entry{
			{Path: "2026-44", Type: plan.EntryLink},
			{Path: "2026-45/odd \uFFFD", Type: plan.EntryFolder, Odd: true},
			{Path: "2026-46/notes.txt", Type: plan.EntryFile},
			{Path: "2026-46/" + volume, Type: plan.EntryFolder},
			{Path: "notes.txt", Type: plan.EntryFile},
		}},
		{Directory: "missing", Depth: 2},
		{Directory: "pvc-data/2026-44", Depth: 1, Entries: []plan.Entry{{Path: ".", Type: plan.EntryLink}}},
	}
	if diff := cmp.Diff(want, disk.Folders); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"weekly-00"}, disk.Unfinished); diff != "" {
		t.Error(diff)
	}
	if len(disk.Receipts) != 1 || len(disk.Bad) != 1 || disk.Path != b.dest {
		t.Errorf("%+v", disk)
	}
	if diff := cmp.Diff(before, everything(t, b.dest)); diff != "" {
		t.Errorf("observing changed something: %s", diff)
	}
}

func TestFileSystemOfAMount(t *testing.T) {
	at := mounted(t, "ext4", 16)
	disk, err := observeDisk(t, at)
	if err != nil {
		t.Fatal(err)
	}
	fs := disk.FileSystem
	if fs.Type != "ext4" || fs.MountPoint != at || fs.ReadOnly || fs.Size < 8<<20 || fs.Free <= 0 || fs.Free > fs.Size || fs.Inodes == 0 || fs.InodesFree == 0 || !strings.HasPrefix(fs.Device, "7:") {
		t.Errorf("%+v", fs)
	}
	inner := at + "/inner"
	link := filepath.Dir(at) + "/link"
	if err := errors.Join(os.Mkdir(inner, 0o755), os.Symlink(at, link), unix.Mount("", at, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")); err != nil {
		t.Fatal(err)
	}
	if disk, err := observeDisk(t, inner); err != nil || disk.FileSystem.MountPoint != at || !disk.FileSystem.ReadOnly || disk.FileSystem.Device != fs.Device {
		t.Errorf("%+v, %v", disk, err)
	}
	if disk, err := observeDisk(t, link); err != nil || disk.FileSystem.MountPoint != link {
		t.Errorf("by a link: %+v, %v", disk, err)
	}
	hidden := filepath.Dir(at)
	if err := unix.Mount("tmpfs", hidden, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(hidden, unix.MNT_DETACH)
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if disk, err := observeDisk(t, at); err != nil || disk.FileSystem.MountPoint != hidden {
		t.Errorf("a mount hidden by another one: %+v, %v", disk, err)
	}
}

func TestTreesAreListed(t *testing.T) {
	root := memory(t)
	write(t, root+"/b/deep/f", "x")
	write(t, root+"/a", "x")
	write(t, root+"/c\xff", "x")
	if err := errors.Join(os.Symlink("b", root+"/d"), unix.Mkfifo(root+"/e", 0o600)); err != nil {
		t.Fatal(err)
	}
	want := []plan.Child{
		{Name: "a", Type: plan.EntryFile}, {Name: "b", Type: plan.EntryFolder}, {Name: "c\uFFFD", Type: plan.EntryFile, Odd: true},
		{Name: "d", Type: plan.EntryLink}, {Name: "e", Type: plan.EntryOther},
	}
	for _, source := range []plan.Source{
		{Kind: plan.SourceDirectory, Directory: &plan.DirectorySource{Path: root}},
		{Kind: plan.SourcePaths, Paths: []string{root}},
	} {
		part, err := NewObserver(Patience{}).Observe(t.Context(), providers.Target{Source: source})
		if err != nil || len(part.Trees) != 1 {
			t.Fatalf("%+v, %v", part, err)
		}
		if diff := cmp.Diff(want, part.Trees[0].Children); diff != "" || part.Trees[0].Path != root || part.Trees[0].FileSystem.Type != "tmpfs" {
			t.Errorf("%+v\n%s", part.Trees[0], diff)
		}
	}
}

func TestWhatCannotBeObserved(t *testing.T) {
	root := memory(t)
	write(t, root+"/f", "x")
	for path, words := range map[string]string{root + "/missing": "does not exist", root + "/f": "is not a directory"} {
		if _, err := observeDisk(t, path); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("disk: %v", err)
		}
		source := plan.Source{Kind: plan.SourcePaths, Paths: []string{root, path}}
		if _, err := NewObserver(Patience{}).Observe(t.Context(), providers.Target{Source: source}); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("tree: %v", err)
		}
	}
	if _, err := NewObserver(Patience{}).Observe(t.Context(), providers.Target{Source: plan.Source{Kind: plan.SourceLVMThin}}); !errors.Is(err, providers.ErrUnsupported) {
		t.Errorf("%v", err)
	}
}

// A mount whose server is gone does not answer, and cannot be interrupted.
func TestALookThatHangsIsGivenUp(t *testing.T) {
	never := make(chan int)
	defer close(never)
	_, err := providers.Within(t.Context(), time.Millisecond, "/mnt/gone", func() (int, error) { return <-never, nil })
	if err == nil || !strings.Contains(err.Error(), `"/mnt/gone" does not answer within 1ms`) {
		t.Errorf("%v", err)
	}
}
