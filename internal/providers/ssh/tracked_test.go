package ssh

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/observe"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/providers/disk"
	"github.com/bkplan/bkplan/internal/providers/journal"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/internal/schedule"
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
	// Most of the time one waits for programs to start.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
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
	source, state string
	policy        plan.Policy
	registry      providers.Registry
	watcher       *exec.Cmd
}

func newTracked(t *testing.T, exclude ...string) *tracked {
	t.Helper()
	return trackedOn(t, newBench(t), exclude...)
}

func trackedOn(t *testing.T, b *bench, exclude ...string) *tracked {
	t.Helper()
	return trackedIn(t, b, ownSystem(t, "tmpfs"), exclude...)
}

// trackedIn has the tree in a folder, and nothing beside it.
func trackedIn(t *testing.T, b *bench, in string, exclude ...string) *tracked {
	t.Helper()
	w := &tracked{bench: b, source: filepath.Join(in, "source"), state: t.TempDir()}
	if err := os.Mkdir(w.source, 0o755); err != nil {
		t.Fatal(err)
	}
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

// ownSystem is a folder on a file system of its own, where one may be mounted: who
// watches one hears of all that happens in it.
func ownSystem(t *testing.T, system string) string {
	t.Helper()
	at := t.TempDir()
	if os.Geteuid() != 0 {
		return at
	}
	argv := []string{"mount", "-t", "tmpfs", "tmpfs", at}
	if system != "tmpfs" {
		image := filepath.Join(t.TempDir(), "image")
		if out, err := exec.Command("truncate", "-s", "256M", image).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if out, err := exec.Command("mkfs."+system, "-q", image).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		argv = []string{"mount", "-o", "loop", image, at}
	}
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Skipf("needs to mount: %q: %v: %s", argv, err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", at).Run() })
	return at
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
	w.replace("date", fmt.Sprintf("echo %d", w.now.Unix()))
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
	r, err := receipt.Read(w.share, "nfs", "", "nfs")
	if err != nil {
		w.t.Fatal(err)
	}
	return r
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
