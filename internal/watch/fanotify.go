package watch

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/folder"
	"github.com/bkplan/bkplan/internal/journal"
)

// fanotify follows a tree by a mark on its whole file system: there is nothing
// to set up for each folder, and nothing that a folder can do before it is
// watched. Events name a folder by its handle; where it lies is asked when the
// event is worked on. That may be somewhere else than where it lay, but then an
// event that tells of the move follows, and brings a subtree.
type fanotify struct {
	group  int
	root   root
	mounts mounts
	places places
	// single are files that had one name, or none, when they changed. If one gets
	// another name before the segment is sealed, there is an event on the file.
	single map[handle]struct{}
	buffer []byte
}

// Events with the handle of the folder and the name in it, and of the file
// itself, which events on a file without a known folder have alone.
const fanotifyFlags = unix.FAN_CLASS_NOTIF | unix.FAN_CLOEXEC | unix.FAN_NONBLOCK |
	unix.FAN_REPORT_FID | unix.FAN_REPORT_DIR_FID | unix.FAN_REPORT_NAME

// A file is modified by each write, and closed after writes through a mapping.
const (
	fanotifyContent = unix.FAN_MODIFY | unix.FAN_CLOSE_WRITE | unix.FAN_ATTRIB
	fanotifyNames   = unix.FAN_CREATE | unix.FAN_DELETE | unix.FAN_MOVED_FROM | unix.FAN_MOVED_TO
	fanotifyMask    = fanotifyContent | fanotifyNames | unix.FAN_ONDIR
)

// openFanotify marks the file system of a tree. With FAN_UNLIMITED_QUEUE events
// that nobody has read yet are lost no earlier than memory ends.
func openFanotify(tree Tree, queue uint) (*fanotify, error) {
	r, err := openRoot(tree.Path)
	if err != nil {
		return nil, err
	}
	defer func() { r.close() }()
	group, err := unix.FanotifyInit(fanotifyFlags|queue, unix.O_RDONLY|unix.O_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open fanotify: %w", err)
	}
	f := &fanotify{group: group, root: r, single: map[handle]struct{}{}, buffer: make([]byte, 1<<18)}
	if err := f.mark(); err != nil {
		f.close()
		return nil, err
	}
	f.root.handle = -1 // closed by r
	return f, nil
}

func (f *fanotify) mark() error {
	err := unix.FanotifyMark(f.group, unix.FAN_MARK_ADD|unix.FAN_MARK_FILESYSTEM, fanotifyMask, f.root.handle, ".")
	if err != nil {
		return fmt.Errorf("mark file system: %w", err)
	}
	// Handles that cannot be opened are of no use: overlayfs has such ones.
	handle, _, err := unix.NameToHandleAt(f.root.handle, "", unix.AT_EMPTY_PATH)
	if err != nil {
		return fmt.Errorf("name tree: %w", err)
	}
	fd, err := unix.OpenByHandleAt(f.root.handle, handle, unix.O_PATH|unix.O_CLOEXEC)
	if err != nil {
		return fmt.Errorf("open tree by its handle: %w", err)
	}
	_ = unix.Close(fd)
	f.mounts, err = mountsBelow(f.root.path)
	return err
}

func (f *fanotify) name() string { return "fanotify" }
func (f *fanotify) fd() int      { return f.group }
func (f *fanotify) close()       { _ = unix.Close(f.group) }

func (f *fanotify) identity() journal.Identity { return f.root.identity }

// check looks whether the mark is still there: an unmounted file system takes it
// along, and the kernel does not say so.
func (f *fanotify) check() error {
	if err := f.root.reopen(); err != nil {
		return err
	}
	f.root.close()
	info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", f.group))
	if err != nil {
		return fmt.Errorf("look at mark: %w", err)
	}
	if !strings.Contains(string(info), "\nfanotify sdev:") {
		return errReplaced
	}
	return f.mounts.check(f.root.path)
}

func (f *fanotify) drain(to *recorder) error {
	// The kernel counts an event as its head, without what follows it.
	queued, err := unix.IoctlGetInt(f.group, unix.TIOCINQ)
	if err != nil {
		return fmt.Errorf("count events: %w", err)
	}
	if queued == 0 {
		return nil
	}
	if err := f.root.reopen(); err != nil {
		return err
	}
	defer f.root.close()
	for left := queued / unix.FAN_EVENT_METADATA_LEN; left > 0; {
		n, err := restart(f.group, f.buffer)
		if n == 0 || err != nil {
			return err
		}
		for data := f.buffer[:n]; len(data) > 0; left-- {
			var e event
			if e, data, err = cutEvent(data); err != nil {
				return err
			}
			if err := f.take(e, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// take tells what an event means.
func (f *fanotify) take(e event, to *recorder) error {
	switch {
	case e.mask&unix.FAN_Q_OVERFLOW != 0:
		return errOverflow
	case e.folder.isZero():
		return f.takeInode(e, 1, to)
	}
	at, err := f.places.find(&f.root, e.folder)
	if err != nil {
		return err
	}
	folder := e.mask&unix.FAN_ONDIR != 0
	if folder && e.mask&(unix.FAN_MOVED_FROM|unix.FAN_MOVED_TO) != 0 {
		f.places.forget()
	}
	switch at.kind {
	case placeGone: // its removal, or that of a folder above it, is told
	case placeWide:
		err = to.subtree(at.name)
	case placeInside:
		name := below(at.name, e.name)
		if folder && e.mask&fanotifyNames != 0 {
			err = to.subtree(name)
		} else {
			err = to.changed(name)
		}
	}
	if err != nil || folder || e.mask&fanotifyContent == 0 {
		return err
	}
	return f.takeInode(e, 2, to)
}

// takeInode has the names of a file looked for if it has at least so many links.
// That is two for one that changed by one of its names. It is one where the event
// does not say by which name: one of them came or went, or somebody reached the
// file by its handle, as an NFS server does.
func (f *fanotify) takeInode(e event, links uint64, to *recorder) error {
	if e.file.isZero() {
		return fmt.Errorf("an event says of no file that %#x happened", e.mask)
	}
	if _, seen := f.single[e.file]; seen && links > 1 {
		return nil
	}
	fd, err := openHandle(&f.root, e.file)
	if errors.Is(err, unix.ESTALE) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return fmt.Errorf("stat file: %w", err)
	}
	if stat.Mode&unix.S_IFMT == unix.S_IFDIR {
		return nil
	}
	if uint64(stat.Nlink) >= links {
		return to.inode(stat.Ino)
	}
	if len(f.single) >= maxPlaces {
		clear(f.single)
	}
	f.single[e.file] = struct{}{}
	return nil
}

// settle finds the names of files that have several.
func (f *fanotify) settle(to *recorder) error {
	clear(f.single)
	if err := f.mounts.tell(to); err != nil {
		return err
	}
	if len(to.inodes) == 0 {
		return nil
	}
	if err := f.root.reopen(); err != nil {
		return err
	}
	defer f.root.close()
	err := f.namesOf(to)
	clear(to.inodes)
	return err
}

// namesOf reads the whole tree, but only folders: a file that changes its name
// meanwhile brings an event of its own.
func (f *fanotify) namesOf(to *recorder) error {
	return folder.Walk(f.root.handle, f.mounts.has, func(_ int, in string, found folder.Entry) error {
		if _, wanted := to.inodes[found.Inode]; !wanted {
			return nil
		}
		return to.changed(below(in, found.Name))
	})
}
