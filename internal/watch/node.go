package watch

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/folder"
	"github.com/bkplan/bkplan/internal/journal"
)

// node is a folder that inotify watches, as it was when the events so far had
// happened. A folder that moves is dropped where it was and added where it is.
type node struct {
	parent   *node // nil for the tree
	name     string
	watch    int32
	children map[string]*node
}

const unwatched = -1

func (n *node) path() string {
	if n.parent == nil {
		return journal.Whole
	}
	return below(n.parent.path(), n.name)
}

// child makes a node, in the place of one of that name.
func (n *node) child(name string) *node {
	if n.children == nil {
		n.children = map[string]*node{}
	}
	c := &node{parent: n, name: name, watch: unwatched}
	n.children[name] = c
	return c
}

// left says that a folder is not looked into.
func (i *inotify) left(name string) bool {
	return slices.Contains(i.exclude, name) || i.mounts.has(name)
}

// add watches a folder and all below it. What has vanished is no error: its event
// is on the way.
func (i *inotify) add(n *node) error {
	name := n.path()
	if n.parent != nil && i.left(name) {
		delete(n.parent.children, n.name)
		return nil
	}
	fd, err := unix.Open(i.root.path+"/"+name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil && n.parent != nil && folder.Vanished(err) {
		delete(n.parent.children, n.name)
		return nil
	}
	if err != nil {
		return fmt.Errorf("watch %q: %w", name, err)
	}
	defer func() { _ = unix.Close(fd) }()
	// By way of the open folder: the path may lead elsewhere by now.
	watch, err := unix.InotifyAddWatch(i.queue, fmt.Sprintf("/proc/self/fd/%d", fd), inotifyMask)
	if errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("watch %q: there are more folders than fs.inotify.max_user_watches allows", name)
	}
	if err != nil {
		return fmt.Errorf("watch %q: %w", name, err)
	}
	// The kernel has one watch for a folder: one that was found at two names is
	// where it was found last.
	if other := i.watches[int32(watch)]; other != nil {
		other.watch = unwatched
	}
	n.watch = int32(watch)
	i.watches[n.watch] = n
	entries, err := folder.List(fd)
	if err != nil {
		return fmt.Errorf("list %q: %w", name, err)
	}
	for _, e := range entries {
		if !e.Folder {
			continue
		}
		if err := i.add(n.child(e.Name)); err != nil {
			return err
		}
	}
	return nil
}

// drop forgets a folder and all below it; nil is none.
func (i *inotify) drop(n *node) {
	if n == nil {
		return
	}
	for _, c := range n.children {
		i.drop(c)
	}
	delete(n.parent.children, n.name)
	if n.watch == unwatched {
		return
	}
	delete(i.watches, n.watch)
	_, _ = unix.InotifyRmWatch(i.queue, uint32(n.watch)) // gone with the folder, perhaps
}
