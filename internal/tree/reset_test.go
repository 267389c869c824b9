package tree

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// strip leaves of a tree what a NAS keeps for a user who is not root there.
func strip(tb testing.TB, root string) {
	must(tb, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Type()&(fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket) != 0:
			return os.Remove(path)
		case d.Type()&fs.ModeSymlink == 0:
			must(tb, os.Chmod(path, 0o777))
		}
		if os.Geteuid() == 0 {
			must(tb, os.Lchown(path, 1234, 1234))
		}
		return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{{}, {Sec: 1}}, unix.AT_SYMLINK_NOFOLLOW)
	}))
}

// TestResetUndoesWhatANASCannotKeep: with its manifest a stripped tree is what it was.
func TestResetUndoesWhatANASCannotKeep(t *testing.T) {
	base, round := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		root := filepath.Join(base, fmt.Sprint(round))
		must(t, os.Mkdir(root, 0o700))
		build(t, root, drawNodes(rt, 3), false, new(string))
		fixed(t, root)
		before, _ := manifest(rt, root, Previous{})
		strip(t, root)
		if err := Reset(t.Context(), root, reader(before)); err != nil {
			rt.Fatal(err)
		}
		if report, err := Check(t.Context(), root, reader(before), CheckOptions{Data: true}); err != nil || report.Total != 0 {
			rt.Fatalf("%+v %v", report, err)
		}
	})
}

// TestResetFollowsNothing: a link where a folder was, as somebody who owns the NAS
// may have put it there, leads to nothing that is not of the tree.
func TestResetFollowsNothing(t *testing.T) {
	dir := t.TempDir()
	root, outside := filepath.Join(dir, "root"), filepath.Join(dir, "outside")
	for _, folder := range []string{root, outside} {
		must(t, os.MkdirAll(filepath.Join(folder, "sub"), 0o700))
		must(t, os.WriteFile(filepath.Join(folder, "sub/file"), nil, 0o644))
		must(t, unix.Mkfifo(filepath.Join(folder, "sub/pipe"), 0o644))
	}
	text, _ := manifest(t, root, Previous{})
	must(t, os.RemoveAll(filepath.Join(root, "sub")))
	must(t, os.Remove(filepath.Join(outside, "sub/pipe")))
	must(t, os.Chmod(filepath.Join(outside, "sub/file"), 0o600))
	must(t, os.Symlink("../outside/sub", filepath.Join(root, "sub")))
	if err := Reset(t.Context(), root, reader(text)); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(filepath.Join(outside, "sub/file"))
	if err != nil || info.Mode() != 0o600 {
		t.Error(info, err)
	}
	if _, err := os.Lstat(filepath.Join(outside, "sub/pipe")); !os.IsNotExist(err) {
		t.Errorf("made outside: %v", err)
	}
}

// TestResetFollowsNothingInside: a link to another folder of the tree would give that
// one's files what the manifest has for others.
func TestResetFollowsNothingInside(t *testing.T) {
	root := t.TempDir()
	for folder, mode := range map[string]os.FileMode{"a": 0o600, "z": 0o644} {
		must(t, os.MkdirAll(filepath.Join(root, folder, "deep"), 0o700))
		must(t, os.WriteFile(filepath.Join(root, folder, "deep/file"), nil, mode))
	}
	text, _ := manifest(t, root, Previous{})
	must(t, os.RemoveAll(filepath.Join(root, "z")))
	must(t, os.Symlink("a", filepath.Join(root, "z")))
	if err := Reset(t.Context(), root, reader(text)); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(filepath.Join(root, "a/deep/file")); err != nil || info.Mode() != 0o600 {
		t.Error(info, err)
	}
}

// TestResetLeavesWhatIsMissingToCheck: a damaged copy is given back as far as it goes.
func TestResetLeavesWhatIsMissingToCheck(t *testing.T) {
	root, file := sample(t)
	text, _ := manifest(t, root, Previous{})
	must(t, os.Remove(file))
	must(t, Reset(t.Context(), root, reader(text)))
	report, err := Check(t.Context(), root, reader(text), CheckOptions{})
	if err != nil || len(report.Findings) == 0 || report.Findings[0].Kind != Missing && report.Findings[len(report.Findings)-1].Kind != Missing {
		t.Errorf("%+v, %v", report, err)
	}
}
