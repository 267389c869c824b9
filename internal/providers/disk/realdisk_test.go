package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/internal/tree"
)

// program runs a program that a test needs.
func program(t *testing.T, argv ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", argv, err, out)
	}
}

// mounted is a file system of a kind, on a loop device in memory.
func mounted(t *testing.T, kind string, mib int64) string {
	t.Helper()
	needRoot(t)
	mkfs := "mkfs." + kind
	if _, err := exec.LookPath(mkfs); err != nil {
		t.Skip("needs ", mkfs)
	}
	top := filepath.Dir(memory(t))
	image, at := filepath.Join(top, "image"), filepath.Join(top, "mnt with space")
	if err := errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, mib<<20), os.Mkdir(at, 0o755)); err != nil {
		t.Fatal(err)
	}
	program(t, mkfs, "-q", image)
	if out, err := exec.CommandContext(t.Context(), "mount", "-o", "loop", image, at).CombinedOutput(); err != nil {
		t.Skipf("needs loop devices and %s: %s", kind, out)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return at
}

// fileSystems are those of the issue, with the size that their mkfs needs in MiB.
var fileSystems = map[string]int64{"ext4": 32, "xfs": 320, "btrfs": 128}

// Owners, modes, times, links, ACLs, xattrs, sparse files, device nodes and hard
// links inside the volume are preserved.
func TestAllOfAFileIsKept(t *testing.T) {
	for kind, size := range fileSystems {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			needRsync(t)
			b := newBenchAt(t, mounted(t, kind, size), mounted(t, kind, size))
			fillOddly(t, b.source)
			a := b.action(week46, "")
			a.Copy.RequireMount, a.Copy.From.RequireMount = true, true
			b.do(a)
			same(t, b.source, b.version(week46))
			r := b.receipt(week46)
			if len(r.Notes) > 0 || r.Source.MountPoint != b.source {
				t.Errorf("%+v", r)
			}
			b.do(b.action(week47, week46))
			same(t, b.source, b.version(week47))
			if r := b.receipt(week47); r.NewBytes != 0 {
				t.Errorf("%+v", r)
			}
			if inode(t, b.version(week46)+"/sparse") != inode(t, b.version(week47)+"/sparse") {
				t.Error("not linked")
			}
			b.do(refresh(b.action(week47, week47)))
			b.do(b.prune(week46, week47))
			same(t, b.source, b.version(week47))
			b.nothingLeft()
		})
	}
}

