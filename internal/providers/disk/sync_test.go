package disk

import (
	"errors"
	"os"
	"path/filepath"
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
	if err != nil || r.Path != "" || r.Files != 2 || r.Digest == "" || len(r.Exclude) != 1 {
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
