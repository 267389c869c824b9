package ssh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
)

// counter adds up what rsync says that it has sent.
type counter struct {
	execx.Runner
	sent   int64
	silent int // transfers that did not say it
}

func (c *counter) Run(ctx context.Context, command execx.Command) (execx.Output, error) {
	output, err := c.Runner.Run(ctx, command)
	sent := readStats(output.Stdout).sent
	c.sent += sent
	if sent == 0 && command.Argv[0] == "rsync" && command.Argv[1] != "--version" {
		c.silent++
	}
	return output, err
}

// counts lets a bench count what is sent from now on.
func (b *bench) counts() *counter {
	c := &counter{Runner: b.provider.Runner}
	b.provider.Runner = c
	return c
}

// little fails where about as much was sent as large files are.
func (c *counter) little(t *testing.T) {
	t.Helper()
	if c.sent == 0 || c.sent > mebibyte/4 {
		t.Errorf("%d bytes were sent", c.sent)
	}
}

// inodes are what must stay of a finished version, whatever is linked to it.
func inodes(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		s := info.Sys().(*syscall.Stat_t)
		found[strings.TrimPrefix(path, root)] = fmt.Sprintf("%d %v %d:%d %d %v", s.Ino, info.Mode(), s.Uid, s.Gid, s.Size, info.ModTime())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// begun has a week over there, and sends all of the next one, which shares a file with
// it, but does not name it. It gives the action that is to be carried out again.
func (b *bench) begun(kind plan.ActionKind) plan.Action {
	b.t.Helper()
	b.plain(week46)
	b.do(b.copy(week46, ""))
	b.link(week46, week47, "f")
	a := b.copy(week47, week46)
	if kind == plan.Refresh {
		b.prove(week47)
		b.do(a)
		a = b.refresh(week47, week47)
	}
	b.put(week47, "large", string(incompressible(mebibyte)))
	b.prove(week47)
	b.crash("here sent", a)
	return a
}

// changes makes the next week anew: a file that it shares with the one before gets
// another mode.
func (b *bench) changes(more ...string) {
	b.t.Helper()
	b.check(os.RemoveAll(b.local(week47, "f")))
	b.put(week47, "f", "one")
	b.check(os.Chmod(b.local(week47, "f"), 0o600))
	b.check(os.Chtimes(b.local(week47, "f"), taken(week46), taken(week46)))
	for _, name := range more {
		b.put(week47, name, "changed")
	}
	b.prove(week47)
}

func (b *bench) workOf(a plan.Action) string {
	return filepath.Join(b.root(), plan.WorkFolder, plan.WorkName(a.Kind, a.Layer, a.Volume, a.Version))
}

// A first copy that takes days began at zero each night, for its version was made anew
// each day. What was sent is linked to; the tree itself is not gone on with, since it is
// linked to finished versions, whose attributes must never change.
func TestWhatWasSentBeforeAChangeIsLinkedTo(t *testing.T) {
	for name, make := range map[string]func(*testing.T) *bench{"as root": newBench, "as a user": newKeptBench} {
		for _, kind := range []plan.ActionKind{plan.Create, plan.Refresh} {
			t.Run(name+" "+string(kind), func(t *testing.T) {
				b := make(t)
				b.dash()
				a := b.begun(kind)
				finished, sent := inodes(t, b.remote(week46, "")), inode(t, b.workOf(a)+"/tree/large")
				b.changes("new")
				c := b.counts()
				if r := b.do(a); !strings.Contains(r.Detail, "contents were compared: ") {
					t.Errorf("%+v", r)
				}
				c.little(t)
				b.holds(week46)
				b.holds(week47)
				if diff := cmp.Diff(finished, inodes(t, b.remote(week46, ""))); diff != "" {
					t.Errorf("a finished version was written into: %s", diff)
				}
				if inode(t, b.remote(week47, "large")) != sent {
					t.Error("what was sent is there as a copy")
				}
				if left := b.unfinished(); left != nil {
					t.Errorf("left behind: %q", left)
				}
			})
		}
	}
}

// Neither size nor time shows that a file is another one than when it was sent.
func TestWhatWasSentIsComparedByContent(t *testing.T) {
	b := newBench(t)
	a := b.begun(plan.Create)
	b.put(week47, "large", string(incompressible(mebibyte-1))+"x")
	b.changes()
	b.do(a)
	b.holds(week47)
	b.whole()
}

// An rsync that reads a file of some hundred gigabytes to compare it says nothing for
// longer than any other may.
func TestWhoComparesContentsMayBeSilent(t *testing.T) {
	b := newBench(t)
	a := b.begun(plan.Create)
	b.changes()
	var timeouts []string
	b.provider.Runner = spy{b.nas, func(argv []string) {
		for _, word := range argv {
			if strings.HasPrefix(word, "--timeout=") && slices.Contains(argv, "--checksum") {
				timeouts = append(timeouts, word)
			}
		}
	}}
	b.do(a)
	want := []string{"--timeout=300", "--timeout=86400"} // the last one holds
	if diff := cmp.Diff(want, timeouts); diff != "" {
		t.Error(diff)
	}
}

// Whatever is cut off while a new tree is begun, neither what was sent is lost nor
// anything left behind, nor two versions mixed.
func TestCrashWhileAnotherContentIsBegun(t *testing.T) {
	for kind, steps := range map[plan.ActionKind][]string{
		plan.Create:  {"there unmarked", "there dropped", "there kept", "there marked", "here sent", "here proven", "there pending", "there named", "there proven"},
		plan.Refresh: {"here sent", "there pending", "there named", "there proven"}, // what comes before is the same
	} {
		for _, step := range steps {
			t.Run(string(kind)+" "+step, func(t *testing.T) {
				b := newBench(t)
				a := b.begun(kind)
				b.changes("new")
				finished := inodes(t, b.remote(week46, ""))
				c := b.counts()
				b.crash(step, a)
				b.whole()
				if step != "there named" && step != "there proven" { // else it is to be a refresh
					b.changes("newer")
				}
				b.do(a)
				c.little(t)
				b.holds(week46)
				b.holds(week47)
				b.whole()
				if diff := cmp.Diff(finished, inodes(t, b.remote(week46, ""))); diff != "" {
					t.Errorf("a finished version was written into: %s", diff)
				}
				if left := b.unfinished(); left != nil {
					t.Errorf("left behind: %q", left)
				}
			})
		}
	}
}

// Of two trees that were begun the one with more in it stays: the newer one where it has
// caught up, the older one where it was cut off before.
func TestCutAgainAfterAChange(t *testing.T) {
	for name, c := range map[string]struct {
		cut  string // the second run
		more bool   // it has sent more than the first
	}{"early": {"there marked", false}, "late": {"here sent", true}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			a := b.begun(plan.Create)
			b.changes()
			if c.more {
				b.put(week47, "more", string(incompressible(mebibyte)))
				b.prove(week47)
			}
			b.crash(c.cut, a)
			for _, step := range []string{"there dropped", "there kept", "there marked"} {
				b.changes(step)
				b.crash(step, a)
				if trees, err := filepath.Glob(b.workOf(a) + "/*/large"); err != nil || len(trees) > 2 || len(trees) == 0 {
					t.Errorf("%s: %q, %v", step, trees, err)
				}
			}
			counts := b.counts()
			b.do(a)
			counts.little(t)
			b.holds(week47)
			b.whole()
			if left := b.unfinished(); left != nil {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// A shell over there that has lost its connection goes on while it writes nothing. What it
// has weighed is another thing when it goes on.
func TestAShellThatWasLeftAloneChangesNothing(t *testing.T) {
	b := newBench(t)
	a := b.begun(plan.Create)
	b.changes()
	waits, ended := b.at("waits"), b.at("ended")
	b.provider.script = fmt.Sprintf(`reached() {
  if [ "$1" = weighed ] && [ ! -e %[1]s ]; then
    trap ": > %[2]s" EXIT
    : > %[1]s; n=0
    while [ -e %[1]s ] && [ $n -lt 1200 ]; do sleep 0.1; n=$((n + 1)); done
    : > %[1]s
    exec > %[2]s.log 2>&1 # nobody reads it any more
  fi
}`, waits, ended)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		b.appears(waits)
	}()
	if _, err := b.provider.Do(ctx, a); err == nil {
		t.Fatal("it was not left alone")
	}
	b.crash("here sent", a)
	before := contents(t, b.workOf(a))
	b.check(os.Remove(waits))
	b.appears(ended)
	if diff := cmp.Diff(before, contents(t, b.workOf(a))); diff != "" {
		t.Error(diff)
	}
	c := b.counts()
	b.do(a)
	c.little(t)
	b.holds(week47)
	b.whole()
}

// A shell that removes what is left over, without its connection, stops where another run
// prepares the same.
func TestACleanThatWasLeftAloneStops(t *testing.T) {
	b := newBench(t)
	a := b.begun(plan.Create)
	put(t, b.workOf(a)+"/gone/f", "f")
	remover, err := exec.LookPath("rm")
	b.check(err)
	b.replace("rm", fmt.Sprintf(`case $* in *gone) : > "${2%%/*}/turn" ;; esac; %s "$@"`, remover))
	clean := plan.Action{Kind: plan.Clean, Layer: "offsite", Copy: &plan.CopyAction{Remote: a.Copy.Remote, Destination: b.root(), Unfinished: filepath.Base(b.workOf(a))}}
	b.fails(clean, "another run is preparing the same over there")
	b.check(b.Restore("rm"))
	c := b.counts()
	b.do(a)
	c.little(t)
	b.holds(week47)
}

// appears waits for a file, within a limit.
func (b *bench) appears(path string) {
	b.t.Helper()
	for range 1200 {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.t.Errorf("%s does not appear", path)
}

// A version over there never gets the receipt of what should have replaced it.
func TestWhatIsTakenAwayGetsNoReceipt(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	b.do(b.copy(week46, ""))
	b.put(week46, "f", "longer")
	b.prove(week46)
	a := b.refresh(week46, week46)
	b.provider.reached = func(step string) {
		if step == "proven" {
			b.check(os.RemoveAll(b.workOf(a) + "/tree"))
		}
	}
	b.fails(a, "what was sent is gone")
	b.whole()
	b.provider.reached = func(string) {}
	b.do(a)
	b.holds(week46)
}

// To remove what was sent before takes as long as it takes: the version is there by then.
func TestWhatWasSentBeforeAChangeGoesLast(t *testing.T) {
	b := newBench(t)
	a := b.begun(plan.Create)
	b.changes()
	kept := false
	b.provider.reached = func(step string) {
		if step == "sealed" {
			b.holds(week47)
			_, err := os.Stat(b.workOf(a) + "/earlier")
			kept = err == nil
		}
	}
	b.do(a)
	if !kept {
		t.Error("it was removed before the version was proven")
	}
	if left := b.unfinished(); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

// A link in what was sent lies where the version has a folder now
// (docs/adr/0007-links-in-last-weeks-version.md).
func TestALinkInWhatWasSentMisleadsNobody(t *testing.T) {
	b := newBench(t)
	put(t, b.at("elsewhere/f"), "the same")
	b.check(os.Chtimes(b.at("elsewhere/f"), taken(week46), taken(week46)))
	b.put(week46, "g", "g")
	b.check(os.Symlink(b.at("elsewhere"), b.local(week46, "d")))
	b.prove(week46)
	a := b.copy(week46, "")
	b.crash("here sent", a)
	b.check(os.Remove(b.local(week46, "d")))
	b.put(week46, "d/f", "the same")
	b.prove(week46)
	if r := b.do(a); !strings.Contains(r.Detail, `earlier", in which a link lies where this version has a folder`) {
		t.Errorf("%+v", r)
	}
	b.holds(week46)
	if inode(t, b.remote(week46, "d/f")) == inode(t, b.at("elsewhere/f")) {
		t.Error("a file of somewhere else is in the version")
	}
}

// What has come of a file outlasts a change of another one.
func TestAPartOfAFileOutlastsAChange(t *testing.T) {
	b := newBench(t)
	b.put(week46, "z-large", string(incompressible(6*mebibyte)))
	b.prove(week46)
	a := b.copy(week46, "")
	a.Copy.Remote.BandwidthLimit = mebibyte
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("terminated")
	go b.whenGrown(ctx, b.workOf(a)+"/tree/.z-large.*", func() { cancel(stop) })
	if _, err := b.provider.Do(ctx, a); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	kept := int64(0)
	for range 6000 { // the other end notices by itself
		if info, err := os.Stat(b.workOf(a) + "/partial/z-large"); err == nil {
			kept = info.Size()
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.put(week46, "a", "new")
	b.prove(week46)
	a.Copy.Remote.BandwidthLimit = 0
	c := b.counts()
	b.do(a)
	b.holds(week46)
	if kept == 0 || c.sent > 6*mebibyte-kept+mebibyte/4 {
		t.Errorf("%d bytes were sent, and %d were there", c.sent, kept)
	}
}
