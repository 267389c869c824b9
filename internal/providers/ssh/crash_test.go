package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/internal/tree"
)

// crash carries out an action that is cut off at a step: over there, where the shell
// is killed, or here.
func (b *bench) crash(step string, a plan.Action) {
	b.t.Helper()
	p := b.provider
	config := p.Config
	defer func() { p.Config, p.script, p.reached = config, nothingReached, func(string) {} }()
	p.Sleep = func(context.Context, time.Duration) error { return errors.New("not again") }
	where, name, _ := strings.Cut(step, " ")
	if where == "there" {
		p.script = fmt.Sprintf(`reached() { if [ "$1" = %s ]; then kill -9 $$; fi; }`, name)
		if _, err := p.Do(b.t.Context(), a); err == nil {
			b.t.Fatalf("not cut off at %q", step)
		}
		return
	}
	p.reached = func(is string) {
		if is == name {
			panic(step)
		}
	}
	defer func() {
		if recover() != step {
			b.t.Fatalf("not cut off at %q", step)
		}
	}()
	_, err := p.Do(b.t.Context(), a)
	b.t.Errorf("%q: %v", step, err)
}

// whole looks that every receipt over there stands for what is there, by its digest.
func (b *bench) whole() {
	b.t.Helper()
	receipts, bad, err := receipt.ReadAll(b.root())
	if err != nil || len(bad) > 0 {
		b.t.Errorf("%v, %v", bad, err)
	}
	for _, r := range receipts {
		var manifest bytes.Buffer
		totals, err := tree.WriteManifest(b.t.Context(), filepath.Join(b.root(), r.Path), tree.Previous{}, &manifest)
		if err != nil || totals.Digest != r.Digest {
			b.t.Errorf("the receipt of %q is for something else: %v", r.Path, err)
		}
	}
}

// A crash in mid-copy left a half week that looked whole.
func TestCrashLeavesWholeVersions(t *testing.T) {
	for kind, steps := range map[plan.ActionKind][]string{
		plan.Create:  {"here sent", "there pending", "there named", "there proven"},
		plan.Refresh: {"there unproven", "there moved", "there named", "there proven", "here sealed"},
	} {
		for _, step := range steps {
			t.Run(string(kind)+" "+step, func(t *testing.T) {
				b := newBench(t)
				a := b.copy(week46, "")
				b.plain(week46)
				if kind == plan.Refresh {
					b.do(a)
					b.put(week46, "f", "longer")
					b.prove(week46)
					a = b.refresh(week46, week46)
				}
				b.crash(step, a)
				b.whole()
				b.do(a)
				b.holds(week46)
				b.whole()
				if left := b.unfinished(); left != nil {
					t.Errorf("left behind: %q", left)
				}
			})
		}
	}
}

// The network breaks while a version gets its name, or right after, before the answer:
// what is tried again goes on from there.
func TestAnAnswerThatIsLost(t *testing.T) {
	for kind, steps := range map[plan.ActionKind][]string{
		plan.Create:  {"pending", "unproven", "named", "proven", "sealed"},
		plan.Refresh: {"unproven", "moved", "named", "sealed"},
	} {
		for _, step := range steps {
			t.Run(string(kind)+" "+step, func(t *testing.T) {
				b := newBench(t)
				a := b.copy(week46, "")
				b.plain(week46)
				if kind == plan.Refresh {
					b.do(a)
					b.put(week46, "f", "longer")
					b.prove(week46)
					a = b.refresh(week46, week46)
				}
				b.provider.script = fmt.Sprintf(`reached() { if [ "$1" = %s ] && [ ! -e %s ]; then : > %[2]s; kill -9 $$; fi; }`, step, b.at("cut"))
				b.do(a)
				if len(b.waits) != 1 {
					t.Errorf("not cut off: %v", b.waits)
				}
				b.holds(week46)
				b.whole()
				if left := b.unfinished(); left != nil {
					t.Errorf("left behind: %q", left)
				}
			})
		}
	}
}

// Another run gives its own version the name, while this one is on its way.
func TestSomethingElseHasTakenTheName(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	var theirs map[string]entry
	b.provider.reached = func(step string) {
		if step != "proven" {
			return
		}
		put(t, b.remote(week46, "f"), "of somebody else")
		r, err := receipt.Read(b.disk, "weekly", week46, volume)
		b.check(err)
		r.Digest = "sha256:of somebody else"
		b.check(receipt.Write(b.root(), r))
		theirs = contents(t, b.root()+"/"+plan.ReceiptFolder)
	}
	b.fails(b.copy(week46, ""), "something else has taken the name of the version")
	if diff := cmp.Diff(theirs, contents(t, b.root()+"/"+plan.ReceiptFolder)); diff != "" {
		t.Error(diff)
	}
	if content, err := os.ReadFile(b.remote(week46, "f")); string(content) != "of somebody else" {
		t.Errorf("%q, %v", content, err)
	}
}

func TestCrashOfAPrune(t *testing.T) {
	for _, step := range []string{"there unproven", "there moved"} {
		t.Run(step, func(t *testing.T) {
			b := newBench(t)
			b.plain(week46)
			b.plain(week47)
			b.do(b.copy(week46, ""))
			b.do(b.copy(week47, ""))
			b.crash(step, b.prune(week46, week47))
			b.whole()
			b.do(b.prune(week46, week47))
			b.holds(week47)
			if _, err := os.Lstat(b.root() + "/pvc-data/2026-46"); !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
			if left := b.unfinished(); left != nil {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// What a run left that nobody continues is found and removed.
func TestUnfinishedWorkIsCleaned(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	b.crash("here sent", b.copy(week46, ""))
	left := b.observe().Unfinished
	if len(left) != 1 || left[0] != plan.WorkName(plan.Create, "offsite", volume, week46) {
		t.Fatalf("%q", left)
	}
	a := plan.Action{Kind: plan.Clean, Layer: "offsite", Copy: &plan.CopyAction{Remote: b.copy(week46, "").Copy.Remote, Destination: b.root(), Unfinished: left[0]}}
	if r := b.do(a); r.Already {
		t.Errorf("%+v", r)
	}
	if r := b.do(a); !r.Already || b.unfinished() != nil {
		t.Errorf("%+v", r)
	}
	for _, name := range []string{"", "..", ".", "a/b", "../../pvc-data"} {
		a.Copy.Unfinished = name
		b.fails(a, "is no name in the work folder")
	}
}

// Partial transfers are kept and continued.
func TestACutInTheMiddle(t *testing.T) {
	b := newBench(t)
	b.put(week46, "small", "small")
	b.put(week46, "z-large", string(incompressible(6<<20)))
	b.prove(week46)
	a := b.copy(week46, "")
	a.Copy.Remote.BandwidthLimit = 1 << 20
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("terminated")
	work := filepath.Join(b.root(), plan.WorkFolder, plan.WorkName(plan.Create, "offsite", volume, week46))
	go b.whenGrown(ctx, work+"/tree/.z-large.*", func() { cancel(stop) })
	if _, err := b.provider.Do(ctx, a); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	b.whole()
	var kept int64
	for range 6000 { // the other end notices by itself
		if info, err := os.Stat(work + "/partial/z-large"); err == nil {
			kept = info.Size()
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if kept < 1<<20 {
		t.Errorf("%d bytes were kept", kept)
	}
	a.Copy.Remote.BandwidthLimit = 0
	r := b.do(a)
	b.holds(week46)
	if strings.Contains(r.Detail, "6 MiB") {
		t.Errorf("all of it was sent again: %+v", r)
	}
}
