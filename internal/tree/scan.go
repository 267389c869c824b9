package tree

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const (
	// batchSize is how many entries are looked at in one task.
	batchSize = 64
	// queueSize is how many batches may wait for the one before them.
	queueSize = 64
	// largeFile is how many bytes make a file worth a task of its own.
	largeFile = 1 << 20
)

// scan walks a tree and tells its entries in the order of Compare, while several
// goroutines look at them and read them.
type scan struct {
	*pool
	data     bool // read and hash files
	cache    *HashCache
	previous *Reader // hashes of the previous tree; may be nil
	ahead    Entry   // the next of previous
	mount    mount
	queue    chan *batch
}

// item is an entry of a tree with what is known of it, or an error.
type item struct {
	Entry
	number uint64 // inode
	names  uint64 // its hard links
	same   bool   // it is a hard link to the entry of the previous tree
	err    error
	known  *Entry // of the previous manifest
	folder bool   // the folder that holds it called it one
}

// batch is some entries of one folder.
type batch struct {
	in    *shared
	items []item
	work  sync.WaitGroup
}

var itemPool = sync.Pool{New: func() any {
	items := make([]item, 0, batchSize)
	return &items
}}

func newItems() []item { return *itemPool.Get().(*[]item) }

// recycle gives back what no task looks at any more.
func recycle(items []item) {
	clear(items)
	items = items[:0]
	itemPool.Put(&items)
}

// shared is a folder that several batches and the walk have open. previous is
// its counterpart, or -1.
type shared struct {
	fd, previous int
	path         string
	users        atomic.Int64
}

func (s *shared) release() {
	if s.users.Add(-1) > 0 {
		return
	}
	_ = unix.Close(s.fd)
	if s.previous >= 0 {
		_ = unix.Close(s.previous)
	}
}

// run tells all entries below two roots (the second may be -1, and both are
// closed) to emit, one after the other. An item with an error may stand for a
// folder that was told before and could not be listed.
func (s *scan) run(root, previous int, emit func(*item) error) error {
	s.queue = make(chan *batch, queueSize)
	top := &shared{fd: root, previous: previous, path: RootPath}
	top.users.Add(1)
	var walk sync.WaitGroup
	walk.Go(func() {
		defer close(s.queue)
		s.begin(top)
	})
	for b := range s.queue {
		b.work.Wait()
		for i := range b.items {
			if s.ended() {
				break
			}
			if err := emit(&b.items[i]); err != nil {
				s.cancel(err)
			}
		}
		b.in.release()
		recycle(b.items)
	}
	walk.Wait()
	return s.wait()
}

func (s *scan) begin(top *shared) {
	m, _, err := where(top.fd, "")
	if err != nil {
		s.cancel(pathError("look at folder", RootPath, err))
	}
	s.mount = m
	known := s.find(RootPath)
	s.flush(top, append(newItems(), item{Entry: Entry{Path: RootPath}, known: known, folder: true}))
	s.folder(top)
	top.release()
}

// folder walks through one folder and those in it.
func (s *scan) folder(f *shared) {
	names, err := listSorted(f.fd)
	if err != nil {
		s.broken(f, f.path, err)
		return
	}
	items := newItems()
	for i := range names.refs {
		if s.ended() {
			return
		}
		name, kind := names.at(i)
		full := name
		if f.path != RootPath {
			full = f.path + "/" + name
		}
		isFolder := kind == unix.DT_DIR
		if kind == unix.DT_UNKNOWN {
			isFolder, _ = dirent{name: []byte(name)}.isFolder(f.fd)
		}
		known := s.find(full)
		items = append(items, item{Entry: Entry{Path: full}, known: known, folder: isFolder})
		if isFolder || len(items) == batchSize {
			s.flush(f, items)
			items = newItems()
		}
		if isFolder {
			s.descend(f, full[len(full)-len(name):], full)
		}
	}
	s.flush(f, items)
}

func (s *scan) descend(f *shared, name, full string) {
	fd, err := openAt(f.fd, name)
	if err != nil {
		s.broken(f, full, err)
		return
	}
	child := &shared{fd: fd, previous: -1, path: full}
	child.users.Add(1)
	defer child.release()
	if m, _, err := where(fd, ""); err != nil || m != s.mount {
		s.broken(f, full, cmp.Or(err, ErrMount))
		return
	}
	if f.previous >= 0 {
		if previous, err := openAt(f.previous, name); err == nil {
			child.previous = previous
		}
	}
	s.folder(child)
}

// broken tells of a folder that cannot be listed.
func (s *scan) broken(f *shared, full string, err error) {
	f.users.Add(1)
	s.queue <- &batch{in: f, items: append(newItems(), item{Entry: Entry{Path: full}, err: err})}
}

