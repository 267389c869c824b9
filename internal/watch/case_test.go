package watch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/journal"
	"github.com/bkplan/bkplan/internal/storm"
)

// must is for what cannot fail in a test.
func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (w *world) in(name string) string  { return filepath.Join(w.tree, name) }
func (w *world) out(name string) string { return filepath.Join(w.outside, name) }

func (w *world) put(path, text string) {
	w.t.Helper()
	must(w.t, os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600))
}

// cases are changes that are easily missed: before is there when the last sync
// ends, then happens after it. Want is what must be told, among others; a name
// that ends in a slash is a subtree.
var cases = map[string]struct {
	before, then func(w *world)
	want         []string
}{
	"a file is written": {
		func(w *world) { w.put(w.in("d/f"), "1") }, func(w *world) { w.put(w.in("d/f"), "2") }, []string{"d/f"},
	},
	"a mode changes": {
		func(w *world) { w.put(w.in("d/f"), "1") },
		func(w *world) { must(w.t, os.Chmod(w.in("d/f"), 0o644), os.Chmod(w.in("d"), 0o755)) }, []string{"d", "d/f"},
	},
	"the tree's own mode changes": {
		func(*world) {}, func(w *world) { must(w.t, os.Chmod(w.tree, 0o755)) }, []string{"."},
	},
	"a file with two names is written": {
		func(w *world) { w.put(w.in("d/f"), "1"); must(w.t, os.Link(w.in("d/f"), w.in("g"))) },
		func(w *world) { w.put(w.in("d/f"), "2") }, []string{"d/f", "g"},
	},
	"a file with a name outside is written there": {
		func(w *world) { w.put(w.in("d/f"), "1"); must(w.t, os.Link(w.in("d/f"), w.out("g"))) },
		func(w *world) { w.put(w.out("g"), "2") }, []string{"d/f"},
	},
	"a link is made, written through and removed": {
		func(w *world) { w.put(w.in("d/f"), "1") },
		func(w *world) {
			must(w.t, os.Link(w.in("d/f"), w.in("g")))
			w.put(w.in("g"), "2")
			must(w.t, os.Remove(w.in("g")))
		}, []string{"d/f"},
	},
	"a folder moves in": {
		func(w *world) { w.put(w.out("d/e/f"), "1") },
		func(w *world) { must(w.t, os.Rename(w.out("d"), w.in("d"))) }, []string{"d/"},
	},
	"a folder moves out, and changes there": {
		func(w *world) { w.put(w.in("d/e/f"), "1") },
		func(w *world) { must(w.t, os.Rename(w.in("d"), w.out("d"))); w.put(w.out("d/e/f"), "2") }, []string{"d/"},
	},
	"a folder moves, and a file in it is written": {
		func(w *world) { w.put(w.in("a/b/f"), "1") },
		func(w *world) {
			w.put(w.in("a/b/f"), "2")
			must(w.t, os.Rename(w.in("a"), w.in("c")))
			w.put(w.in("c/b/f"), "3")
		}, []string{"a/", "c/"},
	},
	"folders change places": {
		func(w *world) { w.put(w.in("a/f"), "1"); w.put(w.in("b/g"), "1") },
		func(w *world) {
			must(w.t, unix.Renameat2(unix.AT_FDCWD, w.in("a"), unix.AT_FDCWD, w.in("b"), unix.RENAME_EXCHANGE))
		}, []string{"a/", "b/"},
	},
	"folders at speed": {
		func(*world) {}, func(w *world) { w.put(w.in("a/b/c/d/e/f/g"), "1") }, []string{"a/"},
	},
	"a folder is made anew": {
		func(w *world) { w.put(w.in("d/e/f"), "1") },
		func(w *world) { must(w.t, os.RemoveAll(w.in("d")), os.Mkdir(w.in("d"), 0o700)) }, []string{"d/"},
	},
	"a file becomes a folder": {
		func(w *world) { w.put(w.in("d"), "1") },
		func(w *world) { must(w.t, os.Remove(w.in("d"))); w.put(w.in("d/f"), "2") }, []string{"d/"},
	},
	"a folder becomes a file": {
		func(w *world) { w.put(w.in("d/f"), "1") },
		func(w *world) { must(w.t, os.RemoveAll(w.in("d"))); w.put(w.in("d"), "2") }, []string{"d/"},
	},
	"names of any bytes": {
		func(w *world) { w.put(w.in("two\nlines/x"), "1") },
		func(w *world) { w.put(w.in("two\nlines/not\xffutf8"), "1"); w.put(w.in(strings.Repeat("n", 255)), "1") },
		[]string{"two\nlines/not\xffutf8", strings.Repeat("n", 255)},
	},
	"written by a mapping": {
		func(w *world) { w.put(w.in("d/f"), "1") }, func(w *world) { storm.Mapped(w.in("d/f"), 'x') }, []string{"d/f"},
	},
	"a pipe and a link": {
		func(w *world) { w.put(w.in("d/f"), "1") },
		func(w *world) { must(w.t, syscall.Mkfifo(w.in("d/p"), 0o600), os.Symlink("nowhere", w.in("l"))) }, []string{"d/p", "l"},
	},
}

func TestCases(t *testing.T) {
	for _, method := range []Method{Fanotify, Inotify} {
		for name, test := range cases {
			t.Run([]string{"", "fanotify", "inotify"}[method]+"/"+name, func(t *testing.T) {
				w := newWorld(t, method, "here")
				test.before(w)
				w.start()
				w.sync()
				if changes, reason := w.sync(); reason != "" || len(changes.Subtrees) > 0 {
					t.Errorf("nothing happened, and there is %v, %s", changes, reason)
				}
				test.then(w)
				changes, reason := w.sync()
				if reason != "" {
					t.Fatalf("the journal is of no use: %s", reason)
				}
				for _, name := range test.want {
					subtree, whole := strings.CutSuffix(name, "/")
					if whole && !journal.Within(changes.Subtrees, subtree) || !whole && !slices.Contains(changes.Names, name) {
						t.Errorf("%q is not told: %q, %q", name, changes.Names, changes.Subtrees)
					}
				}
				w.equal()
				// What was set up anew on the way is followed too.
				w.after()
			})
		}
	}
}

// after changes something in every folder.
func (w *world) after() {
	w.t.Helper()
	for name, what := range snapshot(w.t, w.tree) {
		if strings.HasPrefix(what, "d") {
			w.put(filepath.Join(w.tree, name, "after"), "1")
		}
	}
	if _, reason := w.sync(); reason != "" {
		w.t.Errorf("the journal is of no use: %s", reason)
	}
	w.equal()
	if w.whole > 1 {
		w.t.Error("all was to be compared")
	}
}
