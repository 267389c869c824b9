// Package storm does random things to a tree of files, for the tests of what follows
// trees and of what copies them. Start at New. A Storm has no mercy: it is for
// temporary folders.
package storm

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

// Storm does random things in a tree, and beside it on the same file system.
type Storm struct {
	// Names are few, so that things happen to the same names again and again.
	Names   []string
	random  *rand.Rand
	tree    string
	outside string
}

// Names are what a Storm begins with: those that programs stumble over.
var Names = []string{"a", "b", "two\nlines", strings.Repeat("n", 255), "not\xffutf8", "-rf", "$(x)"}

// New makes a storm. That of the same seed and number does the same.
func New(seed, number uint64, tree, outside string) *Storm {
	return &Storm{Names, rand.New(rand.NewPCG(seed, number)), tree, outside}
}

func (s *Storm) name() string { return s.Names[s.random.IntN(len(s.Names))] }

func (s *Storm) path() string {
	path := s.tree
	for range 1 + s.random.IntN(4) {
		path = filepath.Join(path, s.name())
	}
	return path
}

func (s *Storm) away() string { return filepath.Join(s.outside, s.name()) }

func (s *Storm) write(path string, flags int) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flags, 0o600)
	if err != nil {
		return
	}
	// Of many sizes: two of one that are written in the same tick of the kernel's clock
	// are the same to whoever compares sizes and times.
	fmt.Fprintf(file, "%d%*s", s.random.Int64(), s.random.IntN(500), "")
	file.Close()
}

// Mapped writes a byte by way of a mapping.
func Mapped(path string, what byte) {
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

// Step does one thing. That it cannot be done is nothing: the tree is as it is.
func (s *Storm) Step() {
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
		Mapped(path, byte('a'+s.random.IntN(26)))
	case 21:
		_ = os.Rename(path, s.away())
	case 22:
		_ = os.Rename(s.away(), path)
	case 23:
		s.beside(path)
	}
}

// beside happens outside of the tree, or at once.
func (s *Storm) beside(path string) {
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
