package watch

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/journal"
)

// source is a way to hear of changes in one tree. Every error of it means that
// changes may have been missed: the span is over.
type source interface {
	// name is what it is called.
	name() string
	// identity is that of the directory that is followed.
	identity() journal.Identity
	// fd is readable when there is something to drain.
	fd() int
	// drain tells at least what the kernel had queued when it was called.
	drain(to *recorder) error
	// settle finds out what events alone do not tell, before a segment is sealed.
	settle(to *recorder) error
	// check says whether all that changes in the tree is still heard of.
	check() error
	close()
}

// openSource begins to listen: what changes from then on is heard of.
func openSource(method Method, tree Tree) (source, error) {
	if err := Followable(tree.Path); err != nil {
		return nil, err
	}
	if method == Inotify {
		return openInotify(tree, nil)
	}
	s, err := openFanotify(tree, unix.FAN_UNLIMITED_QUEUE)
	if err == nil || method == Fanotify {
		return s, err
	}
	return openInotify(tree, err)
}

// remote are file systems on which others can change what is there, or that make
// it up, and the kernel does not say so.
var remote = map[int64]string{
	unix.NFS_SUPER_MAGIC: "nfs", unix.SMB_SUPER_MAGIC: "smb", unix.SMB2_SUPER_MAGIC: "smb", unix.CIFS_SUPER_MAGIC: "cifs",
	unix.FUSE_SUPER_MAGIC: "fuse", unix.V9FS_MAGIC: "9p", unix.CEPH_SUPER_MAGIC: "ceph", unix.AFS_SUPER_MAGIC: "afs",
	unix.CODA_SUPER_MAGIC: "coda", unix.OCFS2_SUPER_MAGIC: "ocfs2", 0x01161970: "gfs2",
	unix.PROC_SUPER_MAGIC: "proc", unix.SYSFS_MAGIC: "sysfs",
}

// Followable says why changes in a tree cannot be known by what the kernel of this
// machine says of them: others may change it.
func Followable(path string) error {
	var system unix.Statfs_t
	if err := unix.Statfs(path, &system); err != nil {
		return fmt.Errorf("stat file system: %w", err)
	}
	if name, bad := remote[int64(system.Type)&0xffffffff]; bad {
		return fmt.Errorf("changes on a file system of type %s cannot be followed", name)
	}
	return nil
}

// maxInodes bounds how many files are looked for by inode number.
const maxInodes = 1_000_000

// recorder takes what a source hears of, leaves out what is of no interest, and
// puts the rest into the journal.
type recorder struct {
	writer *journal.Writer
	tree   Tree
	// inodes are files of which not all names are known, and one of them changed.
	inodes map[uint64]struct{}
	dirty  bool // something was told since the last flush
}

func (r *recorder) changed(name string) error {
	if r.excluded(name) {
		return nil
	}
	r.dirty = true
	return r.writer.Name(name)
}

func (r *recorder) subtree(name string) error {
	if r.excluded(name) {
		return nil
	}
	r.dirty = true
	return r.writer.Subtree(name)
}

// excluded says that a name is below an excluded folder. The folder itself may be
// a file tomorrow.
func (r *recorder) excluded(name string) bool {
	for _, folder := range r.tree.Exclude {
		if len(name) > len(folder) && name[len(folder)] == '/' && name[:len(folder)] == folder {
			return true
		}
	}
	return false
}

// inode has all names of a file looked for before the segment is sealed.
func (r *recorder) inode(number uint64) error {
	if len(r.inodes) >= maxInodes {
		return r.subtree(journal.Whole)
	}
	r.inodes[number] = struct{}{}
	return nil
}

// relative is a path below root as a name in the tree.
func relative(root, path string) (string, bool) {
	switch {
	case path == root:
		return journal.Whole, true
	case root == "/":
		return path[1:], true
	case len(path) > len(root) && path[len(root)] == '/' && path[:len(root)] == root:
		return path[len(root)+1:], true
	}
	return "", false
}

// below joins a folder and what is in it, both as names in a tree.
func below(folder, name string) string {
	switch {
	case name == ".":
		return folder
	case folder == journal.Whole:
		return name
	}
	return folder + "/" + name
}

// root is the tree, open for as long as a batch of events is worked on: a watch
// must not keep anybody from unmounting.
type root struct {
	path     string // without links
	identity journal.Identity
	handle   int
}

func openRoot(path string) (root, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return root{}, err
	}
	r := root{path: real, handle: -1}
	if err := r.open(); err != nil {
		return root{}, err
	}
	if r.identity, err = journal.IdentifyFd(r.handle); err != nil {
		r.close()
		return root{}, err
	}
	return r, nil
}

func (r *root) open() error {
	fd, err := unix.Open(r.path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%w: open %q: %w", errReplaced, r.path, err)
	}
	r.handle = fd
	return nil
}

// reopen opens the tree again, and errReplaced says that it is another one.
func (r *root) reopen() error {
	if err := r.open(); err != nil {
		return err
	}
	identity, err := journal.IdentifyFd(r.handle)
	if err == nil && identity != r.identity {
		err = errReplaced
	}
	if err != nil {
		r.close()
	}
	return err
}

func (r *root) close() {
	if r.handle >= 0 {
		_ = unix.Close(r.handle)
	}
	r.handle = -1
}

// restart is unix.Read that is not interrupted by signals. It returns 0 when
// there is nothing to read now.
func restart(fd int, buffer []byte) (int, error) {
	for {
		n, err := unix.Read(fd, buffer)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return 0, nil
		case err != nil:
			return 0, fmt.Errorf("read events: %w", err)
		default:
			return n, nil
		}
	}
}
