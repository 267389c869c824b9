package tree

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"sync"

	"golang.org/x/sys/unix"
)

// Hash is the SHA-256 of a file's content.
type Hash [sha256.Size]byte

var chunks = sync.Pool{New: func() any {
	chunk := make([]byte, 128<<10)
	return &chunk
}}

// openFile opens a regular file to read, and never waits for anything else that
// has taken its place.
func openFile(folder int, name string) (fd int, err error) {
	const flags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	err = retry(func() error {
		fd, err = unix.Openat(folder, name, flags|unix.O_NOATIME, 0)
		if errors.Is(err, unix.EPERM) { // not ours
			fd, err = unix.Openat(folder, name, flags, 0)
		}
		return err
	})
	return fd, err
}

// hashFile hashes what a name of a folder holds, which must be the file that
// was looked at.
func hashFile(ctx context.Context, folder int, name string, seen *unix.Stat_t) (Hash, error) {
	fd, err := openFile(folder, name)
	if err != nil {
		return Hash{}, err
	}
	defer unix.Close(fd) //nolint:errcheck // nothing was written to it
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return Hash{}, err
	}
	if stat.Dev != seen.Dev || stat.Ino != seen.Ino || stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return Hash{}, errChanged
	}
	hash, size, err := hashContent(ctx, fd)
	if err == nil && size != seen.Size {
		err = errChanged
	}
	return hash, err
}

func hashContent(ctx context.Context, fd int) (Hash, int64, error) {
	buffer := chunks.Get().(*[]byte)
	defer chunks.Put(buffer)
	digest, size := sha256.New(), int64(0)
	for {
		if ctx.Err() != nil {
			return Hash{}, 0, context.Cause(ctx)
		}
		n, err := 0, error(nil)
		err = retry(func() (err error) {
			n, err = unix.Read(fd, *buffer)
			return err
		})
		if err != nil {
			return Hash{}, 0, err
		}
		if n == 0 {
			return Hash(digest.Sum(nil)), size, nil
		}
		digest.Write((*buffer)[:n])
		size += int64(n)
	}
}

func readLink(folder int, name string) (string, error) {
	for size := 256; ; size *= 4 {
		buffer := make([]byte, size)
		n, err := unix.Readlinkat(folder, name, buffer)
		if err != nil {
			return "", err
		}
		if n < size {
			return string(buffer[:n]), nil
		}
		if size > 1<<20 {
			return "", io.ErrShortBuffer
		}
	}
}
