package watch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/journal"
)

// world is a tree, a folder beside it, a state directory, and a copy.
type world struct {
	t       *testing.T
	tree    string
	outside string
	state   string
	mirror  mirror
	method  Method
	point   journal.Point
	// whole counts how often everything had to be compared.
	whole int
	end   func()
}

const testHost = "0123456789abcdef"

// newWorld makes one on a file system: "here" is that of temporary files.
func newWorld(t *testing.T, method Method, system string) *world {
	t.Helper()
	if method == Fanotify && os.Geteuid() != 0 {
		t.Skip("a mark on a file system needs root")
	}
	root, copies := mountSystem(t, system), t.TempDir()
	w := &world{
		t: t, method: method, state: filepath.Join(copies, "state"),
		tree: filepath.Join(root, "tree"), outside: filepath.Join(root, "outside"),
		mirror: mirror{filepath.Join(root, "tree"), filepath.Join(copies, "copy")},
	}
	for _, folder := range []string{w.tree, w.outside, w.mirror.to} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { w.stop() })
	return w
}

// mountSystem mounts a new file system.
func mountSystem(t *testing.T, system string) string {
	t.Helper()
	root := t.TempDir()
	if system == "here" {
		return root
	}
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	argv := []string{"mount", "-t", "tmpfs", "tmpfs", root}
	switch system {
	case "tmpfs":
	case "overlay":
		layers := t.TempDir()
		for _, name := range []string{"lower", "upper", "work"} {
			must(t, os.Mkdir(filepath.Join(layers, name), 0o700))
		}
		argv = []string{"mount", "-t", "overlay", "overlay", "-o", fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", layers), root}
	default:
		if _, err := exec.LookPath("mkfs." + system); err != nil {
			t.Skipf("mkfs.%s is not installed", system)
		}
		image := filepath.Join(t.TempDir(), "image")
		command(t, "truncate", "-s", "512M", image)
		command(t, "mkfs."+system, "-q", image)
		argv = []string{"mount", "-o", "loop", image, root}
	}
	command(t, argv...)
	t.Cleanup(func() { _ = exec.Command("umount", "-l", root).Run() })
	return root
}

func command(t *testing.T, argv ...string) {
	t.Helper()
	if output, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%q: %v: %s", argv, err, output)
	}
}

// start begins to watch, and returns when the tree is followed.
func (w *world) start() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- Run(ctx, Config{
			StateDir: w.state, Host: testHost, Trees: []Tree{{Path: w.tree}}, Now: time.Now, Method: w.method,
			Log: func(line string) { w.t.Log(line) }, Ready: func() { close(ready) },
		})
	}()
	select {
	case <-ready:
	case err := <-ended:
		w.t.Fatalf("watch: %v", err)
	}
	w.end = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("watch: %v", err)
		}
	})
}

func (w *world) stop() {
	if w.end != nil {
		w.end()
	}
}

func (w *world) flush() journal.Point {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	point, err := Flush(ctx, w.state, w.tree)
	if err != nil {
		w.t.Fatalf("flush: %v", err)
	}
	return point
}

// since asks the journal what changed since the last sync.
func (w *world) since(until journal.Point) (journal.Changes, string) {
	w.t.Helper()
	j, err := journal.Read(w.state, w.tree, testHost)
	if err != nil {
		w.t.Fatal(err)
	}
	return j.Since(w.point, until, nil)
}

// sync brings the copy up to date by the journal, or by comparing everything where
// the journal says that it must be. It returns what the journal said.
func (w *world) sync() (journal.Changes, string) {
	w.t.Helper()
	until := w.flush()
	changes, reason := w.since(until)
	if reason != "" {
		changes = journal.Changes{Subtrees: []string{journal.Whole}, Until: until}
	}
	for _, s := range changes.Subtrees {
		if s == journal.Whole {
			w.whole++
		}
		w.mirror.subtree(s)
	}
	for _, n := range changes.Names {
		w.mirror.name(n)
	}
	w.point = changes.Until
	if err := journal.Consumed(w.state, w.tree, w.point); err != nil {
		w.t.Fatal(err)
	}
	return changes, reason
}

// equal fails unless the copy is what the tree is.
func (w *world) equal() {
	w.t.Helper()
	if found := differences(w.t, w.tree, w.mirror.to); len(found) > 0 {
		w.t.Fatalf("%d differences:\n%s", len(found), strings.Join(found[:min(len(found), 20)], "\n"))
	}
}

// stormSteps is how long a storm is: BKPLAN_STORM=100000 is the full form.
func stormSteps() int {
	steps, err := strconv.Atoi(os.Getenv("BKPLAN_STORM"))
	if err != nil {
		steps = 3000
	}
	return steps
}

func stormSeed() uint64 {
	if seed, err := strconv.ParseUint(os.Getenv("BKPLAN_STORM_SEED"), 10, 64); err == nil {
		return seed
	}
	return uint64(time.Now().UnixNano())
}

var stormWorlds = map[string]struct {
	method Method
	system string
}{
	"fanotify on ext4":  {Fanotify, "ext4"},
	"fanotify on tmpfs": {Fanotify, "tmpfs"},
	"inotify":           {Inotify, "here"},
}

// TestStorm: a copy that is kept up by the journal alone is the tree, whatever
// happened to the tree, and while it happened.
func TestStorm(t *testing.T) {
	for name, test := range stormWorlds {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, test.method, test.system)
			w.start()
			w.sync()
			seed := stormSeed()
			steps := stormSteps()
			permits, over := rage(t, seed, steps, w.tree, w.outside)
			random := rand.New(rand.NewPCG(seed, 100))
			syncs, names := 0, 0
			for going := true; going; syncs++ {
				select {
				case <-over:
					going = false
				default:
					gust(permits, random, steps)
				}
				changes, reason := w.sync()
				if reason != "" && syncs > 0 {
					t.Errorf("the journal was of no use: %s", reason)
				}
				names += len(changes.Names)
			}
			w.equal()
			t.Logf("%d syncs, %d names, %d of everything", syncs, names, w.whole)
		})
	}
}
