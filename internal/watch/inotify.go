package watch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/folder"
	"github.com/bkplan/bkplan/internal/journal"
)

// inotify follows a tree by a watch on each of its folders. A folder that comes
// is watched first and read then, so that nothing in it is missed, and is told as
// a subtree. A watch says nothing of files that are changed by a name that lies
// elsewhere, or was gone before one could look: for these, settle looks at the
// times of change of all files.
type inotify struct {
	queue   int
	root    root
	exclude []string
	mounts  mounts
	top     *node
	watches map[int32]*node
	clock   clock
	buffer  []byte
}

const inotifyMask = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO |
	unix.IN_MODIFY | unix.IN_CLOSE_WRITE | unix.IN_ATTRIB | unix.IN_ONLYDIR

// openInotify watches all folders of a tree. Why says why it had to be so.
func openInotify(tree Tree, why error) (source, error) {
	r, err := openRoot(tree.Path)
	if err != nil {
		return nil, err
	}
	r.close()
	queue, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open inotify: %w", err)
	}
	i := &inotify{queue: queue, root: r, exclude: tree.Exclude, watches: map[int32]*node{}, buffer: make([]byte, 1<<18)}
	i.top = &node{name: journal.Whole, watch: unwatched}
	if i.clock, err = readClock(); err == nil {
		i.mounts, err = mountsBelow(r.path)
	}
	if err == nil {
		err = i.add(i.top)
	}
	if err == nil {
		err = i.check()
	}
	if err != nil {
		i.close()
		if why != nil {
			err = fmt.Errorf("%w; and without fanotify because: %w", err, why)
		}
		return nil, err
	}
	return i, nil
}

func (i *inotify) name() string { return "inotify" }
func (i *inotify) fd() int      { return i.queue }
func (i *inotify) close()       { _ = unix.Close(i.queue) }

func (i *inotify) identity() journal.Identity { return i.root.identity }

func (i *inotify) check() error {
	if err := i.root.reopen(); err != nil {
		return err
	}
	i.root.close()
	return i.mounts.check(i.root.path)
}

func (i *inotify) drain(to *recorder) error {
	left, err := unix.IoctlGetInt(i.queue, unix.TIOCINQ)
	if err != nil {
		return fmt.Errorf("count events: %w", err)
	}
	for left > 0 {
		n, err := restart(i.queue, i.buffer)
		if n == 0 || err != nil {
			return err
		}
		left -= n
		for data := i.buffer[:n]; len(data) > 0; {
			e := binary.NativeEndian.Uint32
			watch, mask, length := int32(e(data)), e(data[4:]), e(data[12:])
			name, _, _ := bytes.Cut(data[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+length], []byte{0})
			data = data[unix.SizeofInotifyEvent+length:]
			if err := i.take(watch, mask, string(name), to); err != nil {
				return err
			}
		}
	}
	return nil
}

// take tells what an event means. One of a watch that is gone is below a folder
// that was told as a whole when it came, or when it went.
func (i *inotify) take(watch int32, mask uint32, name string, to *recorder) error {
	switch {
	case mask&unix.IN_Q_OVERFLOW != 0:
		return errOverflow
	case mask&unix.IN_UNMOUNT != 0:
		return errReplaced
	}
	n, known := i.watches[watch]
	switch {
	case !known:
		return nil
	case mask&unix.IN_IGNORED != 0:
		delete(i.watches, watch)
		n.watch = unwatched
		return nil
	case name == "":
		return to.changed(n.path())
	}
	full := below(n.path(), name)
	const comesOrGoes = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO
	if mask&unix.IN_ISDIR == 0 || mask&comesOrGoes == 0 {
		return to.changed(full)
	}
	if err := to.subtree(full); err != nil {
		return err
	}
	// What is there now is what counts. When two folders change places, that one
	// went is told after the other one came to the same name.
	i.drop(n.children[name])
	return i.add(n.child(name))
}

// settle tells of all files that were changed since the last time, by the time
// that the kernel gives each change and nobody can set.
func (i *inotify) settle(to *recorder) error {
	if err := i.mounts.tell(to); err != nil {
		return err
	}
	now, err := readClock()
	if err != nil {
		return err
	}
	before := i.clock
	i.clock = now
	if now.setBack(before) {
		return to.subtree(journal.Whole)
	}
	if err := i.root.reopen(); err != nil {
		return err
	}
	defer i.root.close()
	return folder.Walk(i.root.handle, i.left, func(in int, name string, e folder.Entry) error {
		var stat unix.Stat_t
		err := unix.Fstatat(in, e.Name, &stat, unix.AT_SYMLINK_NOFOLLOW)
		if folder.Vanished(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("stat %q: %w", below(name, e.Name), err)
		}
		if stat.Ctim.Sec < before.wall-slack {
			return nil
		}
		return to.changed(below(name, e.Name))
	})
}

// clock is the kernel's, by which it stamps changes: not that of the plan.
type clock struct {
	wall int64 // seconds
	boot int64 // seconds since the machine started, which nobody can set
}

// slack is how many seconds a stamp may lie behind the clock.
const slack = 2

func readClock() (clock, error) {
	var wall, boot unix.Timespec
	err := errors.Join(unix.ClockGettime(unix.CLOCK_REALTIME, &wall), unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot))
	if err != nil {
		return clock{}, fmt.Errorf("read clock: %w", err)
	}
	return clock{wall.Sec, boot.Sec}, nil
}

// setBack says that the clock was set back by more than the slack makes up for.
func (c clock) setBack(before clock) bool {
	return c.wall-c.boot < before.wall-before.boot-slack/2
}
