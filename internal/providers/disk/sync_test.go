package disk

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/receipt"
)

func threshold(t *testing.T, text string) quantity.Threshold {
	t.Helper()
	limit, err := quantity.ParseThreshold(text)
	if err != nil {
		t.Fatal(err)
	}
	return limit
}

func (b *bench) mirrored() map[string]string { return contents(b.t, b.dest+"/mirror") }

func TestMirrorFollowsItsSource(t *testing.T) {
	b := newBench(t)
	b.write("stays", "one")
	b.write("goes", "two")
	b.write("cache/x", "left out")
	a := b.mirror()
	a.Copy.Exclude = []string{"/cache/"}
	if r := b.do(a); r.Already || r.Detail != "2 files, 6 B new" {
		t.Errorf("%+v", r)
	}
	r, err := receipt.Read(b.dest, "weekly", "", volume)
	if err != nil || r.Path != "mirror" || r.Files != 2 || r.Digest == "" || len(r.Exclude) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if r := b.do(a); !r.Already {
		t.Errorf("again: %+v", r)
	}
	if err := os.Remove(b.source + "/goes"); err != nil {
		t.Fatal(err)
	}
	b.write("stays", "changed")
	a.Copy.Slot = a.Copy.Slot.AddDate(0, 0, 1)
	b.do(a)
	if diff := cmp.Diff(map[string]string{"stays": "changed"}, b.mirrored()); diff != "" {
		t.Error(diff)
	}
	b.nothingLeft()
}

// Safety rule 5.
func TestMirrorThatWouldLoseTooMuch(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "deleting x", "new\nline"} {
		b.write(name, "0123456789")
	}
	a := b.mirror()
	b.do(a)
	want := b.mirrored()
	a.Copy.Slot = a.Copy.Slot.AddDate(0, 0, 1)
	for _, name := range []string{"a", "b", "new\nline"} {
		os.Remove(b.source + "/" + name)
	}
	for limit, words := range map[string]string{"20%": "3 of the 11 entries in it, and max_delete is 20%", "0%": "max_delete is 0%", "29B": "3 of the 11 entries in it with 30 B"} {
		a.Copy.MaxDelete = threshold(t, limit)
		b.fails(a, words, "nothing was changed", "acknowledge", "b")
		if diff := cmp.Diff(want, b.mirrored()); diff != "" {
			t.Errorf("%s: %s", limit, diff)
		}
	}
	a.Copy.MaxDelete = threshold(t, "30%")
	b.do(a)
	if len(b.mirrored()) != 7 {
		t.Errorf("%v", b.mirrored())
	}
	a.Copy.Slot = a.Copy.Slot.AddDate(0, 0, 1)
	for name := range b.mirrored() {
		if name != "c" {
			os.Remove(b.source + "/" + name)
		}
	}
	a.Copy.MaxDelete, a.Copy.AcceptLoss = threshold(t, "1%"), true
	b.do(a)
	if len(b.mirrored()) != 1 {
		t.Errorf("acknowledged: %v", b.mirrored())
	}
}

func TestMirrorOfWhatIsNotThere(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	a := b.mirror()
	b.do(a)
	os.Remove(b.source + "/f")
	a.Copy.Slot = a.Copy.Slot.AddDate(0, 0, 1)
	a.Copy.AcceptLoss = true
	b.fails(a, "is empty", "its mirror stays as it was")
	a.Copy.From.RequireMount = true
	if err := b.fails(a, "nothing is mounted"); !isStale(err) {
		t.Errorf("%v", err)
	}
	if diff := cmp.Diff(map[string]string{"f": "one"}, b.mirrored()); diff != "" {
		t.Error(diff)
	}
}

func TestMirrorInsideOfItsSource(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	a := b.mirror()
	write(t, b.dest+"/other/f", "x")
	a.Copy.From.Paths = []string{b.dest}
	b.fails(a, "lie inside of each other")
	write(t, b.dest+"/mirror/sub/f", "x")
	a.Copy.From.Paths = []string{b.dest + "/mirror/sub"}
	b.fails(a, "lie inside of each other")
	link := filepath.Join(b.source, "link")
	if err := os.Symlink(b.dest, link); err != nil {
		t.Fatal(err)
	}
	a.Copy.From.Paths = []string{link}
	b.fails(a, "lie inside of each other")
}

func TestSeveralPathsKeepTheirNames(t *testing.T) {
	b := newBench(t)
	b.write("one/f", "1")
	b.write("two/deep/f", "2")
	b.write("three/f", "not asked for")
	a := b.mirror()
	a.Copy.From = &plan.Access{Paths: []string{b.source + "/one", b.source + "/two/deep"}}
	b.do(a)
	want := map[string]string{b.source[1:] + "/one/f": "1", b.source[1:] + "/two/deep/f": "2"}
	if diff := cmp.Diff(want, b.mirrored()); diff != "" {
		t.Error(diff)
	}
	a = b.action(week46, "")
	a.Copy.From = &plan.Access{Paths: []string{b.source + "/one", b.source + "/two/deep"}}
	b.do(a)
	b.holds(week46, want)
	a = b.action(week47, week46)
	a.Copy.From = &plan.Access{Paths: []string{b.source + "/one", b.source + "/two/deep"}}
	b.do(a)
	b.holds(week47, want)
	if r := b.receipt(week47); r.NewBytes != 0 {
		t.Errorf("not linked: %+v", r)
	}
}

