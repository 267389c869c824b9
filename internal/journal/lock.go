package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrWatched is returned when somebody else writes the journal of a tree.
var ErrWatched = errors.New("the tree is watched already")

const lockName = "lock"

// wholeFile is a write lock on a file. It belongs to the open file (OFD), so that
// the kernel frees it when the process ends, and, unlike with flock, one can ask
// for it without taking it.
func wholeFile() *unix.Flock_t {
	return &unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
}

func lock(folder string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(folder, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock journal: %w", err)
	}
	err = unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, wholeFile())
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		err = ErrWatched
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("lock journal: %w", err)
	}
	return file, nil
}

// watched says whether somebody holds the lock; it takes none.
func watched(folder string) (bool, error) {
	file, err := os.Open(filepath.Join(folder, lockName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at lock of journal: %w", err)
	}
	defer file.Close()
	held := wholeFile()
	if err := unix.FcntlFlock(file.Fd(), unix.F_OFD_GETLK, held); err != nil {
		return false, fmt.Errorf("look at lock of journal: %w", err)
	}
	return held.Type != unix.F_UNLCK, nil
}
