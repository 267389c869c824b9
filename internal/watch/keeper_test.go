package watch

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/journal"
)

// told is what a keeper says to people.
type told struct {
	mu    sync.Mutex
	lines []string
}

func (l *told) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

// only fails unless the lines end in these, in this order.
func (l *told) only(t *testing.T, want ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.EqualFunc(l.lines, want, strings.HasSuffix) {
		t.Errorf("it said %q, want %q", l.lines, want)
	}
}

// keep follows the tree with a keeper that prepare has changed, on the thread that the
// keeper will run on and that nobody else gets.
func (w *world) keep(prepare func(k *keeper)) *told {
	w.t.Helper()
	said := &told{}
	k, err := newKeeper(Config{StateDir: w.state, Host: testHost, Now: time.Now, Method: w.method, Log: said.add}, Tree{Path: w.tree})
	must(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	begun, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // and the thread ends with it
		prepare(k)
		k.run(ctx, func() { close(begun) })
	}()
	<-begun
	w.end = sync.OnceFunc(func() {
		cancel()
		<-ended
		k.close()
	})
	return said
}

// TestBegun: systemd is told that all is ready when a tree is followed, or when it is said
// why it is not.
func TestBegun(t *testing.T) {
	for name, test := range map[string]struct {
		open     func(Tree) (source, error)
		followed bool
		says     string
	}{
		"followed": {func(tree Tree) (source, error) { return openInotify(tree, nil) }, true, "followed by inotify"},
		"refused":  {func(Tree) (source, error) { return nil, errReplaced }, false, "not followed any more: " + errReplaced.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Inotify, "here")
			said := &told{}
			k, err := newKeeper(Config{StateDir: w.state, Host: testHost, Now: time.Now, Log: said.add}, Tree{Path: w.tree})
			must(t, err)
			defer k.close()
			k.open = func() (source, error) { return test.open(k.tree) }
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			k.run(ctx, func() {
				said.only(t, test.says)
				if k.writer.Active() != test.followed {
					t.Errorf("a span is open: %v", !test.followed)
				}
				cancel()
			})
		})
	}
}

// gate stops a keeper where it looks at the clock: before it reads events.
type gate struct {
	mu     sync.Mutex
	closed bool
	there  chan struct{}
	open   chan struct{}
}

func (g *gate) now() time.Time {
	g.mu.Lock()
	closed := g.closed
	g.mu.Unlock()
	if closed {
		g.there <- struct{}{}
		<-g.open
	}
	return time.Now()
}

// hold lets things happen while the keeper stands still.
func (g *gate) hold(ring func(), happen func()) {
	g.set(true)
	ring()
	<-g.there
	defer func() {
		g.set(false)
		g.open <- struct{}{}
	}()
	happen()
}

func (g *gate) set(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = closed
}

// overflow makes more events than a queue has room for that is not unlimited.
func (w *world) overflow(name string) {
	w.t.Helper()
	limit, err := os.ReadFile("/proc/sys/fs/" + name + "/max_queued_events")
	must(w.t, err)
	var events int
	if _, err := fmt.Sscan(string(limit), &events); err != nil || events > 100_000 {
		w.t.Skipf("the queue has room for %s events", limit)
	}
	for i := range events + 10 {
		must(w.t, unix.Mknod(w.in(fmt.Sprint(i)), unix.S_IFREG|0o600, 0))
	}
}

// TestOverflow: when more happens than the kernel's queue has room for, the journal says
// that it has a gap, and why, and another span is begun at once. Between a point of the one
// and a point of the other nothing is proven.
func TestOverflow(t *testing.T) {
	for name, test := range map[string]struct {
		method Method
		open   func(Tree) (source, error)
	}{
		"fanotify": {Fanotify, func(tree Tree) (source, error) { return openFanotify(tree, 0) }},
		"inotify":  {Inotify, func(tree Tree) (source, error) { return openInotify(tree, nil) }},
	} {
		t.Run(name, func(t *testing.T) {
			system := "tmpfs" // so many files take their time elsewhere
			if os.Geteuid() != 0 {
				system = "here"
			}
			w := newWorld(t, test.method, system)
			g := &gate{there: make(chan struct{}), open: make(chan struct{})}
			var ring func()
			said := w.keep(func(k *keeper) {
				k.config.Now, ring = g.now, k.bell.ring
				k.open = func() (source, error) { return test.open(k.tree) }
			})
			w.sync()
			g.hold(ring, func() { w.overflow(name) })
			until := w.flush()
			said.only(t, "followed by "+name, "not followed any more: "+errOverflow.Error(), "followed by "+name)
			if until.Span == w.point.Span {
				t.Error("it is the same span")
			}
			for _, until := range []journal.Point{until, {}} {
				changes, reason := w.since(until)
				if !strings.Contains(reason, "a gap since ") || !strings.HasSuffix(reason, errOverflow.Error()) || len(changes.Names)+len(changes.Subtrees) > 0 {
					t.Errorf("until %v there are %d names and %q, by the reason %q", until, len(changes.Names), changes.Subtrees, reason)
				}
			}
			w.point = until
			w.put(w.in("later"), "1")
			if changes, reason := w.since(w.flush()); reason != "" || !slices.Contains(changes.Names, "later") {
				t.Errorf("the next span is of no use: %d names, %s", len(changes.Names), reason)
			}
		})
	}
}

// TestBest: inotify takes the place of fanotify where that is refused, or of no use, and
// misses nothing either.
func TestBest(t *testing.T) {
	for name, test := range map[string]struct {
		system  string
		refused bool
		want    string
	}{
		"with all rights":                    {"tmpfs", false, "fanotify"},
		"without CAP_SYS_ADMIN":              {"here", true, "inotify"},
		"without handles that can be opened": {"overlay", false, "inotify"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Best, test.system)
			w.put(w.in("d/e/f"), "1")
			said := w.keep(func(*keeper) {
				if test.refused {
					drop(t, unix.CAP_SYS_ADMIN)
				}
			})
			w.sync()
			w.put(w.in("d/e/f"), "2")
			w.put(w.in("d/new/g"), "1")
			must(t, os.Chmod(w.in("d"), 0o750))
			changes, reason := w.sync()
			if reason != "" || !slices.Contains(changes.Names, "d/e/f") || !journal.Within(changes.Subtrees, "d/new") || !slices.Contains(changes.Names, "d") {
				t.Errorf("%q, %q, %s", changes.Names, changes.Subtrees, reason)
			}
			w.equal()
			w.after()
			said.only(t, "followed by "+test.want)
		})
	}
}

// drop takes a capability from the calling thread.
func drop(t *testing.T, capability uint) {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&head, &sets[0]); err != nil {
		t.Errorf("look at capabilities: %v", err)
	}
	sets[capability/32].Effective &^= 1 << (capability % 32)
	if err := unix.Capset(&head, &sets[0]); err != nil {
		t.Errorf("drop capability %d: %v", capability, err)
	}
}