func TestMirrorThatFailsKeepsItsReceipt(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	b.do(b.mirror())
	a := b.mirror()
	a.Copy.Slot = a.Copy.Slot.AddDate(0, 0, 1)
	a.Copy.From.Paths = []string{b.source + "/missing"}
	b.fails(a, "does not exist")
	if _, err := receipt.Read(b.dest, "weekly", "", volume); errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// A path is what it leads to, as its proof says, and not a link.
func TestPathThatIsALink(t *testing.T) {
	b := newBench(t)
	for name, text := range map[string]string{"real/f": "1", "real/d/goes": "2", "real/d/a.tmp": "", "real/cache/x": "", "other/cache/x": "3"} {
		b.write(name, text)
	}
	link := b.source + "/link"
	if err := os.Symlink("real", link); err != nil {
		t.Fatal(err)
	}
	do := func(a plan.Action, days int) {
		t.Helper()
		a.Copy.From = &plan.Access{Paths: []string{link, b.source + "/other"}}
		a.Copy.Exclude, a.Copy.Slot = []string{"*.tmp", link + "/cache/"}, a.Copy.Slot.AddDate(0, 0, days)
		b.do(a)
	}
	want := map[string]string{link[1:] + "/f": "1", link[1:] + "/d/goes": "2", b.source[1:] + "/other/cache/x": "3"}
	do(b.mirror(), 0)
	do(b.action(week46, ""), 0)
	b.holds(week46, want)
	if diff := cmp.Diff(want, b.mirrored()); diff != "" {
		t.Error(diff)
	}
	if err := os.Remove(b.source + "/real/d/goes"); err != nil {
		t.Fatal(err)
	}
	delete(want, link[1:]+"/d/goes")
	do(b.mirror(), 1)
	do(b.action(week47, week46), 1)
	b.holds(week47, want)
	if diff := cmp.Diff(want, b.mirrored()); diff != "" {
		t.Error(diff)
	}
	if r := b.receipt(week47); r.NewBytes != 0 {
		t.Errorf("not linked: %+v", r)
	}
}

// The data of a source moves, and a link stays behind: nothing of the mirror goes.
func TestMirrorWhoseSourceBecameALink(t *testing.T) {
	for _, paths := range [][]string{{"/one"}, {"/one", "/two"}} {
		t.Run(fmt.Sprint(len(paths)), func(t *testing.T) {
			b := newBench(t)
			b.write("one/d/f", "1")
			b.write("two/f", "2")
			a := b.mirror()
			a.Copy.From = &plan.Access{Whole: len(paths) == 1}
			for _, p := range paths {
				a.Copy.From.Paths = append(a.Copy.From.Paths, b.source+p)
			}
			b.do(a)
			want, before := b.mirrored(), everything(t, b.dest+"/mirror")
			if err := errors.Join(os.Rename(b.source+"/one", b.source+"/moved"), os.Symlink("moved", b.source+"/one")); err != nil {
				t.Fatal(err)
			}
			a.Copy.Slot, a.Copy.MaxDelete = a.Copy.Slot.AddDate(0, 0, 1), threshold(t, "0%")
			b.do(a)
			if diff := cmp.Diff(want, b.mirrored()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(before, everything(t, b.dest+"/mirror")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Between the count and the sync another file system may have come or gone at the source.
func TestSourceThatIsEmptiedAfterTheCount(t *testing.T) {
	program, err := exec.LookPath("rsync")
	if err != nil {
		t.Skip("needs rsync: ", err)
	}
	for limit, most := range map[string]int{"20%": 2, "100B": 0} {
		t.Run(limit, func(t *testing.T) {
			b := newBench(t)
			for i := range 10 {
				b.write(fmt.Sprint(i), "0123456789")
			}
			b.do(b.mirror())
			before, err := receipt.Read(b.dest, "weekly", "", volume)
			if err != nil {
				t.Fatal(err)
			}
			source := filepath.Join(t.TempDir(), "source")
			if err := os.Symlink(b.source, source); err != nil {
				t.Fatal(err)
			}
			b.provider.mirror = script(t, fmt.Sprintf(`case " $* " in *" --dry-run "*) ;; *) rm '%s'/* ;; esac
exec '%s' "$@"`, source, program))
			a := b.mirror()
			a.Copy.Slot, a.Copy.MaxDelete = a.Copy.Slot.AddDate(0, 0, 1), threshold(t, limit)
			b.fails(a, "more would have been deleted than when it was counted")
			if lost := 10 - len(b.mirrored()); lost > most {
				t.Errorf("%d files are lost, and %d may be", lost, most)
			}
			if r, err := receipt.Read(b.dest, "weekly", "", volume); err != nil || cmp.Diff(before, r) != "" {
				t.Errorf("%v %s", err, cmp.Diff(before, r))
			}
		})
	}
}

// What lies in the version before where a path leads to a folder is not followed.
func TestPathThatIsALinkInTheVersionBefore(t *testing.T) {
	b := newBench(t)
	b.write("real/f", "1")
	b.write("other/f", "2")
	link := b.source + "/link"
	if err := os.Symlink("real", link); err != nil {
		t.Fatal(err)
	}
	from := &plan.Access{Paths: []string{link + "/", b.source + "/other"}}
	first, second := b.action(week46, ""), b.action(week47, week46)
	first.Copy.From, second.Copy.From = from, from
	b.do(first)
	before := filepath.Join(b.version(week46), link)
	if err := errors.Join(os.RemoveAll(before), os.Symlink(b.source+"/real", before)); err != nil {
		t.Fatal(err)
	}
	b.do(second)
	b.holds(week47, map[string]string{link[1:] + "/f": "1", b.source[1:] + "/other/f": "2"})
	if notes := b.notes(week47); len(notes) != 1 || !strings.HasPrefix(notes[0], "not linked to the version before") {
		t.Errorf("%q", notes)
	}
}
