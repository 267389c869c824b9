package ssh

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/observe"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/providers/disk"
	"github.com/bkplan/bkplan/internal/providers/journal"
	"github.com/bkplan/bkplan/internal/schedule"
	"github.com/bkplan/bkplan/internal/storm"
	"github.com/bkplan/bkplan/internal/watch"
)

// watchEnv makes the test's program one that watches a tree, so that it can be
// killed.
const watchEnv = "BKPLAN_TEST_WATCH"

func TestMain(m *testing.M) {
	if state := os.Getenv(watchEnv); state != "" {
		watchUntilEnd(state, os.Args[1], os.Args[2:])
		return
	}
	os.Exit(m.Run())
}

func watchUntilEnd(state, tree string, exclude []string) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	err := watch.Run(ctx, watch.Config{
		StateDir: state, Host: trackedHost, Trees: []watch.Tree{{Path: tree, Exclude: watch.Plain(exclude)}}, Now: time.Now,
		Log: func(line string) { fmt.Fprintln(os.Stderr, line) }, Ready: func() { fmt.Println("ready") },
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const trackedHost = "0123456789abcdef"

// tracked is a bench with a tree that is watched, and a policy by which it is synced.
type tracked struct {
	*bench
	source, outside, state string
	policy                 plan.Policy
	registry               providers.Registry
	watcher                *exec.Cmd
}

func newTracked(t *testing.T, exclude ...string) *tracked {
	t.Helper()
	w := &tracked{bench: newBench(t), source: t.TempDir(), outside: t.TempDir(), state: t.TempDir()}
	tracker := journal.Tracker{StateDir: w.state, Host: trackedHost}
	w.provider.Tracker = tracker
	every, err := schedule.Parse("*-*-* *:*:00")
	if err != nil {
		t.Fatal(err)
	}
	source := plan.Source{Kind: plan.SourceDirectory, Name: "nfs", Directory: &plan.DirectorySource{Path: w.source}}
	w.policy = plan.Policy{
		StateDir: w.state, Sources: []plan.Source{source}, Destinations: []plan.Destination{w.target().Destination},
		Layers: []plan.Layer{{
			Kind: plan.LayerSync, Name: "nfs", From: plan.Ref{Type: "source", Kind: plan.SourceDirectory, Name: "nfs"}, To: w.target().Destination.Ref(), Directory: "nfs",
			Schedule: every, TrackChanges: true, Exclude: exclude,
		}},
	}
	w.registry = providers.Registry{
		Sources:      map[string]providers.Provider{plan.SourceDirectory: disk.NewObserver(disk.Patience{})},
		Destinations: map[string]providers.Provider{plan.DestinationSSH: w.provider},
		Journals:     tracker,
	}
	t.Cleanup(func() { w.stop(syscall.SIGTERM) })
	return w
}

// follow begins to watch, and returns when the tree is followed.
func (w *tracked) follow() {
	w.t.Helper()
	w.watcher = exec.Command(os.Args[0], append([]string{w.source}, w.policy.Layers[0].Exclude...)...)
	w.watcher.Env, w.watcher.Stderr = append(os.Environ(), watchEnv+"="+w.state), os.Stderr
	out, err := w.watcher.StdoutPipe()
	if err == nil {
		err = w.watcher.Start()
	}
	if err == nil {
		_, err = bufio.NewReader(out).ReadString('\n')
	}
	if err != nil {
		w.t.Fatalf("watch: %v", err)
	}
}

// stop ends the one who watches; it may be gone already.
func (w *tracked) stop(how syscall.Signal) {
	if w.watcher != nil {
		_ = w.watcher.Process.Signal(how)
		_ = w.watcher.Wait()
		w.watcher = nil
	}
}

// plan is what is to be done a minute later: one action.
func (w *tracked) plan() plan.Action {
	w.t.Helper()
	w.now = w.now.Add(time.Minute)
	w.clock()
	o, err := observe.Observe(w.t.Context(), w.policy, w.registry, observe.Where{StateDir: w.state, Now: w.now})
	if err != nil || len(o.Unknown) > 0 {
		w.t.Fatalf("%v, %+v", err, o.Unknown)
	}
	if err := observe.Consume(o, w.policy, w.registry.Journals); err != nil {
		w.t.Fatal(err)
	}
	p := plan.Build(w.policy, o, w.now, plan.Options{})
	if len(p.Actions) != 1 || p.Actions[0].Blocked != nil {
		w.t.Fatalf("%+v", p)
	}
	return p.Actions[0]
}

// clock lets the NAS have the time of the test.
func (w *tracked) clock() {
	w.t.Helper()
	w.replace("date", fmt.Sprintf("echo %d\n", w.now.Unix()))
}

// sync plans and syncs. It tells why everything was compared; empty is that the sync
// went by the journal.
func (w *tracked) sync() (why string) {
	w.t.Helper()
	a := w.plan()
	result := w.do(a)
	r := w.lastReceipt()
	if byJournal := strings.Contains(result.Detail, "by the change journal"); byJournal == r.Full.Equal(r.Started) || byJournal != (r.Digest == "") {
		w.t.Errorf("%q, and the receipt says %+v", result.Detail, r)
	}
	switch {
	case a.Copy.Since == nil:
		return a.Reason.Detail
	case r.Full.Equal(r.Started):
		return result.Detail
	}
	return ""
}

func (w *tracked) lastReceipt() plan.Receipt {
	w.t.Helper()
	target := w.target()
	target.Folders, target.Copies = []plan.Folder{{Directory: "nfs", Depth: 0}}, nil
	part, err := w.provider.Observe(w.t.Context(), target)
	if err != nil || len(part.Disks) != 1 || len(part.Disks[0].Receipts) != 1 {
		w.t.Fatalf("%+v, %v", part, err)
	}
	return part.Disks[0].Receipts[0]
}

// byJournal syncs, and fails unless that went by the journal.
func (w *tracked) byJournal() {
	w.t.Helper()
	if why := w.sync(); why != "" {
		w.t.Errorf("everything was compared: %s", why)
	}
}

// inFull syncs, and fails unless everything was compared and the words say why.
func (w *tracked) inFull(words ...string) {
	w.t.Helper()
	why := w.sync()
	for _, word := range words {
		if !strings.Contains(why, word) {
			w.t.Errorf("%q is not in %q", word, why)
		}
	}
	if why == "" {
		w.t.Error("not everything was compared")
	}
}

// equal fails unless rsync finds nothing to do, contents, links and times included.
func (w *tracked) equal() {
	w.t.Helper()
	argv := []string{"-aHAXn", "--modify-window=-1", "--checksum", "--delete", "-i"}
	for _, pattern := range w.policy.Layers[0].Exclude {
		argv = append(argv, "--exclude="+pattern)
	}
	out, err := exec.Command("rsync", append(argv, w.source+"/", w.share+"/nfs/")...).CombinedOutput()
	if err != nil || len(out) > 0 {
		w.t.Fatalf("the mirror is not what the source is: %v\n%s", err, out)
	}
}

// stormNames are what the file systems of others make of names, beside what
// everybody stumbles over.
var stormNames = append(slices.Clone(storm.Names), "\u00e9", "e\u0301", "[a]*?", "x.tmp", "#a", "cache")

// stormRounds is how often a storm is synced: BKPLAN_STORM=100000 is the full form.
func stormSize() (steps, rounds int) {
	steps, err := strconv.Atoi(os.Getenv("BKPLAN_STORM"))
	if err != nil {
		return 900, 6
	}
	return steps, max(6, steps/1500)
}

// TestStormReachesTheNAS: whatever happens to a tree, and whenever the one who
// watches it is killed, a mirror that is kept up by the journal is the tree.
func TestStormReachesTheNAS(t *testing.T) {
	for name, exclude := range map[string][]string{
		"everything": nil, "with excludes": {"*.tmp", "/cache/", "a/b", "/b/a/"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTracked(t, exclude...)
			seed := stormSeed()
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 1))
			s := storm.New(seed, 2, w.source, w.outside)
			s.Names = stormNames
			steps, rounds := stormSize()
			put(t, w.source+"/stays", "so that it is never empty")
			w.follow()
			w.inFull("never synced")
			byJournal, killed := 0, false
			for round := range rounds {
				var restart bool
				over := make(chan struct{})
				go func() { // some of it happens while the sync runs
					defer close(over)
					for range steps / rounds {
						s.Step()
					}
				}()
				if random.IntN(2) == 0 || round+1 == rounds {
					<-over
				}
				if restart = random.IntN(4) == 0; restart {
					w.stop([]syscall.Signal{syscall.SIGKILL, syscall.SIGTERM}[random.IntN(2)])
					w.follow()
				}
				why := w.sync()
				<-over
				if full := why != ""; full != (restart || killed) {
					t.Errorf("restarted: %v, and everything was compared: %q", restart, why)
				}
				if killed = false; why == "" {
					byJournal++
				}
			}
			w.byJournal()
			w.equal()
			t.Logf("%d of %d syncs went by the journal", byJournal, rounds)
		})
	}
}

func stormSeed() uint64 {
	if seed, err := strconv.ParseUint(os.Getenv("BKPLAN_STORM_SEED"), 10, 64); err == nil {
		return seed
	}
	return uint64(time.Now().UnixNano())
}

var _ = filepath.Join
