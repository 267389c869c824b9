package watch

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// storm does random things in a tree, and beside it on the same file system.
type storm struct {
	random  *rand.Rand
	tree    string
	outside string
}

// stormNames are few, so that things happen to the same names again and again.
var stormNames = []string{"a", "b", "two\nlines", strings.Repeat("n", 255), "not\xffutf8", "-rf", "$(x)"}

func (s *storm) name() string { return stormNames[s.random.IntN(len(stormNames))] }

func (s *storm) path() string {
	path := s.tree
	for range 1 + s.random.IntN(4) {
		path = filepath.Join(path, s.name())
	}
	return path
}

func (s *storm) away() string { return filepath.Join(s.outside, s.name()) }

func (s *storm) write(path string, flags int) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flags, 0o600)
	if err != nil {
		return
	}
	fmt.Fprintf(file, "%d", s.random.Int64())
	file.Close()
}

// mapped writes by way of a mapping.
func mapped(path string, what byte) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return
	}
	data, err := unix.Mmap(int(file.Fd()), 0, 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { _ = recover(); _ = unix.Munmap(data) }() // it was truncated meanwhile
	data[0] = what
}

func (s *storm) step() {
	path, what := s.path(), s.random.IntN(24)
	if info, err := os.Lstat(path); err == nil && info.IsDir() && s.random.IntN(20) > 0 {
		what = 19 // folders stay for a while, so that something happens in them
	}
	switch what {
	case 0, 1, 2, 3:
		s.write(path, os.O_TRUNC)
	case 4, 5:
		s.write(path, os.O_APPEND)
	case 6: // as careful programs replace a file
		s.write(path+"~", os.O_TRUNC)
		_ = os.Rename(path+"~", path)
	case 7, 8, 9:
		_ = os.Rename(path, s.path())
	case 10:
		_ = unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, s.path(), unix.RENAME_EXCHANGE)
	case 11, 12:
		_ = os.Remove(path)
	case 13:
		if s.random.IntN(4) == 0 {
			_ = os.RemoveAll(path)
		}
	case 14, 15:
		_ = os.Link(path, s.path())
	case 16:
		_ = os.Symlink(s.name(), path)
	case 17, 18:
		_ = os.MkdirAll(path, 0o700)
		s.write(filepath.Join(path, s.name()), os.O_TRUNC)
	case 19:
		_ = os.Chmod(path, fs.FileMode(0o700|s.random.IntN(0o100)))
	case 20:
		mapped(path, byte('a'+s.random.IntN(26)))
	case 21:
		_ = os.Rename(path, s.away())
	case 22:
		_ = os.Rename(s.away(), path)
	case 23:
		s.beside(path)
	}
}

// beside happens outside of the tree, or at once.
func (s *storm) beside(path string) {
	switch s.random.IntN(6) {
	case 0:
		_ = os.Link(path, s.away())
	case 1:
		s.write(s.away(), os.O_TRUNC)
	case 2:
		_ = os.Remove(s.away())
	case 3: // a folder made anew, and what was in it is gone
		_ = os.RemoveAll(path)
		_ = os.Mkdir(path, 0o700)
	case 4: // a file in the place of a folder
		_ = os.RemoveAll(path)
		s.write(path, os.O_TRUNC)
	case 5: // a link that is there only to be written through
		if os.Link(path, path+"~") == nil {
			s.write(path+"~", os.O_TRUNC)
			_ = os.Remove(path + "~")
		}
	}
}

// rage runs several storms at once. Each goes on for as many steps as permits
// come, and ends after all of its own.
func rage(t *testing.T, seed uint64, steps int, tree, outside string) (permits chan struct{}, over chan struct{}) {
	t.Logf("storm of seed %d", seed)
	const storms = 3
	permits, over = make(chan struct{}, steps), make(chan struct{})
	var group sync.WaitGroup
	for i := range storms {
		s := &storm{rand.New(rand.NewPCG(seed, uint64(i))), tree, outside}
		group.Go(func() {
			for range steps / storms {
				<-permits
				s.step()
			}
		})
	}
	go func() { group.Wait(); close(over) }()
	return permits, over
}

