package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// fileID is the identity of a file, whatever its name.
type fileID struct{ device, inode uint64 }

func idOf(st *unix.Stat_t) fileID { return fileID{uint64(st.Dev), st.Ino} }

// openBelow opens a file or a folder for reading by its path below an open
// folder. It follows no symbolic link, leaves neither the folder nor its mount,
// and never waits, whatever kind of file it meets. It returns unix.EXDEV where
// another file system is mounted.
func openBelow(folder *os.File, name string, flags uint64) (*os.File, error) {
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | flags,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	}
	for {
		fd, err := unix.Openat2(int(folder.Fd()), name, &how)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: name, Err: err}
		}
		return os.NewFile(uintptr(fd), name), nil
	}
}

// openRegular is openBelow for a file that must be a regular one.
func openRegular(folder *os.File, name string) (*os.File, unix.Stat_t, error) {
	file, err := openBelow(folder, name, 0)
	if err != nil {
		return nil, unix.Stat_t{}, err
	}
	st, err := statOf(file)
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = fmt.Errorf("%s is not a regular file", printable(name))
	}
	if err != nil {
		file.Close()
		return nil, unix.Stat_t{}, err
	}
	return file, st, nil
}

func statOf(file *os.File) (unix.Stat_t, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return st, &os.PathError{Op: "stat", Path: file.Name(), Err: err}
	}
	return st, nil
}

// copyChunk is how much is copied between two looks at the context, in bytes.
const copyChunk = 32 << 20

// copyTo copies the first size bytes of a file to a new one.
func copyTo(ctx context.Context, from *os.File, size int64, to string) error {
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return err
	}
	for left := size; left > 0; {
		if err := stopped(ctx); err != nil {
			return err
		}
		n, err := io.CopyN(out, from, min(left, copyChunk))
		if errors.Is(err, io.EOF) {
			return errChanged
		}
		if err != nil {
			return fmt.Errorf("copy %s: %w", printable(path.Base(from.Name())), err)
		}
		left -= n
	}
	return out.Close()
}
