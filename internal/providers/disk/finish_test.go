package disk

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/receipt"
)

// A version that could not be replaced is as good as it was.
func TestVersionThatStaysHasItsReceiptBack(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(b *bench, work string) error
		words []string
	}{
		"nothing to put there": {func(_ *bench, work string) error { return os.RemoveAll(work + "/tree") }, []string{"no such file"}},
		// The kernel refuses to let a folder change places with one above it just as a
		// file system does that cannot exchange any.
		"no exchange": {func(b *bench, work string) error {
			return errors.Join(os.RemoveAll(work), os.Symlink(b.version(week46)+"/d", work))
		}, []string{"cannot exchange two folders", "use ext4, XFS or btrfs", `in layer "weekly"`}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.write("d/tree/f", "one")
			b.do(b.action(week46, ""))
			before := b.receipt(week46)
			b.write("d/tree/f", "two")
			a := refresh(b.action(week46, week46))
			work := filepath.Join(b.dest, plan.WorkFolder, plan.WorkName(a.Kind, a.Layer, a.Volume, a.Version))
			b.provider.reached = func(step string) {
				if step == "unproven" {
					if err := c.spoil(b, work); err != nil {
						t.Error(err)
					}
				}
			}
			b.fails(a, c.words...)
			b.holds(week46, map[string]string{"d/tree/f": "one"})
			if diff := cmp.Diff(before, b.receipt(week46)); diff != "" {
				t.Error(diff)
			}
			if findings := b.verify(week46, true); len(findings) > 0 {
				t.Errorf("%q", findings)
			}
			b.provider.reached = func(string) {}
			b.do(a)
			b.holds(week46, map[string]string{"d/tree/f": "two"})
		})
	}
}

// Once the version has its name, nothing is as it was.
func TestDiskThatFailsBeforeTheReceipt(t *testing.T) {
	needRoot(t)
	for _, c := range []struct {
		name  string
		kind  plan.ActionKind
		step  string
		spoil func(b *bench) error
		mend  func(b *bench) error
		words string
	}{
		{"full", plan.Create, "named", fill, empty, "is full"},
		{"full", plan.Refresh, "named", fill, empty, "is full"},
		{"read-only", plan.Create, "named", remount(unix.MS_RDONLY), remount(0), "has become read-only"},
		{"read-only", plan.Refresh, "exchanged", remount(unix.MS_RDONLY), remount(0), "has become read-only"},
	} {
		t.Run(c.name+" "+string(c.kind), func(t *testing.T) {
			b := newBench(t)
			if err := unix.Mount("tmpfs", b.dest, "tmpfs", 0, "size=1m"); err != nil {
				t.Skip("needs mounts: ", err)
			}
			t.Cleanup(func() { _ = unix.Unmount(b.dest, unix.MNT_DETACH) })
			b.write("f", "one")
			a := b.action(week46, "")
			if c.kind == plan.Refresh {
				b.do(a)
				a = refresh(b.action(week46, week46))
			}
			b.write("f", "two")
			b.provider.reached = func(step string) {
				if step == c.step {
					if err := c.spoil(b); err != nil {
						t.Error(err)
					}
				}
			}
			_, err := b.provider.Do(t.Context(), a)
			if err == nil || !strings.Contains(err.Error(), c.words) || !strings.Contains(err.Error(), "a whole version is in its place and has no receipt") || strings.Contains(err.Error(), "stays as it was") {
				t.Errorf("%v", err)
			}
			b.provider.reached = func(string) {}
			if err := c.mend(b); err != nil {
				t.Fatal(err)
			}
			b.holds(week46, map[string]string{"f": "two"})
			if _, err := receipt.Read(b.dest, "weekly", week46, volume); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a receipt: %v", err)
			}
			b.converge(a)
		})
	}
}

func fill(b *bench) error {
	if err := os.WriteFile(b.dest+"/filler", make([]byte, 2<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		return errors.Join(errors.New("it is not full"), err)
	}
	return nil
}

func empty(b *bench) error { return os.Remove(b.dest + "/filler") }

func remount(flags uintptr) func(*bench) error {
	return func(b *bench) error { return unix.Mount("", b.dest, "", unix.MS_REMOUNT|flags, "") }
}

// noting is a Producer that has something to say.
type noting providers.Produced

func (n noting) Produce(context.Context, providers.Job) (providers.Produced, error) {
	return providers.Produced(n), nil
}

// What was left out is told where it is seen; what holds for every version is not.
func TestNotesAreInTheResult(t *testing.T) {
	b := newBench(t)
	b.write("f", "x")
	for i, c := range []struct {
		notes []string
		want  string
	}{
		{nil, "0 files, 0 B new"},
		{[]string{"one"}, "0 files, 0 B new; one"},
		{[]string{"one", "two"}, "0 files, 0 B new; one; the receipt has 1 more note"},
		{[]string{"one", "two", "three"}, "0 files, 0 B new; one; the receipt has 2 more notes"},
	} {
		b.provider.Producer = noting{Notes: c.notes, Limits: []string{"always"}}
		a := refresh(b.action(week46, ""))
		if i == 0 {
			a = b.action(week46, "")
		}
		a.Copy.Slot = a.Copy.Slot.AddDate(0, 0, i)
		if r := b.do(a); r.Detail != c.want {
			t.Errorf("%q", r.Detail)
		}
		if diff := cmp.Diff(append([]string{"always"}, c.notes...), b.receipt(week46).Notes); diff != "" {
			t.Error(diff)
		}
	}
	b.provider.mirror = script(t, `echo 'file has vanished: "/x/gone"' >&2; exit 24`)
	if r := b.do(b.mirror()); r.Detail != "0 files, 0 B new; files vanished from the source while it was copied" {
		t.Errorf("%q", r.Detail)
	}
}
