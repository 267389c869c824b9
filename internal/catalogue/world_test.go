package catalogue

import (
	"context"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// TestMain makes a property of real trees cheap; -rapid.checks=5000 is thorough.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "30"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// names are few, and those that somebody stumbles over: things happen to the same ones
// again and again. Some sort differently by bytes than by folders.
var names = []string{"a", "b", "a-", "a.d", "two\nlines", "not\xffutf8", "-rf", strings.Repeat("n", 255)}

// seen is what a look at an entry tells, ctime included.
type seen struct {
	Mode                   fs.FileMode
	UID, GID               uint32
	Links, Inode           uint64
	Size                   int64
	Modified, Changed, Dev int64
}

// snapshot looks at all of a tree, by other means than a walk.
func snapshot(root string) map[string]seen {
	found := map[string]seen{}
	err := filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(at)
		if err != nil {
			return err
		}
		s := info.Sys().(*syscall.Stat_t)
		name := "."
		if at != root {
			name = at[len(root)+1:]
		}
		found[name] = seen{info.Mode(), s.Uid, s.Gid, s.Nlink, s.Ino, info.Size(), s.Mtim.Nano(), s.Ctim.Nano(), int64(s.Rdev)}
		return nil
	})
	if err != nil {
		panic(err)
	}
	return found
}

// tester is what testing and rapid have in common.
type tester interface {
	Fatal(...any)
	Fatalf(string, ...any)
	Cleanup(func())
}

// world is a tree with a mirror of it, which a sync changes as rsync would.
type world struct {
	t             tester
	draw          *rapid.T // nil where nothing is drawn
	tree, outside string
	store         Store
	mirror        map[string]seen
	// told is what a change journal would tell since the last sync; lost says that it
	// has a gap.
	names, subtrees []string
	lost            bool
	last            Sync
	syncs           int
}

