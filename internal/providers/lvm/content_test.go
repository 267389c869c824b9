package lvm

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bkplan/bkplan/internal/execx"
)

// Real file systems in files: clean as they were made, and as they are on the
// disk while they are mounted and written to.
func TestIdentifyRealFileSystems(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("it takes root to mount")
	}
	o := NewOpener(New(execx.New()), execx.New(), t.TempDir())
	for _, test := range []struct {
		kind, size  string
		clean, used content // without the UUID
	}{
		{"ext2", "1M", content{kind: "ext2"}, content{kind: "ext2"}},
		{"ext4", "8M", content{kind: "ext4"}, content{kind: "ext4", dirty: true, mustWrite: true}},
		{"xfs", "300M", content{kind: "xfs", mustWrite: true}, content{kind: "xfs", mustWrite: true}},
		{"btrfs", "128M", content{kind: "btrfs", mustWrite: true}, content{kind: "btrfs", dirty: true, mustWrite: true}},
	} {
		t.Run(test.kind, func(t *testing.T) {
			mkfs := "mkfs." + test.kind
			if _, err := exec.LookPath(mkfs); err != nil {
				t.Skip(mkfs + " is not installed")
			}
			folder := t.TempDir()
			image, root, copied := filepath.Join(folder, "image"), filepath.Join(folder, "root"), filepath.Join(folder, "copy")
			do := func(argv ...string) {
				t.Helper()
				if text, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
					t.Fatalf("%q: %v: %s", argv, err, text)
				}
			}
			check := func(file string, want content) {
				t.Helper()
				got, err := o.identify(t.Context(), device{path: file})
				if want.uuid = got.uuid; err != nil || got != want || got.uuid == "" {
					t.Errorf("%+v, %v, want %+v", got, err, want)
				}
			}
			do("truncate", "-s", test.size, image)
			do(mkfs, "-q", image)
			check(image, test.clean)
			do("mkdir", root)
			do("mount", "-o", "loop", image, root)
			defer do("umount", root)
			do("sync", "-f", root)
			do("dd", "if=/dev/zero", "of="+filepath.Join(root, "file"), "bs=4096", "count=1", "conv=fsync", "status=none")
			do("cp", "--sparse=always", image, copied)
			check(copied, test.used)
		})
	}
}

func TestIdentifyWhatIsNoFileSystem(t *testing.T) {
	o := NewOpener(New(execx.New()), execx.New(), t.TempDir())
	empty, swap, partitions := make([]byte, 1<<20), make([]byte, 1<<20), make([]byte, 1<<20)
	swap[1024], swap[1028] = 1, 255 // version, last page
	copy(swap[4086:], "SWAPSPACE2")
	copy(partitions[446:], "\x00\x00\x02\x00\x83\x00\x00\x00\x01\x00\x00\x00\xff\x07\x00\x00")
	copy(partitions[510:], "\x55\xaa")
	for want, bytes := range map[string][]byte{
		"it is empty, or its superblock is damaged": empty,
		"no file system that bkplan knows: swap":    swap,
		"it has a partition table (dos)":            partitions,
	} {
		file := filepath.Join(t.TempDir(), "image")
		if err := os.WriteFile(file, bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := o.identify(t.Context(), device{path: file}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, error %v", want, err)
		}
	}
}
