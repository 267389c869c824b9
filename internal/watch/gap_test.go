package watch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/journal"
)

// TestStormOfRestarts: a watcher that is stopped and started while the tree
// changes makes the next sync a full one, or the copy is right all the same.
func TestStormOfRestarts(t *testing.T) {
	for name, test := range stormWorlds {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, test.method, test.system)
			w.start()
			w.sync()
			seed, steps := stormSeed(), stormSteps()/2
			permits, over := rage(t, seed, steps, w.tree, w.outside)
			random := rand.New(rand.NewPCG(seed, 100))
			for going := true; going; {
				select {
				case <-over:
					going = false
				default:
					gust(permits, random, steps)
				}
				restarted := random.IntN(3) == 0
				if restarted {
					w.stop()
					gust(permits, random, steps)
					w.start()
				}
				if _, reason := w.sync(); (reason != "") != restarted {
					t.Errorf("restarted %v, and the reason is %q", restarted, reason)
				}
			}
			w.equal()
		})
	}
}

// follow begins a span by hand, so that a test says when events are read.
func (w *world) follow(s source, err error) (*recorder, source) {
	w.t.Helper()
	must(w.t, err)
	w.t.Cleanup(s.close)
	writer, err := journal.Open(w.state, w.tree, testHost)
	must(w.t, err)
	w.t.Cleanup(func() { _ = writer.Close() })
	must(w.t, writer.Begin(s.identity(), nil, time.Now()))
	return &recorder{writer: writer, tree: Tree{Path: w.tree}, inodes: map[uint64]struct{}{}}, s
}

// TestOverflowIsOutlived: with the queue that is used, nothing is lost.
func TestOverflowIsOutlived(t *testing.T) {
	w := newWorld(t, Fanotify, "tmpfs")
	r, s := w.follow(openFanotify(Tree{Path: w.tree}, unix.FAN_UNLIMITED_QUEUE))
	const files = 40_000
	for i := range files {
		must(t, unix.Mknod(w.in(fmt.Sprint(i)), unix.S_IFREG|0o600, 0))
	}
	must(t, s.drain(r))
	if r.writer.Names() != files {
		t.Errorf("%d names of %d", r.writer.Names(), files)
	}
}

// ends fails unless the span ends, and a flush and the journal say why.
func (w *world) ends(why string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if point, err := Flush(ctx, w.state, w.tree); err == nil || !strings.Contains(err.Error(), why) {
		w.t.Errorf("flush: %v, %v; want %q", point, err, why)
	}
	if _, reason := w.since(journal.Point{}); reason == "" {
		w.t.Error("the journal could be used")
	}
}

func TestTreeGoesAway(t *testing.T) {
	for _, method := range []Method{Fanotify, Inotify} {
		for name, gone := range map[string]func(w *world, root string){
			"replaced by an empty directory": func(w *world, _ string) {
				must(w.t, os.Rename(w.tree, w.out("tree")), os.Mkdir(w.tree, 0o700))
			},
			"removed":                  func(w *world, _ string) { must(w.t, os.RemoveAll(w.tree)) },
			"moved with what is above": func(w *world, root string) { must(w.t, os.Rename(root+"/top", root+"/moved")) },
			"mounted over":             func(w *world, _ string) { mountTmpfs(w.t, w.tree) },
		} {
			t.Run([]string{"", "fanotify", "inotify"}[method]+"/"+name, func(t *testing.T) {
				w := newWorld(t, method, "here")
				root := filepath.Dir(w.tree)
				w.tree = filepath.Join(root, "top", "tree")
				w.put(w.in("f"), "1")
				w.start()
				w.point = w.flush()
				gone(w, root)
				w.ends(errReplaced.Error())
			})
		}
	}
}

func mountTmpfs(t *testing.T, at string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	command(t, "mount", "-t", "tmpfs", "tmpfs", at)
	t.Cleanup(func() { _ = exec.Command("umount", "-l", at).Run() })
}

