package tree

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// Remove unlinks a tree, in parallel; links in it are unlinked, never followed.
// A folder of ours that forbids writing is made writable first. What is not
// there is no error. Where something cannot be removed, the rest is, and the
// error names the first and counts the others; what is mounted inside the tree
// is an ErrMount, and nothing below it is touched.
func Remove(ctx context.Context, root string) error {
	clean := filepath.Clean(root)
	parent, err := unix.Open(filepath.Dir(clean), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return pathError("open folder", filepath.Dir(clean), err)
	}
	defer unix.Close(parent) //nolint:errcheck // nothing was written to it
	name := filepath.Base(clean)
	if name == "." || name == ".." || name == "/" {
		return pathError("remove", root, unix.EINVAL)
	}
	return removeAt(ctx, parent, name, clean)
}

func removeAt(ctx context.Context, parent int, name, full string) error {
	top, _, err := where(parent, "")
	if err != nil {
		return pathError("look at folder", filepath.Dir(full), err)
	}
	r := &remover{pool: newPool(ctx), mount: top}
	above := &folder{fd: parent, into: -1, path: filepath.Dir(full)}
	err = r.top(above, name)
	return errors.Join(r.wait(), err, r.result())
}

// remover is the worker that unlinks.
type remover struct {
	*pool
	mount mount

	mutex sync.Mutex
	first error
	count int
}

func (r *remover) top(above *folder, name string) error {
	var stat unix.Stat_t
	err := statAt(above.fd, name, &stat)
	switch {
	case errors.Is(err, unix.ENOENT) || r.ended():
		return nil
	case err != nil:
		return pathError("look at", path.Join(above.path, name), err)
	case stat.Mode&unix.S_IFMT != unix.S_IFDIR:
		return r.entry(above, name)
	}
	child, err := r.enter(above, name)
	if err != nil {
		return err
	}
	above.pending.Add(2) // never 0: it is not ours to leave
	crawl{r.pool, r}.folder(child)
	return nil
}

func (r *remover) entry(f *folder, name string) error {
	return unlink(f, name, 0)
}

func unlink(f *folder, name string, flags int) error {
	err := retry(func() error { return unix.Unlinkat(f.fd, name, flags) })
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	return pathError("remove", path.Join(f.path, name), err)
}

func (r *remover) enter(f *folder, name string) (*folder, error) {
	full := path.Join(f.path, name)
	m, mode, err := where(f.fd, name)
	if err == nil && m != r.mount {
		return nil, pathError("remove", full, ErrMount)
	}
	if err == nil && mode&0o700 != 0o700 {
		err = makeWritable(f.fd, name, mode)
	}
	var fd int
	if err == nil {
		fd, err = openAt(f.fd, name)
	}
	if err != nil {
		return nil, pathError("open folder", full, err)
	}
	if m, _, err = where(fd, ""); err != nil || m != r.mount {
		_ = unix.Close(fd)
		return nil, pathError("remove", full, errors.Join(err, ErrMount))
	}
	return f.child(name, fd, -1), nil
}

// makeWritable lets the owner of a folder change it. Who is not the owner may
// still be allowed to: that shows when it is tried.
func makeWritable(parent int, name string, mode uint16) error {
	fd, err := unix.Openat(parent, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd) //nolint:errcheck // nothing was written to it
	err = unix.Chmod(descriptorPath(fd), uint32(mode&0o7777|0o700))
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EROFS) {
		return nil
	}
	return err
}

// descriptorPath is a path to what a descriptor has open, for calls that take
// none opened with O_PATH.
func descriptorPath(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// leave removes an emptied folder. A file system that moves entries about while
// others are removed may have hidden some from the listing: then it is listed
// again.
func (r *remover) leave(f *folder) error {
	defer f.close()
	if f.failed.Load() || r.ended() {
		return nil
	}
	err := unlink(f.parent, f.name, unix.AT_REMOVEDIR)
	for range 3 {
		if !errors.Is(err, unix.ENOTEMPTY) {
			break
		}
		if err = r.again(f); err == nil {
			err = unlink(f.parent, f.name, unix.AT_REMOVEDIR)
		}
	}
	return err
}

// again removes what is left in a folder, one after the other.
func (r *remover) again(f *folder) error {
	if _, err := unix.Seek(f.fd, 0, unix.SEEK_SET); err != nil {
		return pathError("read folder", f.path, err)
	}
	p := pieces.Get().(*piece)
	defer pieces.Put(p)
	for {
		if err := p.read(f.fd); err != nil || len(p.entries) == 0 {
			return err
		}
		for _, d := range p.entries {
			if err := r.entry(f, string(d.name)); err != nil {
				return err
			}
		}
	}
}

func (r *remover) failure(err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.first == nil {
		r.first = err
	}
	r.count++
}

func (r *remover) result() error {
	if r.count > 1 {
		return fmt.Errorf("%w, and %d more", r.first, r.count-1)
	}
	return r.first
}

func pathError(verb, path string, err error) error {
	return fmt.Errorf("%s %q: %w", verb, path, err)
}
