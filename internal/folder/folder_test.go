package folder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestMakeAndOpen(t *testing.T) {
	root := t.TempDir()
	if _, err := Open(root, "a/b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
	for range 2 {
		if err := Make(root, "a/b/c", 0o700); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Open(root, "a/b/c")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Name() != filepath.Join(root, "a/b/c") {
		t.Errorf("named %q", f.Name())
	}
	if info, err := f.Stat(); err != nil || info.Mode() != fs.ModeDir|0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestNoLinkIsFollowed(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "real/inner"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"out": outside, "in": "real", "nowhere": "missing"} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"out", "out/x", "in", "in/inner", "nowhere", "nowhere/x"} {
		_, err := Open(root, path)
		var not *NotFolderError
		if !errors.As(err, &not) || !not.Link {
			t.Errorf("open %s: %v", path, err)
		}
		if err := Make(root, path, 0o700); !errors.As(err, &not) || !not.Link {
			t.Errorf("make %s: %v", path, err)
		}
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("outside: %v, %v", left, err)
	}
}

func TestAFileOnTheWay(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var not *NotFolderError
	if _, err := Open(root, "file/x"); !errors.As(err, &not) || not.Link || not.Path != filepath.Join(root, "file") {
		t.Errorf("%v", err)
	}
}

func TestPathsThatLeaveTheRoot(t *testing.T) {
	root := t.TempDir()
	for _, path := range []string{"", "..", "a/../..", "/etc"} {
		if _, err := Open(root, path); err == nil {
			t.Errorf("opened %q", path)
		}
		if err := Make(root, path, 0o700); err == nil {
			t.Errorf("made %q", path)
		}
	}
}
