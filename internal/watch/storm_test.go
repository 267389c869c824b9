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
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/storm"
)

// rage runs several storms at once. Each goes on for as many steps as permits
// come, and ends after all of its own.
func rage(t *testing.T, seed uint64, steps int, tree, outside string) (permits chan struct{}, over chan struct{}) {
	t.Logf("storm of seed %d", seed)
	const storms = 3
	permits, over = make(chan struct{}, steps), make(chan struct{})
	var group sync.WaitGroup
	for i := range storms {
		s := storm.New(seed, uint64(i), tree, outside)
		group.Go(func() {
			for range steps / storms {
				<-permits
				s.Step()
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