// gust permits some steps: few or many, so that syncs come in the middle of
// different things.
func gust(permits chan<- struct{}, random *rand.Rand, steps int) {
	for range 1 << random.IntN(bits.Len(uint(steps/8))) {
		select {
		case permits <- struct{}{}:
		default:
			return
		}
	}
}

// differences compares two trees: names, types, modes, contents.
func differences(t *testing.T, a, b string) []string {
	t.Helper()
	left, right := snapshot(t, a), snapshot(t, b)
	var found []string
	for name, what := range left {
		if right[name] != what {
			found = append(found, fmt.Sprintf("%q is %.60q and %.60q", name, what, right[name]))
		}
	}
	for name := range right {
		if _, ok := left[name]; !ok {
			found = append(found, fmt.Sprintf("%q should not be there", name))
		}
	}
	return found
}

func snapshot(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		what := info.Mode().String()
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			what += " " + string(data)
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			what = "link " + to
		}
		all[strings.TrimPrefix(path, root)] = what
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// mirror is a copy of a tree, kept up by what a journal says and nothing else.
type mirror struct{ from, to string }

// name copies what is at a name, and nothing of what is below it.
func (m mirror) name(name string) {
	from, to := filepath.Join(m.from, name), filepath.Join(m.to, name)
	info, err := os.Lstat(from)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			_ = os.RemoveAll(to)
		}
		return
	}
	there, err := os.Lstat(to)
	switch {
	case info.IsDir():
		if err == nil && !there.IsDir() {
			_ = os.Remove(to)
		}
		_ = os.Mkdir(to, 0o700)
		_ = os.Chmod(to, info.Mode().Perm())
		return
	case err == nil && there.IsDir():
		_ = os.RemoveAll(to)
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, _ := os.Readlink(from)
		_ = os.Remove(to)
		_ = os.Symlink(target, to)
		return
	}
	if there != nil && there.Mode()&fs.ModeSymlink != 0 {
		_ = os.Remove(to)
	}
	if !info.Mode().IsRegular() {
		_ = os.Remove(to)
		_ = unix.Mkfifo(to, 0o600)
		_ = os.Chmod(to, info.Mode().Perm())
		return
	}
	data, err := os.ReadFile(from)
	if err == nil {
		_ = os.WriteFile(to, data, 0o600)
		_ = os.Chmod(to, info.Mode().Perm())
	}
}

// subtree compares all at and below a name.
func (m mirror) subtree(name string) {
	m.name(name)
	from, to := filepath.Join(m.from, name), filepath.Join(m.to, name)
	if info, err := os.Lstat(from); err != nil || !info.IsDir() {
		return
	}
	have, _ := os.ReadDir(to)
	for _, entry := range have {
		if _, err := os.Lstat(filepath.Join(from, entry.Name())); errors.Is(err, fs.ErrNotExist) {
			_ = os.RemoveAll(filepath.Join(to, entry.Name()))
		}
	}
	want, _ := os.ReadDir(from)
	for _, entry := range want {
		child := filepath.Join(name, entry.Name())
		if entry.IsDir() {
			m.subtree(child)
		} else if !m.same(child) {
			m.name(child)
		}
	}
}

func (m mirror) same(name string) bool {
	from, to := filepath.Join(m.from, name), filepath.Join(m.to, name)
	a, errA := os.Lstat(from)
	b, errB := os.Lstat(to)
	if errA != nil || errB != nil || a.Mode() != b.Mode() || !a.Mode().IsRegular() {
		return false
	}
	left, errA := os.ReadFile(from)
	right, errB := os.ReadFile(to)
	return errA == nil && errB == nil && bytes.Equal(left, right)
}