// find takes the previous manifest forward to a path.
func (s *scan) find(path string) *Entry {
	for s.previous != nil {
		switch order := Compare(s.ahead.Path, path); {
		case s.ahead.Path != "" && order > 0:
			return nil
		case s.ahead.Path != "" && order == 0:
			found := s.ahead
			return &found
		}
		var err error
		s.ahead, err = s.previous.Next()
		if err != nil {
			s.previous = nil
			if !isEnd(err) {
				s.cancel(err)
			}
		}
	}
	return nil
}

// flush has a batch looked at.
func (s *scan) flush(f *shared, items []item) {
	if len(items) == 0 || s.ended() {
		recycle(items)
		return
	}
	b := &batch{in: f, items: items}
	f.users.Add(1)
	b.work.Add(1)
	s.queue <- b
	s.start(func() {
		defer b.work.Done()
		for i := range b.items {
			if s.ended() {
				return
			}
			s.look(b, &b.items[i])
		}
	})
}

// look learns what an entry is.
func (s *scan) look(b *batch, i *item) {
	name := i.Path[strings.LastIndexByte(i.Path, '/')+1:]
	var stat unix.Stat_t
	if i.err = statAt(b.in.fd, name, &stat); i.err != nil {
		return
	}
	i.fill(&stat)
	i.number, i.names = stat.Ino, uint64(stat.Nlink)
	switch {
	case i.folder != (i.Type == Folder):
		i.err = errChanged
	case i.Type == Symlink:
		i.Target, i.err = readLink(b.in.fd, name)
	case i.Type == File:
		s.content(b, i, name, &stat)
	}
}

// content learns the hash of a file: from the previous manifest if it is the
// same file and was not touched since, else by reading it.
func (s *scan) content(b *batch, i *item, name string, stat *unix.Stat_t) {
	i.same = isSame(b.in.previous, name, stat)
	if !s.data {
		return
	}
	if k := i.known; i.same && k != nil && k.Type == File && k.Size == i.Size && k.ModTime.Equal(i.ModTime) {
		i.Hash = k.Hash
		return
	}
	read := func() {
		i.Hash, i.err = s.cache.get(inode{stat.Dev, stat.Ino}, i.names, func() (Hash, error) {
			return hashFile(s.ctx, b.in.fd, name, stat)
		})
	}
	if stat.Size < largeFile {
		read()
		return
	}
	b.work.Add(1)
	s.try(func() {
		defer b.work.Done()
		read()
	})
}

// isSame says whether a folder has the very same file by that name.
func isSame(folder int, name string, file *unix.Stat_t) bool {
	if folder < 0 {
		return false
	}
	var stat unix.Stat_t
	return statAt(folder, name, &stat) == nil && stat.Dev == file.Dev && stat.Ino == file.Ino
}

// names is the content of a folder, packed, as there may be millions.
type names struct {
	bytes []byte
	refs  []nameRef
}

type nameRef struct {
	start  uint32
	length uint16
	kind   uint8
}

func (n *names) at(i int) (string, uint8) {
	r := n.refs[i]
	return string(n.slice(r)), r.kind
}

func (n *names) slice(r nameRef) []byte { return n.bytes[r.start : r.start+uint32(r.length)] }

// listSorted reads a folder and sorts it by the bytes of its names.
func listSorted(fd int) (*names, error) {
	p := pieces.Get().(*piece)
	defer pieces.Put(p)
	n := &names{}
	for {
		if err := p.read(fd); err != nil {
			return nil, err
		}
		if len(p.entries) == 0 {
			break
		}
		for _, d := range p.entries {
			if len(n.bytes)+len(d.name) > 1<<32-1 {
				return nil, unix.EOVERFLOW
			}
			n.refs = append(n.refs, nameRef{uint32(len(n.bytes)), uint16(len(d.name)), d.kind})
			n.bytes = append(n.bytes, d.name...)
		}
	}
	slices.SortFunc(n.refs, func(a, b nameRef) int { return slices.Compare(n.slice(a), n.slice(b)) })
	return n, nil
}

// newScan makes a scan whose run must be called.
func newScan(ctx context.Context, data bool, cache *HashCache) *scan {
	return &scan{pool: newPool(ctx), data: data, cache: cache}
}

// openPrevious opens the root of a tree to compare with; -1 is none.
func openPrevious(path string) (int, error) {
	if path == "" {
		return -1, nil
	}
	return openRoot(filepath.Clean(path))
}

// isGone says whether an entry vanished.
func isGone(err error) bool { return errors.Is(err, unix.ENOENT) }
