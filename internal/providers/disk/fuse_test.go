package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/test/pmxcfs"
)

// cluster is a bench whose source is a mount by FUSE of what lies in content.
type cluster struct {
	*bench
	content string
	daemon  *pmxcfs.Daemon
}

// newCluster mounts nothing yet.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	needRsync(t)
	if missing := pmxcfs.Missing(); missing != "" {
		t.Skip(missing)
	}
	c := &cluster{bench: newBenchAt(t, memory(t), memory(t)), content: memory(t)}
	for name, text := range clusterFiles {
		write(t, filepath.Join(c.content, name), text)
	}
	return c
}

// clusterFiles are what /etc/pve holds, and names that it could.
var clusterFiles = map[string]string{
	"storage.cfg": "lvmthin: local-lvm\n", "nodes/pve/qemu-server/100.conf": "cores: 2\n", "priv/authkey.key": "secret",
	"empty": "", "new\nline": "x", "not utf-8 \xff": "y", "-rf": "z", "large": strings.Repeat("0123456789abcdef", 40_000),
}

// mount mounts the source, and takes an earlier mount down.
func (c *cluster) mount(m pmxcfs.Mount) {
	c.t.Helper()
	c.unmount()
	m.Content, m.At = c.content, c.source
	daemon, err := m.Start()
	if err != nil {
		c.t.Fatal(err)
	}
	c.daemon = daemon
	c.t.Cleanup(c.unmount)
}

func (c *cluster) unmount() {
	if c.daemon == nil {
		return
	}
	if err := c.daemon.Close(); err != nil {
		c.t.Error(err)
	}
	c.daemon = nil
}

// /etc/pve is a FUSE file system: without attributes and ACLs, with fixed rights,
// on a device of its own, and with other inode numbers after each start.
func TestSourceByFUSE(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	if err := os.Symlink("nodes/pve", c.content+"/local"); err != nil {
		t.Fatal(err)
	}
	want := contents(t, c.content)
	c.mount(pmxcfs.Mount{})
	if _, err := unix.Llistxattr(c.source+"/empty", nil); !errors.Is(err, unix.ENOTSUP) {
		t.Fatalf("the mount has attributes: %v", err)
	}
	before := inode(t, c.source+"/storage.cfg")
	c.do(c.action(week46, ""))
	c.do(c.mirror())
	c.mount(pmxcfs.Mount{})
	if inode(t, c.source+"/storage.cfg") == before {
		t.Fatal("the inode is the same after a new mount")
	}
	c.do(c.action(week47, week46))
	a := c.mirror()
	a.Copy.Slot = a.Copy.Slot.AddDate(0, 0, 1)
	c.do(a)
	c.holds(week46, want)
	c.holds(week47, want)
	if diff := cmp.Diff(want, c.mirrored()); diff != "" {
		t.Error(diff)
	}
	if r := c.receipt(week47); r.NewBytes != 0 || r.Source.MountPoint != c.source || len(r.Notes) > 0 {
		t.Errorf("%+v", r)
	}
	if info, err := os.Stat(c.version(week47) + "/priv/authkey.key"); err != nil || info.Mode() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	for _, path := range []string{"pvc-data/" + week47 + "/" + volume, "mirror"} {
		version := week47
		if path == "mirror" {
			version = ""
		}
		r, err := receipt.Read(c.dest, "weekly", version, volume)
		if err != nil {
			t.Fatal(err)
		}
		held := plan.HeldVersion{Destination: c.dest, Layer: "weekly", Volume: volume, Version: version, Path: path, Receipt: &r}
		if findings, err := c.provider.Verify(t.Context(), held, true); err != nil || len(findings) > 0 {
			t.Errorf("%s: %q, %v", path, findings, err)
		}
	}
}

// A source among several, as /etc/pve is beside /usr/local/bin.
func TestOneOfSeveralPathsByFUSE(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	other := memory(t)
	write(t, other+"/script", "#!/bin/sh")
	c.mount(pmxcfs.Mount{})
	from := &plan.Access{Paths: []string{other, c.source}}
	want := map[string]string{other[1:] + "/script": "#!/bin/sh"}
	for name, text := range clusterFiles {
		want[c.source[1:]+"/"+name] = text
	}
	a, version := c.mirror(), c.action(week46, "")
	a.Copy.From, version.Copy.From = from, from
	c.do(a)
	c.do(version)
	c.holds(week46, want)
	if diff := cmp.Diff(want, c.mirrored()); diff != "" {
		t.Error(diff)
	}
	if err := c.daemon.Stop(); err != nil {
		t.Fatal(err)
	}
	c.hasty()
	version = c.action(week47, week46)
	version.Copy.From = from
	c.fails(version, fmt.Sprintf("%q does not answer within 400ms", c.source))
}

