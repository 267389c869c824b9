package tree

import (
	"context"
	"errors"
	"path"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Link makes in the empty folder into a copy of the tree from, on the same file
// system: every entry but folders is a hard link, also symbolic links, devices
// and pipes. Folders, and into itself, get the owner, mode, extended attributes
// and time of change of their model; what may not be set is an error if it
// differs. An entry that can have no more links is copied. After an error into
// holds a part of the copy.
func Link(ctx context.Context, from, into string) error {
	root, err := openPair(from, into)
	if err != nil {
		return err
	}
	l := &linker{pool: newPool(ctx)}
	if err := l.begin(root); err != nil {
		root.close()
		l.cancel(err)
		return l.wait()
	}
	crawl{l.pool, l}.folder(root)
	err = l.wait()
	l.copies.close()
	return err
}

// linker is the worker that links; its folders have the copy open as into.
type linker struct {
	*pool
	mount  mount
	into   unix.Stat_t // of the copy's root
	copies copies
}

func openPair(from, into string) (*folder, error) {
	source, err := openRoot(from)
	if err != nil {
		return nil, err
	}
	target, err := openRoot(into)
	if err != nil {
		_ = unix.Close(source)
		return nil, err
	}
	return &folder{fd: source, into: target, path: filepath.Clean(from)}, nil
}

// begin learns where the two roots are, and that the copy's is empty.
func (l *linker) begin(root *folder) error {
	var err error
	if l.mount, _, err = where(root.fd, ""); err != nil {
		return pathError("look at folder", root.path, err)
	}
	if err := unix.Fstat(root.into, &l.into); err != nil {
		return pathError("look at the copy of", root.path, err)
	}
	p := pieces.Get().(*piece)
	defer pieces.Put(p)
	if err := p.read(root.into); err != nil {
		return pathError("read the copy of", root.path, err)
	}
	if len(p.entries) > 0 {
		return pathError("make a copy of", root.path, unix.ENOTEMPTY)
	}
	return nil
}

func (l *linker) entry(f *folder, name string) error {
	err := retry(func() error { return unix.Linkat(f.fd, name, f.into, name, 0) })
	if errors.Is(err, unix.EMLINK) {
		err = l.copies.add(l.ctx, f, name)
	}
	if err != nil {
		return pathError("link", path.Join(f.path, name), err)
	}
	return nil
}

func (l *linker) enter(f *folder, name string) (*folder, error) {
	full := path.Join(f.path, name)
	source, err := openAt(f.fd, name)
	if err != nil {
		return nil, pathError("open folder", full, err)
	}
	target := -1
	err = l.allowed(source)
	if err == nil {
		err = unix.Mkdirat(f.into, name, 0o700)
	}
	if err == nil {
		target, err = openAt(f.into, name)
	}
	if err != nil {
		_ = unix.Close(source)
		return nil, pathError("copy folder", full, err)
	}
	return f.child(name, source, target), nil
}

// allowed refuses another file system, and the copy itself inside of its
// model: that would have no end.
func (l *linker) allowed(fd int) error {
	m, _, err := where(fd, "")
	if err != nil {
		return err
	}
	if m != l.mount {
		return ErrMount
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if stat.Dev == l.into.Dev && stat.Ino == l.into.Ino {
		return errors.New("the copy lies inside of what is copied")
	}
	return nil
}

func (l *linker) leave(f *folder) error {
	defer f.close()
	if f.failed.Load() || l.ended() {
		return nil
	}
	if err := copyMetadata(f.fd, f.into); err != nil {
		return pathError("copy the attributes of", f.path, err)
	}
	return nil
}

func (l *linker) failure(err error) { l.cancel(err) }
