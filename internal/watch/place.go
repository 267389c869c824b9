package watch

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/journal"
)

// placeKind is what is known of where a folder lies.
type placeKind int

const (
	placeInside  placeKind = iota
	placeOutside           // of the tree
	placeGone              // nowhere that anybody sees: it was removed
	placeWide              // in the tree, at or below the name, and no more is certain
)

// place is where a folder lies.
type place struct {
	kind placeKind
	name string // in the tree, unless it is outside or gone
	path string // of one that is inside or outside
}

// maxPlaces bounds how many places are remembered.
const maxPlaces = 1 << 16

// places finds folders by their handles, and remembers where they lay. What it
// remembers must be forgotten when the event of a folder's move is worked on,
// and need not be earlier: what happens in the folder before that event is below
// the new name, which the event has compared as a whole.
type places struct {
	known map[handle]place
	link  [unix.PathMax + 1]byte
}

func (p *places) forget() { clear(p.known) }

// attempts is how often a folder that moves while one looks is looked for.
const attempts = 5

func (p *places) find(r *root, h handle) (place, error) {
	if known, ok := p.known[h]; ok {
		return known, nil
	}
	fd, err := openHandle(r, h)
	if errors.Is(err, unix.ESTALE) {
		return place{kind: placeGone}, nil
	}
	if err != nil {
		return place{}, err
	}
	defer func() { _ = unix.Close(fd) }()
	for range attempts {
		at, certain, err := p.look(r, fd)
		if err != nil {
			return place{}, err
		}
		if certain {
			p.remember(h, at)
			return at, nil
		}
	}
	return climb(r, fd)
}

// look asks the kernel for the path of an open folder, and makes sure that the
// path leads to it.
func (p *places) look(r *root, fd int) (at place, certain bool, err error) {
	var stat, found unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return at, false, fmt.Errorf("stat folder: %w", err)
	}
	if stat.Nlink == 0 {
		return place{kind: placeGone}, true, nil
	}
	path, err := p.path(fd)
	if err != nil || !strings.HasPrefix(path, "/") {
		return at, false, nil
	}
	if unix.Lstat(path, &found) != nil || found.Ino != stat.Ino || found.Dev != stat.Dev {
		return at, false, nil
	}
	// A tree that was moved has another path, and all in it too.
	if at, err := p.path(r.handle); err != nil || at != r.path {
		return place{}, false, errReplaced
	}
	at = place{kind: placeOutside, path: path}
	if name, ok := relative(r.path, path); ok {
		at.kind, at.name = placeInside, name
	}
	return at, true, nil
}

func (p *places) remember(h handle, at place) {
	if at.kind != placeInside && at.kind != placeOutside {
		return
	}
	if p.known == nil || len(p.known) >= maxPlaces {
		p.known = map[handle]place{}
	}
	p.known[h] = at
}

func (p *places) path(fd int) (string, error) {
	n, err := unix.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd), p.link[:])
	if err != nil {
		return "", err
	}
	if n == len(p.link) {
		return "", unix.ENAMETOOLONG
	}
	return string(p.link[:n]), nil
}

// climb goes up from a folder whose path is not to be had: too long, hidden below
// a mount, or changing all the time. If it comes by the tree, all of that is to be
// compared.
func climb(r *root, fd int) (place, error) {
	at, err := unix.Dup(fd)
	if err != nil {
		return place{}, fmt.Errorf("climb: %w", err)
	}
	defer func() { _ = unix.Close(at) }()
	var top, here, before unix.Stat_t
	if err := unix.Fstat(r.handle, &top); err != nil {
		return place{}, fmt.Errorf("stat tree: %w", err)
	}
	for {
		if err := unix.Fstat(at, &here); err != nil {
			return place{}, fmt.Errorf("stat folder: %w", err)
		}
		if here.Ino == top.Ino && here.Dev == top.Dev {
			return place{kind: placeWide, name: journal.Whole}, nil
		}
		if here.Ino == before.Ino && here.Dev == before.Dev {
			return place{kind: placeGone}, nil
		}
		up, err := unix.Openat(at, "..", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return place{kind: placeWide, name: journal.Whole}, nil
		}
		_ = unix.Close(at)
		at, before = up, here
	}
}

// handleAttempts is how often a handle is tried, a millisecond apart, whose inode
// is being made.
const handleAttempts = 2000

// openHandle opens a file or folder by its handle; one that is gone is ESTALE. As
// long as its inode is being made into another file, Linux says ENOMEM instead.
func openHandle(r *root, h handle) (fd int, err error) {
	for range handleAttempts {
		fd, err = unix.OpenByHandleAt(r.handle, unix.NewFileHandle(h.kind, []byte(h.id)), unix.O_PATH|unix.O_CLOEXEC)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if !errors.Is(err, unix.ENOMEM) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err != nil {
		return -1, fmt.Errorf("open by handle: %w", err)
	}
	return fd, nil
}