func newWorld(t tester) *world {
	root, err := os.MkdirTemp("", "catalogue-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	w := &world{t: t, tree: root + "/tree", outside: root + "/outside", mirror: map[string]seen{}, lost: true, store: Store{root + "/state", "host"}}
	for _, dir := range []string{w.tree, w.outside} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w.draw, _ = t.(*rapid.T)
	return w
}

func (w *world) path(label string) string {
	return path.Join(rapid.SliceOfN(rapid.SampledFrom(names), 1, 3).Draw(w.draw, label)...)
}

func (w *world) at(name string) string { return filepath.Join(w.tree, name) }

func isFolder(at string) bool {
	info, err := os.Lstat(at)
	return err == nil && info.IsDir()
}

func (w *world) tell(name string, folder bool) {
	if folder {
		w.subtrees = append(w.subtrees, name)
	} else {
		w.names = append(w.names, name)
	}
}

// tick waits until the kernel stamps files with a later time.
func (w *world) tick() {
	at := w.outside + "/.tick"
	var first, now unix.Stat_t
	_ = os.WriteFile(at, nil, 0o600)
	_ = unix.Stat(at, &first)
	for now.Ctim.Nano() <= first.Ctim.Nano() {
		_ = os.Chmod(at, 0o600)
		_ = unix.Stat(at, &now)
	}
}

// step does one thing to the tree, and tells of it.
func (w *world) step() {
	name, to := w.path("name"), w.path("to")
	was, there := isFolder(w.at(name)), isFolder(w.at(to))
	beside := filepath.Join(w.outside, rapid.SampledFrom(names[:3]).Draw(w.draw, "beside"))
	switch rapid.IntRange(0, 13).Draw(w.draw, "what") {
	case 0, 1:
		if os.WriteFile(w.at(name), []byte(rapid.StringN(0, 3, 3).Draw(w.draw, "text")), 0o600) == nil {
			w.everyName(name)
		}
	case 2: // other content of the same size, with the time set back
		info, err := os.Lstat(w.at(name))
		if err == nil && info.Mode().IsRegular() && os.WriteFile(w.at(name), make([]byte, info.Size()), 0o600) == nil {
			_ = os.Chtimes(w.at(name), info.ModTime(), info.ModTime())
			w.everyName(name)
		}
	case 3, 4:
		for dir := path.Dir(name); os.MkdirAll(w.at(name), 0o755) == nil && dir != "."; dir = path.Dir(dir) {
			w.tell(dir, true)
		}
		w.tell(name, true)
	case 5, 6:
		if os.Rename(w.at(name), w.at(to)) == nil {
			w.tell(name, was)
			w.tell(to, was || there)
		}
	case 7:
		if os.RemoveAll(w.at(name)) == nil {
			w.tell(name, was)
		}
	case 8:
		if os.Link(w.at(name), w.at(to)) == nil {
			w.everyName(to)
		}
	case 9:
		if os.Symlink(rapid.SampledFrom([]string{"a", "..", "/etc"}).Draw(w.draw, "target"), w.at(name)) == nil {
			w.tell(name, false)
		}
	case 10:
		if info, err := os.Lstat(w.at(name)); err == nil && info.Mode()&fs.ModeSymlink == 0 {
			_ = os.Chmod(w.at(name), fs.FileMode(rapid.IntRange(0o700, 0o777).Draw(w.draw, "mode")))
			w.everyName(name)
		}
	case 11:
		if os.Lchown(w.at(name), rapid.IntRange(0, 3).Draw(w.draw, "owner"), -1) == nil {
			w.everyName(name)
		}
	case 12:
		if os.Rename(w.at(name), beside) == nil {
			w.tell(name, was)
		}
	case 13:
		if isBack := isFolder(beside); os.Rename(beside, w.at(name)) == nil {
			w.tell(name, isBack || was)
		}
	}
}

// everyName tells of all names of a file, as a journal does.
func (w *world) everyName(name string) {
	w.tell(name, false)
	info, err := os.Lstat(w.at(name))
	if err != nil || info.IsDir() || info.Sys().(*syscall.Stat_t).Nlink == 1 {
		return
	}
	for other, s := range snapshot(w.tree) {
		if s.Inode == info.Sys().(*syscall.Stat_t).Ino {
			w.tell(other, false)
		}
	}
}

func (w *world) steps(most int) {
	for range rapid.IntRange(0, most).Draw(w.draw, "steps") {
		w.step()
	}
}

// next is the sync that begins now: late enough for everything to be believed.
func (w *world) next() Sync {
	w.syncs++
	w.tick()
	return Sync{Layer: "nfs", Tree: w.tree, Mount: "/", Started: time.Date(2100, 1, 1, 0, 0, w.syncs, 0, time.UTC)}
}

// gone removes a name from the mirror, with all below it.
func (w *world) gone(name string, d *deleted) {
	was, known := w.mirror[name]
	if !known {
		return
	}
	for other := range w.mirror {
		if other == name || name == root || strings.HasPrefix(other, name+"/") {
			delete(w.mirror, other)
		}
	}
	if was.Mode.IsDir() {
		d.folders = append(d.folders, name)
	} else {
		d.names = append(d.names, name)
	}
}

// deleted is what rsync says it has deleted.
type deleted struct{ names, folders []string }

func union(a, b map[string]seen) map[string]seen {
	both := maps.Clone(a)
	maps.Copy(both, b)
	return both
}

// send does what rsync does of a selection: a name as it is, with the folder that it
// lies in; what lies directly in a folder; all of a subtree.
func (w *world) send(found Differences) (d deleted) {
	tree := snapshot(w.tree)
	one := func(name string) {
		s, there := tree[name]
		if !there || w.mirror[name].Mode.Type() != s.Mode.Type() {
			w.gone(name, &d)
		}
		if there {
			w.mirror[name] = s
		}
	}
	all := slices.Sorted(maps.Keys(union(tree, w.mirror)))
	each := func(chosen func(name string) bool) {
		for _, name := range all {
			if chosen(name) {
				one(name)
			}
		}
	}
	for _, n := range found.Names {
		each(func(name string) bool { return name == root || name == n || strings.HasPrefix(n, name+"/") })
		one(n)
	}
	for _, n := range found.Folders {
		each(func(name string) bool { return name == n || name != root && path.Dir(name) == n })
	}
	for _, n := range found.Subtrees {
		each(func(name string) bool { return within(name, n) })
	}
	return d
}

// sync syncs in one of the ways there are; what happens meanwhile, and whether it is
// cut off, is drawn.
func (w *world) sync(quiet bool) {
	next := w.next()
	steps := func() {
		if !quiet {
			w.steps(4)
		}
	}
	var found Differences
	var c *Catalogue
	var err error
	names, subtrees := w.names, w.subtrees
	byJournal := !w.lost && !quiet && rapid.Bool().Draw(w.draw, "by journal")
	w.names, w.subtrees = nil, nil
	if steps(); byJournal {
		c, err = w.store.Continue(context.Background(), w.last, next, names, subtrees)
		found = Differences{Names: names, Subtrees: subtrees}
	} else {
		found, c, err = w.store.Compare(context.Background(), w.last, next)
	}
	if err != nil || c == nil {
		w.t.Fatalf("%v, %v, %+v", err, c, found)
	}
	full := found.Why != "" || !quiet && !byJournal && rapid.IntRange(0, 5).Draw(w.draw, "full") == 0
	if w.last.Started.IsZero() != (found.Why != "") && !byJournal {
		w.t.Fatalf("everything is compared: %q", found.Why)
	}
	if full {
		found = Differences{Subtrees: []string{root}}
	}
	steps()
	cut := !quiet && rapid.IntRange(0, 3).Draw(w.draw, "cut") == 0
	if cut { // nobody is told what was deleted
		w.send(found)
		steps()
	}
	if cut && rapid.Bool().Draw(w.draw, "failed") {
		w.names, w.subtrees = append(names, w.names...), append(subtrees, w.subtrees...)
		return
	}
	d := w.send(found)
	steps()
	if err := c.Keep(d.names, d.folders, cut); err != nil {
		w.t.Fatal(err)
	}
	w.last, w.lost = next, false
}
