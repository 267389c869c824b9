package journal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/watch"
)

const host = "0123456789abcdef"

// world is a tree that is watched.
type world struct {
	t       *testing.T
	tree    string
	tracker Tracker
	stop    func()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, tree: filepath.Join(t.TempDir(), "tree"), tracker: Tracker{StateDir: t.TempDir(), Host: host}}
	if err := os.Mkdir(w.tree, 0o755); err != nil {
		t.Fatal(err)
	}
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

func (w *world) start() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- watch.Run(ctx, watch.Config{
			StateDir: w.tracker.StateDir, Host: host, Trees: []watch.Tree{{Path: w.tree, Exclude: []string{"cache"}}}, Now: time.Now,
			Method: watch.Inotify, Log: func(string) {}, Ready: func() { close(ready) },
		})
	}()
	select {
	case <-ready:
	case err := <-ended:
		w.t.Fatal(err)
	}
	w.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
		w.stop = func() {}
	}
}

func (w *world) put(name string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.tree, name), []byte(name), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// point has all written down, and gives where the journal stands.
func (w *world) point() plan.JournalPoint {
	w.t.Helper()
	told, err := w.tracker.Prove(w.t.Context(), w.tree, plan.JournalPoint{}, exclude)
	if err != nil || told.Until == (plan.JournalPoint{}) || !strings.Contains(told.Why, "no sync yet") {
		w.t.Fatalf("%+v, %v", told, err)
	}
	return told.Until
}

// newest is the last segment that is sealed.
func (w *world) newest() string {
	w.t.Helper()
	names, err := filepath.Glob(w.tracker.StateDir + "/journal/*/*.sealed")
	if err != nil || len(names) == 0 {
		w.t.Fatalf("%q, %v", names, err)
	}
	return slices.Max(names)
}

// exclude is what the sync leaves out: the one who watches leaves out no more.
var exclude = []string{"/cache/", "*.tmp"}

// proves fails unless both a look and a proof tell a name, or both say why they do not.
func (w *world) proves(name string, since plan.JournalPoint, why string) {
	w.t.Helper()
	proof, err := w.tracker.Prove(w.t.Context(), w.tree, since, exclude)
	if err != nil {
		w.t.Fatal(err)
	}
	look, err := w.tracker.Look(w.t.Context(), w.tree, since, exclude)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, told := range [][]string{append(proof.Names, proof.Why), append(look.Names, look.Why)} {
		if found := slices.Contains(told, name); found != (why == "") {
			w.t.Errorf("%s: %q", name, told)
		}
		if got := told[len(told)-1]; why == "" && got != "" || !strings.Contains(got, why) {
			w.t.Errorf("%s: %q, want %q", name, got, why)
		}
	}
	if look.Until != (plan.JournalPoint{}) {
		w.t.Errorf("a look gives a point: %+v", look.Until)
	}
}

func TestWhatIsProven(t *testing.T) {
	w := newWorld(t)
	since := w.point()
	w.put("a\nb")
	w.proves("a\nb", since, "")
	for name, damage := range map[string]func(segment string) error{
		"garbage":   func(s string) error { return os.WriteFile(s, []byte(strings.Repeat("garbage", 100)), 0o600) },
		"empty":     func(s string) error { return os.Truncate(s, 0) },
		"cut short": func(s string) error { info, err := os.Stat(s); return errors.Join(err, os.Truncate(s, info.Size()-1)) },
		"flipped": func(s string) error {
			text, err := os.ReadFile(s)
			if err == nil {
				text[len(text)/2] ^= 1
				err = os.WriteFile(s, text, 0o600)
			}
			return err
		},
	} {
		since = w.point()
		w.put(name)
		next := w.point()
		if err := damage(w.newest()); err != nil {
			t.Fatal(err)
		}
		w.proves(name, since, "the change journal is damaged")
		w.put(name + " again")
		w.proves(name+" again", next, "") // what lies before the point is not needed
	}
	since = w.point()
	w.put("gone")
	w.point()
	if err := os.Remove(w.newest()); err != nil {
		t.Fatal(err)
	}
	w.proves("gone", since, "is missing")
	since = w.point()
	w.tracker.Host = "fedcba9876543210"
	w.proves("other", since, "the change journal was written on another machine")
	w.tracker.Host = host
	if told, _ := w.tracker.Prove(t.Context(), w.tree, since, nil); !strings.Contains(told.Why, `did not follow "cache"`) {
		t.Errorf("%+v", told)
	}
}

func TestNobodyWatches(t *testing.T) {
	w := newWorld(t)
	since := w.point()
	w.stop()
	w.put("x")
	if told, err := w.tracker.Prove(t.Context(), w.tree, since, exclude); err != nil || told.Why != `"bkplan watch" is not running` || told.Until != (plan.JournalPoint{}) {
		t.Errorf("%+v, %v", told, err)
	}
	w.start()
	w.proves("x", since, "was stopped")
	since = w.point()
	w.put("y")
	upTo := w.point()
	if err := w.tracker.Consumed(w.tree, upTo); err != nil {
		t.Fatal(err)
	}
	w.proves("y", since, "is missing")
	w.put("z")
	w.proves("z", upTo, "")
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if _, err := w.tracker.Prove(ctx, w.tree, upTo, exclude); !errors.Is(err, why) {
		t.Errorf("it went on: %v", err)
	}
}
