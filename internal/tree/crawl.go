package tree

import (
	"cmp"
	"path"
	"slices"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// folder is one that is worked on, open until all below it is done.
type folder struct {
	parent *folder
	fd     int
	into   int // its counterpart where a tree is copied
	name   string
	path   string
	failed atomic.Bool // something below it is left
	// pending counts what is still to be done in it, its sub-folders among that.
	pending atomic.Int64
}

// worker is what is done to a tree by crawl. Its methods are called from
// several goroutines.
type worker interface {
	// entry does what is to be done to anything but a folder.
	entry(f *folder, name string) error
	// enter opens a sub-folder.
	enter(f *folder, name string) (*folder, error)
	// leave is called when all below a folder is done or has failed; it closes
	// the folder.
	leave(f *folder) error
	// failure is told what went wrong.
	failure(err error)
}

// crawl takes a worker through a tree, in parallel and in no special order.
type crawl struct {
	*pool
	worker worker
}

// folder does all below an open folder; it may return before all is done.
func (c crawl) folder(f *folder) {
	f.pending.Add(1)
	defer c.release(f)
	for !c.ended() {
		p := pieces.Get().(*piece)
		if err := p.read(f.fd); err != nil {
			c.fail(f, pathError("read folder", f.path, err))
			return
		}
		if len(p.entries) == 0 {
			pieces.Put(p)
			return
		}
		f.pending.Add(1)
		if p.full {
			c.try(func() { c.piece(f, p) })
		} else {
			c.piece(f, p)
		}
	}
}

// piece does some of a folder's entries in the order of their inodes, which is
// how a disk has them, and its sub-folders last: then no buffer is held on the
// way down.
func (c crawl) piece(f *folder, p *piece) {
	defer c.release(f)
	slices.SortFunc(p.entries, func(a, b dirent) int { return cmp.Compare(a.ino, b.ino) })
	var folders []string
	for _, d := range p.entries {
		if c.ended() {
			break
		}
		isFolder, err := d.isFolder(f.fd)
		switch {
		case err != nil:
		case isFolder:
			folders = append(folders, string(d.name))
		default:
			err = c.worker.entry(f, string(d.name))
		}
		if err != nil {
			c.fail(f, err)
		}
	}
	pieces.Put(p)
	for _, name := range folders {
		f.pending.Add(1)
		c.try(func() { c.descend(f, name) })
	}
}

func (c crawl) descend(f *folder, name string) {
	defer c.release(f)
	if c.ended() {
		return
	}
	child, err := c.worker.enter(f, name)
	if err != nil {
		c.fail(f, err)
		return
	}
	f.pending.Add(1) // for the child, which gives it back in release
	c.folder(child)
}

// release takes one off what is to be done in a folder, and leaves it, and
// those above it, when that was the last.
func (c crawl) release(f *folder) {
	for f != nil && f.pending.Add(-1) == 0 {
		if err := c.worker.leave(f); err != nil {
			c.fail(f, err)
		}
		if f.parent != nil && f.failed.Load() {
			f.parent.failed.Store(true)
		}
		f = f.parent
	}
}

func (c crawl) fail(f *folder, err error) {
	f.failed.Store(true)
	c.worker.failure(err)
}

// child is a sub-folder that was opened.
func (f *folder) child(name string, fd, into int) *folder {
	return &folder{parent: f, fd: fd, into: into, name: name, path: path.Join(f.path, name)}
}

func (f *folder) close() {
	_ = unix.Close(f.fd)
	if f.into >= 0 {
		_ = unix.Close(f.into)
	}
}
