package tree

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"golang.org/x/sys/unix"
)

// Reset gives what lies in a tree the owners, modes and times that a manifest has,
// and makes the device nodes, pipes and sockets in it that are missing. It is for a copy
// that came from where these could not be kept. Contents are not looked at, and what the
// manifest does not have stays; an entry that is missing, or of another type, is left to
// Check. What this process may not set is an error, after all the rest.
func Reset(ctx context.Context, root string, manifest io.Reader) error {
	m, err := NewReader(manifest)
	if err != nil {
		return pathError("read the manifest of", root, err)
	}
	top, err := openRoot(root)
	if err != nil {
		return err
	}
	r := &resetter{top: top, in: -1}
	defer r.close()
	for {
		e, err := m.Next()
		switch {
		case isEnd(err):
			return r.finish(root)
		case err != nil:
			return pathError("read the manifest of", root, err)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		if err := r.entry(&e); err != nil {
			r.failed++
			r.first = cmp.Or(r.first, pathError("reset", root+"/"+e.Path, err))
		}
	}
}

// resetter goes through a manifest with the folder open that its entries are in.
type resetter struct {
	top, in int // descriptors; in is -1 where no folder is open
	folder  string
	times   []folderTime
	failed  int
	first   error
}

// folderTime is set at the end, for what is made in a folder changes its time.
type folderTime struct {
	path string
	at   time.Time
}

func (r *resetter) close() {
	_ = unix.Close(r.top)
	r.leave()
}

func (r *resetter) leave() {
	if r.in >= 0 {
		_ = unix.Close(r.in)
	}
	r.in = -1
}

// beneath keeps a path from leading out of the tree, or through a link.
const beneath = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV

func (r *resetter) open(at int, name string, flags uint64) (int, error) {
	return unix.Openat2(at, name, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC | unix.O_NOFOLLOW | flags, Resolve: beneath})
}

// entry resets one entry.
func (r *resetter) entry(e *Entry) error {
	if e.Path == RootPath {
		r.times = append(r.times, folderTime{RootPath, e.ModTime})
		return own(r.top, e)
	}
	if folder := parent(e.Path); r.in < 0 || folder != r.folder {
		r.leave()
		in, err := r.open(r.top, folder, unix.O_DIRECTORY)
		if err != nil {
			return ignoreGone(err)
		}
		r.in, r.folder = in, folder
	}
	name := path.Base(e.Path)
	if err := r.make(name, e); err != nil {
		return err
	}
	fd, err := r.open(r.in, name, 0)
	if err != nil {
		return ignoreGone(err)
	}
	defer func() { _ = unix.Close(fd) }() // it was only looked at
	if e.Type == Folder {
		r.times = append(r.times, folderTime{e.Path, e.ModTime})
		return own(fd, e)
	}
	return errors.Join(own(fd, e), unix.UtimesNanoAt(r.in, name, modified(e.ModTime), unix.AT_SYMLINK_NOFOLLOW))
}

// ignoreGone leaves what is not there, or is a link now, to Check.
func ignoreGone(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	return err
}

func modified(at time.Time) []unix.Timespec {
	return []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(at.UnixNano())}
}

// own sets the owner and the mode of what a descriptor is of.
func own(fd int, e *Entry) error {
	var have Entry
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if have.fill(&stat); have.Type != e.Type {
		return nil
	}
	if have.UID != e.UID || have.GID != e.GID {
		if err := unix.Fchownat(fd, "", int(e.UID), int(e.GID), unix.AT_EMPTY_PATH); err != nil {
			return err
		}
	}
	if e.Type == Symlink {
		return nil
	}
	return unix.Chmod(descriptorPath(fd), e.Mode) // a change of owner may have taken bits of it
}

// make makes what could not be kept where the copy came from.
func (r *resetter) make(name string, e *Entry) error {
	kind, made := map[Type]uint32{
		BlockDevice: unix.S_IFBLK, CharDevice: unix.S_IFCHR, Pipe: unix.S_IFIFO, Socket: unix.S_IFSOCK,
	}[e.Type]
	if !made {
		return nil
	}
	err := unix.Mknodat(r.in, name, kind|0o600, int(unix.Mkdev(e.Major, e.Minor)))
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

// finish sets the times of folders, the inner ones first.
func (r *resetter) finish(root string) error {
	for i := len(r.times) - 1; i >= 0; i-- {
		f := r.times[i]
		fd, err := r.open(r.top, f.path, unix.O_DIRECTORY)
		if err == nil {
			err = unix.UtimesNanoAt(unix.AT_FDCWD, descriptorPath(fd), modified(f.at), 0)
			_ = unix.Close(fd)
		}
		if err = ignoreGone(err); err != nil {
			r.failed++
			r.first = cmp.Or(r.first, pathError("reset", root+"/"+f.path, err))
		}
	}
	if r.failed > 1 {
		return fmt.Errorf("%w; and %d more", r.first, r.failed-1)
	}
	return r.first
}
