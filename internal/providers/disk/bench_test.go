package disk

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/receipt"
)

var start = time.Date(2026, 11, 24, 5, 0, 0, 0, time.UTC)

// bench is a source and a destination, each a folder in memory.
type bench struct {
	t            testing.TB
	source, dest string
	provider     *Provider
	opener       *folders
	now          time.Time
}

func newBench(t *testing.T) *bench {
	t.Helper()
	t.Parallel()
	needRsync(t)
	return newBenchAt(t, memory(t), memory(t))
}

func newBenchAt(t testing.TB, source, dest string) *bench {
	b := &bench{t: t, source: source, dest: dest, now: start, opener: &folders{root: source, uuid: "uuid-1"}}
	b.provider = New(Config{Runner: execx.New(), Producer: NewRsync(execx.New()), Opener: b.opener, Now: b.clock})
	return b
}

func (b *bench) clock() time.Time {
	b.now = b.now.Add(time.Second)
	return b.now
}

func needRsync(t testing.TB) {
	t.Helper()
	if _, err := NewRsync(execx.New()).release(t.Context()); err != nil {
		t.Skip("needs rsync: ", err)
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

// memory is a folder in memory, where syncing costs nothing, with a name that
// would hurt where it is not taken as a name.
func memory(t testing.TB) string {
	t.Helper()
	top, err := os.MkdirTemp("/dev/shm", "disk-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	path := filepath.Join(top, "-- $(id)\nit's")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// folders opens every snapshot as one folder.
type folders struct {
	root, uuid     string
	opened, closed int
	differ         []*providers.Difference
	asked          []providers.SnapshotPair
	cleaned        []plan.Leftover
	closing        error
}

func (f *folders) Open(context.Context, plan.SnapshotAccess) (providers.Opened, error) {
	f.opened++
	return providers.Opened{Root: f.root, FileSystem: "ext4", UUID: f.uuid, Close: func(ctx context.Context) error {
		f.closed++
		return errors.Join(f.closing, ctx.Err())
	}}, nil
}

func (f *folders) Differences(_ context.Context, pairs []providers.SnapshotPair) []*providers.Difference {
	f.asked = append(f.asked, pairs...)
	return f.differ
}

func (f *folders) Clean(_ context.Context, l plan.Leftover) error {
	f.cleaned = append(f.cleaned, l)
	return nil
}

const (
	volume = "vault; rm -rf/da ta"
	week46 = "2026-46"
	week47 = "2026-47"
)

// action is a create of a version from the source's folder.
func (b *bench) action(version, previous string) plan.Action {
	c := &plan.CopyAction{
		Destination: b.dest, Directory: "pvc-data", Path: version + "/" + volume, Slot: start,
		From: &plan.Access{Paths: []string{b.source}, Whole: true},
	}
	if previous != "" {
		c.Previous = previous + "/" + volume
	}
	return plan.Action{ID: "create " + version, Kind: plan.Create, Layer: "weekly", Volume: volume, Version: version, VersionTime: start, Copy: c}
}

// snapshot is a create from a snapshot.
func (b *bench) snapshot(version, previous, uuid string) plan.Action {
	a := b.action(version, previous)
	a.Copy.From = &plan.Access{Snapshot: &plan.SnapshotAccess{
		VolumeGroup: "pve", Pool: "data", Name: "snap-" + uuid, UUID: uuid, Origin: "vm-1", Taken: start.Add(-time.Hour), OpenName: plan.OpenName("weekly", volume),
	}}
	return a
}

// refresh turns an action into a refresh of a later slot.
func refresh(a plan.Action) plan.Action {
	a.Kind, a.ID = plan.Refresh, "refresh "+a.Version
	c := *a.Copy
	c.Slot = c.Slot.Add(24 * time.Hour)
	a.Copy = &c
	return a
}

func (b *bench) prune(version, keeper string) plan.Action {
	a := b.action(version, keeper)
	a.Kind, a.Copy.From = plan.Prune, nil
	return a
}

func (b *bench) do(a plan.Action) providers.Result {
	b.t.Helper()
	result, err := b.provider.Do(b.t.Context(), a)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// fails carries out what must fail and say so in these words. Nothing may be left
// in the work folder, nothing open.
func (b *bench) fails(a plan.Action, words ...string) error {
	b.t.Helper()
	result, err := b.provider.Do(b.t.Context(), a)
	if err == nil {
		b.t.Fatalf("it went through: %+v", result)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			b.t.Errorf("%v\nit does not say %q", err, w)
		}
	}
	b.nothingLeft()
	return err
}

func (b *bench) nothingLeft() {
	b.t.Helper()
	if left := b.unfinished(); len(left) > 0 {
		b.t.Errorf("left in the work folder: %q", left)
	}
	if b.opener.opened != b.opener.closed {
		b.t.Errorf("%d opened, %d closed", b.opener.opened, b.opener.closed)
	}
}

func (b *bench) unfinished() []string {
	b.t.Helper()
	names, err := unfinished(b.dest)
	if err != nil {
		b.t.Fatal(err)
	}
	return names
}

func isStale(err error) bool {
	stale := (*providers.StaleError)(nil)
	return errors.As(err, &stale)
}

func (b *bench) receipt(version string) plan.Receipt {
	b.t.Helper()
	r, err := receipt.Read(b.dest, "weekly", version, volume)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// notes are those of a version's receipt, but for what a run without root says of
// every version.
func (b *bench) notes(version string) []string {
	b.t.Helper()
	return slices.DeleteFunc(b.receipt(version).Notes, func(n string) bool {
		return os.Geteuid() != 0 && strings.Contains(n, "without root")
	})
}

func (b *bench) version(name string) string { return filepath.Join(b.dest, "pvc-data", name, volume) }

func (b *bench) write(name, content string) {
	b.t.Helper()
	write(b.t, filepath.Join(b.source, name), content)
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// holds compares a version with what it should have: content by name.
func (b *bench) holds(version string, want map[string]string) {
	b.t.Helper()
	if diff := cmp.Diff(want, contents(b.t, b.version(version))); diff != "" {
		b.t.Errorf("version %s: %s", version, diff)
	}
}

// contents are the regular files of a tree, and where its links lead.
func contents(t testing.TB, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		switch {
		case e.Type()&fs.ModeSymlink != 0:
			all[rel], err = os.Readlink(path)
			all[rel] = "-> " + all[rel]
		case e.Type().IsRegular():
			text, readErr := os.ReadFile(path)
			all[rel], err = string(text), readErr
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return all
}

// everything is each path below a folder with its inode, sorted.
func everything(t testing.TB, root string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			rel, _ := filepath.Rel(root, path)
			all = append(all, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func inode(t testing.TB, path string) uint64 {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

// mirror is a sync of the source to a folder of its name.
func (b *bench) mirror() plan.Action {
	a := b.action("", "")
	a.Kind, a.ID, a.Copy.Path, a.Copy.Directory = plan.Sync, "sync", "", "mirror"
	return a
}
