package ssh

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/internal/tree"
)

const (
	volume = "vaultwarden/data"
	week46 = "2026-46"
	week47 = "2026-47"
	week48 = "2026-48"
)

var start = time.Date(2026, 11, 16, 6, 0, 0, 0, time.UTC)

// bench is a disk of this machine, and a NAS that gets copies of it.
type bench struct {
	*nas
	t        *testing.T
	disk     string
	provider *Provider
	waits    []time.Duration // between tries
	now      time.Time
}

func newBench(t *testing.T) *bench     { return benchFor(t, newNAS(t)) }
func newKeptBench(t *testing.T) *bench { return benchFor(t, newKeptNAS(t)) }

func benchFor(t *testing.T, n *nas) *bench {
	t.Helper()
	b := &bench{nas: n, t: t, disk: t.TempDir(), now: start}
	b.provider = New(Config{Runner: n, Now: func() time.Time { b.now = b.now.Add(time.Second); return b.now }, Sleep: func(ctx context.Context, d time.Duration) error {
		b.waits = append(b.waits, d)
		return context.Cause(ctx)
	}})
	t.Cleanup(func() { b.provider.Close() })
	return b
}

func path(version string) string { return "pvc-data/" + version + "/" + volume }

// local is a path in a version on the disk.
func (b *bench) local(version, name string) string {
	return filepath.Join(b.disk, path(version), name)
}

// remote is a path in a version over there.
func (b *bench) remote(version, name string) string {
	return filepath.Join(b.root(), path(version), name)
}

func (b *bench) root() string { return b.share + "/pve-backup" }

func (b *bench) put(version, name, content string) {
	b.t.Helper()
	file := b.local(version, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		b.t.Fatal(err)
	}
	at := taken(version)
	if err := os.Chtimes(file, at, at); err != nil {
		b.t.Fatal(err)
	}
}

// taken is when a version was made.
func taken(version string) time.Time {
	weeks := slices.Index([]string{week46, week47, week48}, version)
	return start.AddDate(0, 0, 7*weeks)
}

// link makes a version's file a hard link to that of an earlier one.
func (b *bench) link(from, to, name string) {
	b.t.Helper()
	if err := os.MkdirAll(filepath.Dir(b.local(to, name)), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Link(b.local(from, name), b.local(to, name)); err != nil {
		b.t.Fatal(err)
	}
}

// prove writes the manifest and the receipt of a version on the disk.
func (b *bench) prove(version string) plan.Receipt {
	b.t.Helper()
	var manifest bytes.Buffer
	totals, err := tree.WriteManifest(b.t.Context(), b.local(version, ""), tree.Previous{}, &manifest)
	if err != nil {
		b.t.Fatal(err)
	}
	file := filepath.Join(b.disk, receipt.ManifestFile("weekly", version, volume))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(file, manifest.Bytes(), 0o600); err != nil {
		b.t.Fatal(err)
	}
	at := taken(version)
	r := plan.Receipt{
		Layer: "weekly", Volume: volume, Version: version, Path: path(version), Slot: at, Started: at, Ended: at,
		Source: plan.ReceiptSource{Taken: at}, Files: totals.Files, Bytes: totals.Bytes, NewBytes: totals.NewBytes,
		Directories: totals.Directories, Digest: totals.Digest,
	}
	if err := receipt.Write(b.disk, r); err != nil {
		b.t.Fatal(err)
	}
	return r
}

// copy is the action that copies a version, linked to a previous one.
func (b *bench) copy(version, previous string) plan.Action {
	a := plan.Action{
		ID: version, Kind: plan.Create, Layer: "offsite", Volume: volume, Version: version,
		Copy: &plan.CopyAction{
			Remote:      &plan.Remote{Address: b.address, IdentityFile: b.identity, Path: b.share},
			Destination: b.root(), Directory: "pvc-data", Path: version + "/" + volume,
			From: &plan.Access{Version: &plan.VersionAccess{Root: b.disk, Layer: "weekly", Volume: volume, Version: version, Path: path(version)}},
		},
	}
	if previous != "" {
		a.Copy.Previous = previous + "/" + volume
	}
	return a
}

func (b *bench) refresh(version, previous string) plan.Action {
	a := b.copy(version, previous)
	a.Kind = plan.Refresh
	return a
}

func (b *bench) prune(version, stays string) plan.Action {
	a := b.copy(version, stays)
	a.Kind = plan.Prune
	return a
}

func (b *bench) do(a plan.Action) providers.Result {
	b.t.Helper()
	r, err := b.provider.Do(b.t.Context(), a)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// fails carries out an action that must fail with words in its error.
func (b *bench) fails(a plan.Action, words ...string) error {
	b.t.Helper()
	_, err := b.provider.Do(b.t.Context(), a)
	b.wantError(err, words...)
	return err
}

func (b *bench) wantError(err error, words ...string) {
	b.t.Helper()
	if err == nil {
		b.t.Fatal("no error")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			b.t.Errorf("%q is not in: %v", w, err)
		}
	}
	if key := strings.Split(b.read("client key"), "\n")[1]; strings.Contains(err.Error(), key) {
		b.t.Errorf("the key is in: %v", err)
	}
}

func (b *bench) target() providers.Target {
	return providers.Target{
		Destination: plan.Destination{Kind: plan.DestinationSSH, Name: "nas", Path: b.share, Address: b.address, IdentityFile: b.identity},
		Copies:      []providers.Copy{{Directory: "pve-backup", Folders: []plan.Folder{{Directory: "pvc-data", Depth: 3}, {Directory: ".", Depth: 1}}}},
	}
}

// observe gives the copy of the disk over there.
func (b *bench) observe() plan.Disk {
	b.t.Helper()
	part, err := b.provider.Observe(b.t.Context(), b.target())
	if err != nil {
		b.t.Fatal(err)
	}
	if len(part.Disks) != 2 {
		b.t.Fatalf("%+v", part)
	}
	return part.Disks[1]
}

// holds compares a version over there with the one here: names, kinds, modes,
// contents, links among each other and times.
func (b *bench) holds(version string) {
	b.t.Helper()
	if diff := cmp.Diff(contents(b.t, b.local(version, "")), contents(b.t, b.remote(version, ""))); diff != "" {
		b.t.Errorf("%s: %s", version, diff)
	}
	want, err := os.ReadFile(filepath.Join(b.disk, receipt.File("weekly", version, volume)))
	if err != nil {
		b.t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(b.root(), receipt.File("weekly", version, volume)))
	if err != nil || !bytes.Equal(want, got) {
		b.t.Errorf("receipt of %s: %v %s", version, err, got)
	}
}

// entry is one of a tree, as far as an unprivileged user can keep it.
type entry struct {
	Kind    fs.FileMode
	Content string
	Time    time.Time
	Links   int
}

func contents(t *testing.T, root string) map[string]entry {
	t.Helper()
	found := map[string]entry{}
	inodes := map[uint64]int{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		e := entry{Kind: info.Mode().Type(), Time: info.ModTime().UTC()}
		switch {
		case info.Mode().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			e.Content = string(content)
			inode := info.Sys().(*syscall.Stat_t).Ino
			inodes[inode]++
			e.Links = inodes[inode]
		case e.Kind&fs.ModeSymlink != 0:
			e.Content, err = os.Readlink(path)
		}
		found[strings.TrimPrefix(path, root)] = e
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

// unfinished are the names in the work folder over there.
func (b *bench) unfinished() []string {
	b.t.Helper()
	entries, err := os.ReadDir(filepath.Join(b.root(), plan.WorkFolder))
	if err != nil && !os.IsNotExist(err) {
		b.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