// hasty waits for nothing longer than a second.
func (c *cluster) hasty() {
	runner := execx.NewHasty(100*time.Millisecond, 100*time.Millisecond)
	c.provider = New(Config{
		Runner: runner, Producer: NewRsync(runner), Opener: c.opener, Now: c.clock,
		Patience: Patience{Look: 400 * time.Millisecond, Copy: time.Second, Stop: time.Second},
	})
}

func TestObservationOfWhatHangs(t *testing.T) {
	t.Parallel()
	for request := 1; request <= 5; request += 2 {
		c := newCluster(t)
		c.hasty()
		c.mount(pmxcfs.Mount{StopAt: request})
		_, err := c.provider.Observe(t.Context(), providers.Target{Source: plan.Source{Kind: plan.SourcePaths, Paths: []string{c.source}}})
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q does not answer within 400ms", c.source)) {
			t.Errorf("request %d: %v, stopped: %v", request, err, c.daemon.Stopped())
		}
		c.unmount()
	}
}

// What the error advises frees even a process that cannot be killed; umount -l alone
// does not.
func TestForcedUnmountFreesWhoWaits(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.mount(pmxcfs.Mount{StopAt: 1})
	looked := make(chan error, 1)
	go func() {
		_, err := lookAtTree(c.source)
		looked <- err
	}()
	if !c.daemon.AwaitStop(10 * time.Second) {
		t.Fatal("it does not hang")
	}
	program(t, "umount", "-f", "-l", c.source)
	select {
	case err := <-looked:
		if err == nil {
			t.Error("it was answered")
		}
	case <-time.After(10 * time.Second):
		t.Error("it still waits")
	}
}

// One hung volume blocked all behind it. Whichever request of a copy is the one that
// is not answered: the copy comes to an end, no half version is left under a name,
// and when the mount answers again the next run makes a whole one.
func TestWhateverRequestIsNotAnswered(t *testing.T) {
	needRoot(t)
	for kind, action := range map[string]func(*bench) plan.Action{
		"files":  func(b *bench) plan.Action { return b.action(week46, "") },
		"mirror": (*bench).mirror,
	} {
		for request := 1; request <= 21; request += 4 {
			t.Run(fmt.Sprint(kind, " request ", request), func(t *testing.T) {
				t.Parallel()
				newCluster(t).hangs(pmxcfs.Mount{StopAt: request}, action)
			})
		}
		t.Run(kind+" which can be killed", func(t *testing.T) {
			t.Parallel()
			newCluster(t).hangs(pmxcfs.Mount{StopAfter: "large"}, action)
		})
	}
}

// hangs carries out an action on what hangs at some time, and again when it does
// not.
func (c *cluster) hangs(m pmxcfs.Mount, action func(*bench) plan.Action) {
	t := c.t
	t.Helper()
	a, patient := action(c.bench), c.provider
	c.mount(m)
	c.hasty()
	_, err := c.provider.Do(t.Context(), a)
	if err == nil || !strings.Contains(err.Error(), "does not answer within 400ms") && !strings.Contains(err.Error(), "no end within 1s") {
		t.Errorf("it does not say that it hangs: %v", err)
	}
	c.holds(week46, map[string]string{})
	if _, err := receipt.Read(c.dest, "weekly", a.Version, volume); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a receipt: %v", err)
	}
	if !c.daemon.Stopped() { // a slow machine came to the limit before that request
		c.mount(pmxcfs.Mount{})
	} else if err := c.daemon.Continue(); err != nil {
		t.Fatal(err)
	}
	c.provider = patient
	c.do(a)
	c.nothingLeft()
	got := c.mirrored()
	if a.Kind == plan.Create {
		got = contents(t, c.version(week46))
	}
	if diff := cmp.Diff(clusterFiles, got); diff != "" {
		t.Error(diff)
	}
}