// fillOddly makes one of everything.
func fillOddly(t *testing.T, root string) {
	t.Helper()
	at := func(name string) string { return filepath.Join(root, name) }
	names := []string{"plain", "new\nline", "not utf-8 \xff\xfe", "-rf", "--delete", "$(id)", "'\"`\\", "a b", "*", "d/e/deep"}
	for _, name := range names {
		write(t, at(name), "content of "+name)
	}
	sparse, err := os.Create(at("sparse"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = sparse.WriteAt([]byte("end"), 8<<20)
	err = errors.Join(err, sparse.Close(),
		os.Link(at("plain"), at("d/hard link")),
		os.Symlink("/etc/passwd", at("out")), os.Symlink("missing\n", at("dangling")),
		unix.Mkfifo(at("pipe"), 0o640),
		unix.Mknod(at("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))),
		unix.Mknod(at("disk"), unix.S_IFBLK|0o660, int(unix.Mkdev(7, 99))),
		os.Lchown(at("a b"), 12345, 54321), os.Lchown(at("out"), 12345, 54321), os.Chown(at("d"), 33, 33),
		unix.Chmod(at("*"), 0o4755), unix.Chmod(at("d"), 0o3770), unix.Chmod(at("-rf"), 0),
		unix.Setxattr(at("plain"), "user.note", []byte("a\x00b"), 0),
		unix.Setxattr(at("plain"), "trusted.note", []byte("root's"), 0),
		unix.Setxattr(at("d"), "user.folder", []byte("x"), 0),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"setfacl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs ", tool)
		}
	}
	program(t, "setfacl", "-m", "u:1234:rw", at("a b"))
	program(t, "setfacl", "-d", "-m", "g:99:rx", at("d/e"))
	for i, name := range []string{"plain", "new\nline", "out", "d", "pipe", "."} {
		when := unix.Timespec{Sec: 1_000_000_000 + int64(i), Nsec: 123_456_789}
		if err := unix.UtimesNanoAt(unix.AT_FDCWD, at(name), []unix.Timespec{when, when}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			t.Fatal(err)
		}
	}
}

// same compares two trees by their manifests, and what those do not have: extended
// attributes, hard links and holes.
func same(t *testing.T, source, copied string) {
	t.Helper()
	var texts, details [2]string
	for i, root := range []string{source, copied} {
		var manifest strings.Builder
		if _, err := tree.WriteManifest(t.Context(), root, tree.Previous{}, &manifest); err != nil {
			t.Fatal(err)
		}
		reader, err := tree.NewReader(strings.NewReader(manifest.String()))
		if err != nil {
			t.Fatal(err)
		}
		for e, err := reader.Next(); err == nil; e, err = reader.Next() {
			if e.Path != "lost+found" {
				texts[i] += strings.ReplaceAll(describe(e), "\n", `\n`) + "\n"
				details[i] += detail(t, root, e.Path)
			}
		}
	}
	if diff := cmp.Diff(texts[0], texts[1]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(details[0], details[1]); diff != "" {
		t.Error(diff)
	}
	if a, b := inode(t, copied+"/plain"), inode(t, copied+"/d/hard link"); a != b {
		t.Error("a hard link inside of the volume is a copy")
	}
	var stat unix.Stat_t
	if err := unix.Stat(copied+"/sparse", &stat); err != nil || stat.Size != 8<<20+3 || stat.Blocks > 1000 {
		t.Errorf("not sparse: %v, %+v", err, stat)
	}
}

func describe(e tree.Entry) string { return fmt.Sprintf("%+v", e) }

// detail are the extended attributes of an entry, ACLs among them.
func detail(t *testing.T, root, path string) string {
	t.Helper()
	full := filepath.Join(root, path)
	list := make([]byte, 64<<10)
	n, err := unix.Llistxattr(full, list)
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Split(strings.TrimSuffix(string(list[:n]), "\x00"), "\x00")
	slices.Sort(names)
	text := fmt.Sprintf("%q:", path)
	for _, name := range names {
		if name == "" {
			continue
		}
		value := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(full, name, value)
		if err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintf(" %s=%q", name, value[:n])
	}
	return text + "\n"
}

func TestDestinationFullInMidCopy(t *testing.T) {
	needRsync(t)
	b := newBenchAt(t, memory(t), mounted(t, "ext4", 16))
	b.write("small", "one")
	b.do(b.action(week46, ""))
	b.write("large", strings.Repeat("x", 30<<20))
	before := everything(t, b.dest)
	b.fails(b.action(week47, week46), "is full", "what was there stays as it was")
	b.fails(refresh(b.action(week46, week46)), "is full")
	if diff := cmp.Diff(before, everything(t, b.dest)[:len(before)]); diff != "" && len(b.unfinished()) > 0 {
		t.Error(diff)
	}
	b.holds(week46, map[string]string{"small": "one"})
	if b.receipt(week46).Files != 1 {
		t.Error("its receipt is gone")
	}
	b.holds(week47, map[string]string{})
	if err := os.Remove(b.source + "/large"); err != nil {
		t.Fatal(err)
	}
	b.do(b.action(week47, week46))
}

// Pool low: the run aborted before it pruned, so the pool could never recover. The
// same for a disk.
func TestPruneOnADiskThatIsFullToTheLastBlock(t *testing.T) {
	needRsync(t)
	at := mounted(t, "ext4", 16)
	b := newBenchAt(t, memory(t), at)
	b.write("f", strings.Repeat("x", 1<<20))
	b.do(b.action(week46, ""))
	b.do(b.action(week47, week46))
	if err := os.RemoveAll(at + "/lost+found"); err != nil {
		t.Fatal(err)
	}
	program(t, "sh", "-c", `cd "$1" && mkdir fill && { head -c 20M /dev/zero > fill/large || true; } 2>/dev/null; i=0; while echo x > fill/$i; do i=$((i+1)); done 2>/dev/null; true`, "sh", at)
	if err := os.WriteFile(at+"/more", []byte("x"), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("it is not full: %v", err)
	}
	b.do(b.prune(week46, week47))
	b.nothingLeft()
	b.holds(week46, map[string]string{})
}

func TestDestinationThatMustNotBeWrittenTo(t *testing.T) {
	needRsync(t)
	b := newBenchAt(t, memory(t), mounted(t, "ext4", 16))
	b.write("f", "one")
	b.do(b.action(week46, ""))
	a := b.action(week47, week46)
	a.Copy.MinFree = 1 << 40
	if err := b.fails(a, "free, and 1 TiB must stay free"); !isStale(err) {
		t.Errorf("%v", err)
	}
	if err := unix.Mount("", b.dest, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for _, a := range []plan.Action{b.action(week47, week46), refresh(b.action(week46, week46)), b.prune(week46, week47)} {
		b.fails(a, "is mounted read-only", "dmesg")
	}
	b.holds(week46, map[string]string{"f": "one"})
	if err := unix.Mount("", b.dest, "", unix.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
}

// /etc/pve is such a file system.
func TestSourceWithoutAttributes(t *testing.T) {
	needRoot(t)
	b := newBench(t)
	if err := unix.Mount("ramfs", b.source, "ramfs", 0, ""); err != nil {
		t.Skip("needs ramfs: ", err)
	}
	defer unix.Unmount(b.source, unix.MNT_DETACH)
	b.write("f", "one")
	if _, err := unix.Llistxattr(b.source+"/f", nil); !errors.Is(err, unix.ENOTSUP) {
		t.Skip("ramfs has attributes: ", err)
	}
	b.do(b.action(week46, ""))
	b.holds(week46, map[string]string{"f": "one"})
	b.do(b.mirror())
}

func TestCopyOfWhatHoldsTheDestination(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	a := b.action(week46, "")
	a.Copy.From.Paths = []string{filepath.Dir(b.dest)}
	b.fails(a, "lie inside of each other")
	write(t, b.dest+"/pvc-data/x/f", "one")
	a.Copy.From.Paths = []string{b.dest + "/pvc-data/x"}
	b.fails(a, "lie inside of each other")
	write(t, b.dest+"/dumps/f", "one")
	a.Copy.From.Paths = []string{b.dest + "/dumps"}
	b.do(a)
}

// Safety rule 6.
func TestDestinationThatIsNotMountedGetsNothing(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	for _, a := range []plan.Action{b.action(week47, ""), refresh(b.action(week46, "")), b.prune(week46, week47), b.mirror()} {
		a.Copy.RequireMount = true
		if err := b.fails(a, "nothing is mounted at", "nothing is written there"); !isStale(err) {
			t.Errorf("%v", err)
		}
	}
	clean := plan.Action{Kind: plan.Clean, Copy: &plan.CopyAction{Destination: b.dest, RequireMount: true, Unfinished: "x"}}
	b.fails(clean, "nothing is mounted at")
	if got := everything(t, b.dest); len(got) != 1 {
		t.Errorf("%q", got)
	}
	a := b.action(week46, "")
	a.Copy.Destination += "/missing"
	b.fails(a, "does not exist")
	a.Copy.Destination = b.source + "/f"
	b.fails(a, "is not a directory")
}

// A symlink in the destination that points out of it.
func TestLinksInTheDestinationAreNotFollowed(t *testing.T) {
	for _, where := range []string{"pvc-data", "pvc-data/2026-46", "pvc-data/2026-46/vault; rm -rf", "pvc-data/2026-46/" + volume, plan.OwnFolder, plan.ReceiptFolder, plan.WorkFolder, plan.ManifestFolder} {
		t.Run(where, func(t *testing.T) {
			b := newBench(t)
			outside := memory(t)
			b.write("f", "one")
			link := filepath.Join(b.dest, where)
			if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o755), os.Symlink(outside, link)); err != nil {
				t.Fatal(err)
			}
			write(t, outside+"/precious", "x")
			for _, a := range []plan.Action{b.action(week46, ""), refresh(b.action(week46, "")), b.prune(week46, week47)} {
				if _, err := b.provider.Do(t.Context(), a); err == nil || !strings.Contains(err.Error(), "symbolic link") && a.Kind != plan.Prune {
					t.Errorf("%s: %v", a.Kind, err)
				}
			}
			if diff := cmp.Diff(map[string]string{"precious": "x"}, contents(t, outside)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnotherFileSystemBelowTheDestination(t *testing.T) {
	b := newBench(t)
	needRoot(t)
	b.write("f", "one")
	inner := b.dest + "/pvc-data"
	if err := errors.Join(os.Mkdir(inner, 0o755), unix.Mount("tmpfs", inner, "tmpfs", 0, "")); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(inner, unix.MNT_DETACH)
	b.fails(b.action(week46, ""), "is another file system or subvolume", "a destination of its own")
}

// A forged receipt is no reason for anything.
func TestForgedReceiptOfTheVersionBefore(t *testing.T) {
	b := newBench(t)
	b.firstCopy()
	write(t, b.dest+"/"+receipt.File("weekly", week46, volume), `{"format":"bkplan.receipt","version":1,"receipt":{"layer":"weekly","volume":"x","version":"2026-46","path":"../../etc"}}`)
	b.do(b.snapshot(week47, week46, "uuid-2"))
	b.holds(week47, map[string]string{"f": "changed", "d/g": "two"})
}

// rsyncs are those that are here: that of the system, and one before 3.5 where
// the variable says so.
func rsyncs(t *testing.T) map[string]*Rsync {
	all := map[string]*Rsync{"of the system": NewRsync(execx.New())}
	if old := os.Getenv("BKPLAN_TEST_OLD_RSYNC"); old != "" {
		all["old"] = NewRsync(inPath{execx.New(), filepath.Dir(old)})
	} else {
		t.Log("BKPLAN_TEST_OLD_RSYNC is not set: only the rsync of the system is tried")
	}
	return all
}

// inPath runs programs of another folder.
type inPath struct {
	execx.Runner
	folder string
}

func (r inPath) Run(ctx context.Context, c execx.Command) (execx.Output, error) {
	c.Env = append(c.Env, "PATH="+r.folder+":"+os.Getenv("PATH"))
	return r.Runner.Run(ctx, c)
}

// rsync 3.2 follows links in the version that it compares with.
func TestALinkInTheVersionBeforeLeadsNowhere(t *testing.T) {
	for name, rsync := range rsyncs(t) {
		for _, guarded := range []bool{true, false} {
			t.Run(fmt.Sprint(name, " guarded ", guarded), func(t *testing.T) {
				b := newBench(t)
				rsync.plain = !guarded
				defer func() { rsync.plain = false }()
				b.provider.Producer = rsync
				outside := filepath.Join(b.dest, "outside")
				write(t, outside+"/passwd", "secret")
				b.write("same", "same")
				if err := os.Symlink(outside, b.source+"/a"); err != nil {
					t.Fatal(err)
				}
				b.do(b.action(week46, ""))
				if err := os.Remove(b.source + "/a"); err != nil {
					t.Fatal(err)
				}
				b.write("a/passwd", "forged")
				program(t, "touch", "-r", outside+"/passwd", b.source+"/a/passwd")
				b.do(b.action(week47, week46))
				b.holds(week47, map[string]string{"same": "same", "a/passwd": "forged"})
				if inode(t, b.version(week47)+"/a/passwd") == inode(t, outside+"/passwd") {
					t.Error("linked to what lies outside")
				}
				linked := inode(t, b.version(week46)+"/same") == inode(t, b.version(week47)+"/same")
				told := len(b.receipt(week47).Notes) > 0
				if linked == told {
					t.Errorf("linked: %v, told: %v", linked, told)
				}
			})
		}
	}
}