// TestUnmount: a watch keeps nobody from unmounting, and notices when the same
// file system is mounted again.
func TestUnmount(t *testing.T) {
	for _, again := range []bool{false, true} {
		w := newWorld(t, Fanotify, "ext4")
		w.put(w.in("f"), "1")
		w.start()
		w.point = w.flush()
		root := filepath.Dir(w.tree)
		device, err := exec.Command("findmnt", "-no", "SOURCE", root).Output()
		must(t, err)
		keep := ""
		if again { // so that the loop device stays

			loop, err := exec.Command("losetup", "-f", "--show", backing(t, strings.TrimSpace(string(device)))).Output()
			must(t, err)
			keep = strings.TrimSpace(string(loop))
			t.Cleanup(func() { _ = exec.Command("losetup", "-d", keep).Run() })
		}
		command(t, "umount", root)
		if again {
			command(t, "mount", keep, root)
		}
		w.ends(errReplaced.Error())
	}
}

func backing(t *testing.T, device string) string {
	t.Helper()
	text, err := os.ReadFile("/sys/block/" + filepath.Base(device) + "/loop/backing_file")
	must(t, err)
	return strings.TrimSpace(string(text))
}

// TestMountsBelow: another file system below the tree is not heard of.
func TestMountsBelow(t *testing.T) {
	for _, method := range []Method{Fanotify, Inotify} {
		w := newWorld(t, method, "here")
		w.put(w.in("m/x"), "1")
		w.put(w.in("f"), "1")
		mountTmpfs(t, w.in("m"))
		w.start()
		w.point = w.flush()
		w.put(w.in("m/y"), "1")
		changes, reason := w.since(w.flush())
		if reason != "" || !journal.Within(changes.Subtrees, "m") {
			t.Errorf("%s %v", reason, changes)
		}
		command(t, "umount", w.in("m"))
		w.ends(errMounts.Error())
		w.stop()
	}
}

// TestNotFollowable: on such a file system others change what is there.
func TestNotFollowable(t *testing.T) {
	if err := Followable("/proc"); err == nil {
		t.Error("/proc can be followed")
	}
}

func TestFlushWithoutWatcher(t *testing.T) {
	w := newWorld(t, Best, "here")
	if _, err := Flush(t.Context(), w.state, w.tree); !errors.Is(err, ErrNotRunning) {
		t.Errorf("flush: %v", err)
	}
	w.start()
	w.stop()
	if _, err := Flush(t.Context(), w.state, w.tree); !errors.Is(err, ErrNotRunning) {
		t.Errorf("flush after the end: %v", err)
	}
}

func TestPlain(t *testing.T) {
	got := Plain([]string{"/cache/", "/a/b/", "cache/", "/cache", "*.tmp", "/a*/", "/../x/", "//", "/", "/a//b/", `/a\b/`})
	if strings.Join(got, " ") != "cache a/b" {
		t.Errorf("%q", got)
	}
}

// TestExcluded: what is below an excluded folder is not told, but for files that
// have another name.
func TestExcluded(t *testing.T) {
	w := newWorld(t, Fanotify, "here")
	w.put(w.in("cache/f"), "1")
	w.put(w.in("cache/g"), "1")
	must(t, os.Link(w.in("cache/g"), w.in("g")))
	s, err := openFanotify(Tree{Path: w.tree}, unix.FAN_UNLIMITED_QUEUE)
	r, src := w.follow(s, err)
	r.tree.Exclude = []string{"cache"}
	w.put(w.in("cache/f"), "2")
	must(t, src.drain(r))
	if n := r.writer.Names(); n != 0 {
		t.Errorf("%d names are told", n)
	}
	w.put(w.in("cache/g"), "2")
	must(t, src.drain(r), src.settle(r))
	if n := r.writer.Names(); n != 1 {
		t.Errorf("%d names are told of a file with two", n)
	}
}
