package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const host = "0123456789abcdef"

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// diary is a journal of a tree that is there.
type diary struct {
	t           testing.TB
	state, tree string
	*Writer
}

func begin(t testing.TB) *diary {
	t.Helper()
	d := &diary{t: t, state: t.TempDir(), tree: t.TempDir()}
	d.open()
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func (d *diary) open(exclude ...string) {
	d.t.Helper()
	w, err := Open(d.state, d.tree, host)
	if err != nil {
		d.t.Fatal(err)
	}
	id, err := Identify(d.tree)
	d.ok(err)
	d.ok(w.Begin(id, exclude, noon))
	d.Writer = w
}

func (d *diary) ok(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *diary) seal() Point {
	d.t.Helper()
	p, err := d.Seal(noon)
	d.ok(err)
	return p
}

func (d *diary) since(from, until Point) (Changes, string) {
	d.t.Helper()
	j, err := Read(d.state, d.tree, host)
	d.ok(err)
	return j.Since(from, until, nil)
}

// refused fails unless the journal says why it cannot be used.
func (d *diary) refused(from, until Point, why string) {
	d.t.Helper()
	changes, reason := d.since(from, until)
	if !strings.Contains(reason, why) {
		d.t.Errorf("the reason is %q, want %q", reason, why)
	}
	if strings.HasSuffix(reason, ".") || strings.Contains(reason, "\n") {
		d.t.Errorf("%q is no single sentence", reason)
	}
	if diff := cmp.Diff(Changes{}, changes); diff != "" {
		d.t.Errorf("there are changes all the same: %s", diff)
	}
}

// files are the segments.
func (d *diary) files(ending string) []string {
	d.t.Helper()
	list, err := filepath.Glob(filepath.Join(Folder(d.state, d.tree), "*"+ending))
	d.ok(err)
	return list
}

func TestChangesBetweenPoints(t *testing.T) {
	d := begin(t)
	first := d.seal()
	d.ok(d.Name("b/f"))
	d.ok(d.Name("b/f"))
	d.ok(d.Name("not\xff\nutf8"))
	d.ok(d.Subtree("c/d"))
	d.ok(d.Subtree("c/d/e"))
	d.ok(d.Name("c/d/e/f"))
	d.ok(d.Name("c/d!"))
	second := d.seal()
	d.ok(d.Name("later"))
	third := d.seal()

	changes, reason := d.since(first, second)
	want := Changes{Names: []string{"b/f", "c/d!", "not\xff\nutf8"}, Subtrees: []string{"c/d"}, Until: second, Covered: noon}
	if diff := cmp.Diff(want, changes); diff != "" || reason != "" {
		t.Errorf("%s %s", reason, diff)
	}
	d.ok(Consumed(d.state, d.tree, second))
	changes, reason = d.since(second, third)
	want = Changes{Names: []string{"later"}, Subtrees: nil, Until: third, Covered: noon}
	if diff := cmp.Diff(want, changes); diff != "" || reason != "" {
		t.Errorf("%s %s", reason, diff)
	}
	d.refused(first, third, "segment 1 of the change journal is missing")
	if sealed, open := d.files(sealedEnding), d.files(openEnding); len(sealed) != 1 || len(open) != 1 {
		t.Errorf("there are %q and %q", sealed, open)
	}
}

// TestFailedSyncLosesNothing: until a sync says that it has succeeded, the next
// one gets all of it again.
func TestFailedSyncLosesNothing(t *testing.T) {
	d := begin(t)
	first := d.seal()
	d.ok(d.Name("a"))
	d.seal()
	d.ok(d.Name("b"))
	changes, reason := d.since(first, d.seal())
	if reason != "" || !slices.Equal(changes.Names, []string{"a", "b"}) {
		t.Errorf("%s %q", reason, changes.Names)
	}
}

// TestLook: without a point that the watcher made, there is what is written down.
func TestLook(t *testing.T) {
	d := begin(t)
	first := d.seal()
	d.ok(d.Name("a"))
	second := d.seal()
	d.ok(d.Name("b"))
	d.ok(d.Covered(noon.Add(time.Minute)))
	changes, reason := d.since(first, Point{})
	want := Changes{Names: []string{"a", "b"}, Until: second, Covered: noon.Add(time.Minute)}
	if diff := cmp.Diff(want, changes); diff != "" || reason != "" {
		t.Errorf("%s %s", reason, diff)
	}
	d.ok(d.Close())
	d.refused(first, Point{}, "ended without a word")
}

func TestNothingChanged(t *testing.T) {
	d := begin(t)
	first := d.seal()
	again, err := d.Seal(noon.Add(time.Hour))
	d.ok(err)
	if again.Segment != first.Segment || !again.Time.Equal(noon.Add(time.Hour)) {
		t.Errorf("the point is %v", again)
	}
	changes, reason := d.since(first, again)
	if reason != "" || len(changes.Names)+len(changes.Subtrees) != 0 || changes.Until != again {
		t.Errorf("%s %v", reason, changes)
	}
}

func TestGaps(t *testing.T) {
	for name, test := range map[string]struct {
		happens func(d *diary)
		why     string
	}{
		"stopped":       {func(d *diary) { d.ok(d.End(noon, "it was stopped")); d.ok(d.Close()); d.open() }, "a gap since 2026-11-25T12:00:00Z: it was stopped"},
		"killed":        {func(d *diary) { d.ok(d.Close()); d.open() }, "ended without a word"},
		"two gaps":      {func(d *diary) { d.ok(d.End(noon, "first")); d.ok(d.Close()); d.open(); d.ok(d.Close()); d.open() }, "first"},
		"overflow":      {func(d *diary) { d.ok(d.End(noon, "too much")); id, _ := Identify(d.tree); d.ok(d.Begin(id, nil, noon)) }, "too much"},
		"never watched": {func(d *diary) { d.ok(os.RemoveAll(Folder(d.state, d.tree))) }, "there is no change journal"},
		"other machine": {func(d *diary) {
			d.header.Host = "another"
			d.seal()
			d.ok(d.Name("a"))
			d.seal()
			d.ok(d.Name("b"))
			d.seal()
		}, "another machine"},
		"tree made anew":  {func(d *diary) { d.ok(os.Remove(d.tree)); d.ok(os.Mkdir(d.tree, 0o700)) }, "another directory"},
		"tree is missing": {func(d *diary) { d.ok(os.Remove(d.tree)) }, "the tree cannot be looked at"},
	} {
		t.Run(name, func(t *testing.T) {
			d := begin(t)
			from := d.seal()
			d.ok(d.Name("changed"))
			d.seal()
			test.happens(d)
			until := Point{}
			if d.Active() {
				until = d.seal()
			}
			d.refused(from, until, test.why)
		})
	}
}

func TestExcludedFolders(t *testing.T) {
	d := begin(t)
	d.ok(d.End(noon, "again"))
	d.ok(d.Close())
	d.open("cache")
	p := d.seal()
	d.refused(p, p, `did not follow "cache"`)
	j, err := Read(d.state, d.tree, host)
	d.ok(err)
	if _, reason := j.Since(p, p, []string{"cache", "other"}); reason != "" {
		t.Error(reason)
	}
}

func TestOneWriter(t *testing.T) {
	d := begin(t)
	if _, err := Open(d.state, d.tree, host); !errors.Is(err, ErrWatched) {
		t.Errorf("a second writer gets %v", err)
	}
}

// damaged makes a segment of names, and what is left of it after something
// happened to its file.
func damaged(t testing.TB, damage func(data []byte) []byte) (d *diary, from, until Point) {
	d = begin(t)
	from = d.seal()
	for i := range 20 {
		d.ok(d.Name(fmt.Sprint("name", i)))
	}
	until = d.seal()
	path := d.files(sealedEnding)[0]
	data, err := os.ReadFile(path)
	d.ok(err)
	d.ok(os.WriteFile(path, damage(data), 0o600))
	return d, from, until
}

// TestDamageIsNoticed: whatever is cut off or written over in a segment, it is
// refused or tells the same.
func TestDamageIsNoticed(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d, from, until := damaged(t, func(data []byte) []byte {
			at := rapid.IntRange(0, len(data)-1).Draw(r, "at")
			if rapid.Bool().Draw(r, "cut") {
				return data[:at]
			}
			garbage := rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(r, "garbage")
			return append(append(slices.Clone(data[:at]), garbage...), data[min(at+len(garbage), len(data)):]...)
		})
		defer d.Close()
		changes, reason := d.since(from, until)
		if reason == "" && len(changes.Names) != 20 {
			r.Fatalf("only %d names", len(changes.Names))
		}
	})
}

func TestNewerFormat(t *testing.T) {
	d, from, until := damaged(t, func(data []byte) []byte {
		binary.LittleEndian.PutUint32(data[len(magic):], 2)
		return data
	})
	d.refused(from, until, "it is of format 2, and this bkplan knows 1")
}

// TestHostileNames: a name that leads out of the tree is not followed.
func TestHostileNames(t *testing.T) {
	for _, name := range []string{"", "/etc", "..", "../x", "a/../../x", "a//b", "a/", "./a", "a\x00b"} {
		d := begin(t)
		if err := d.Name(name); err == nil {
			t.Errorf("%q is taken", name)
		}
		if _, _, err := cutRecord(record{kind: kindName, text: name}.append(nil)); err == nil {
			t.Errorf("%q is read", name)
		}
	}
}

// TestTornEnd: a record that is being written is left out of a look.
func TestTornEnd(t *testing.T) {
	d := begin(t)
	from := d.seal()
	d.ok(d.Name("a"))
	d.ok(d.Flush())
	file, err := os.OpenFile(d.files(openEnding)[0], os.O_WRONLY|os.O_APPEND, 0)
	d.ok(err)
	frame := record{kind: kindName, text: "half"}.append(nil)
	_, err = file.Write(frame[:len(frame)-2])
	d.ok(errors.Join(err, file.Close()))
	changes, reason := d.since(from, Point{})
	if reason != "" || !slices.Equal(changes.Names, []string{"a"}) {
		t.Errorf("%s %q", reason, changes.Names)
	}
}

func TestClockSetBack(t *testing.T) {
	d := begin(t)
	d.ok(d.Name("a"))
	first := d.seal()
	d.ok(d.Name("b"))
	second, err := d.Seal(noon.Add(-time.Hour))
	d.ok(err)
	changes, reason := d.since(first, second)
	if reason != "" || !slices.Equal(changes.Names, []string{"b"}) || second.Time.Before(first.Time) {
		t.Errorf("%s %q %v", reason, changes.Names, second)
	}
}

// TestCompact: what is left says of every name what was said before.
func TestCompact(t *testing.T) {
	name := rapid.StringMatching(`[ab!]{1,2}(/[ab!]{1,2}){0,3}`)
	rapid.Check(t, func(r *rapid.T) {
		c := Changes{Names: rapid.SliceOf(name).Draw(r, "names"), Subtrees: rapid.SliceOf(name).Draw(r, "subtrees")}
		covers := func(c Changes, n string) bool {
			return slices.Contains(c.Names, n) || slices.ContainsFunc(c.Subtrees, func(s string) bool {
				return n == s || strings.HasPrefix(n, s+"/")
			})
		}
		asked := append(append(rapid.SliceOf(name).Draw(r, "asked"), c.Names...), c.Subtrees...)
		before := Changes{Names: slices.Clone(c.Names), Subtrees: slices.Clone(c.Subtrees)}
		c.compact()
		for _, n := range asked {
			if covers(before, n) != covers(c, n) {
				r.Fatalf("%q: %v became %v", n, before, c)
			}
		}
		if !slices.IsSorted(c.Names) || !slices.IsSorted(c.Subtrees) {
			r.Fatalf("%v is not in order", c)
		}
		for i, s := range c.Subtrees {
			rest := slices.Delete(slices.Clone(c.Subtrees), i, i+1)
			if covers(Changes{Subtrees: rest}, s) {
				r.Fatalf("%q is in another one of %q", s, c.Subtrees)
			}
		}
	})
}

// BenchmarkSince reads a journal of a thousand changes, as planning does.
func BenchmarkSince(b *testing.B) {
	d := begin(b)
	from := d.seal()
	for i := range 1000 {
		d.ok(d.Name(fmt.Sprintf("some/folder/%d/with/a/file-%d", i%50, i)))
	}
	until := d.seal()
	for b.Loop() {
		changes, reason := d.since(from, until)
		if reason != "" || len(changes.Names) != 1000 {
			b.Fatal(reason)
		}
	}
}

// BenchmarkName tells names, each a hundred times.
func BenchmarkName(b *testing.B) {
	d := begin(b)
	names := make([]string, 1000)
	for i := range names {
		names[i] = fmt.Sprintf("some/folder/file-%d", i)
	}
	for i := 0; b.Loop(); i++ {
		d.ok(d.Name(names[i/100%len(names)]))
	}
}

// TestBothRemove: the one who writes once took a segment that a sync had consumed in the
// same moment for one that cannot be removed, and no span could be begun any more.
func TestBothRemove(t *testing.T) {
	d := begin(t)
	d.ok(d.Name("a"))
	point := d.seal()
	listed, err := listSegments(d.Folder())
	d.ok(err)
	d.ok(Consumed(d.state, d.tree, point))
	d.ok(removeSegments(d.Folder(), listed))
	if left := d.files(""); len(left) != 1 { // the lock
		t.Errorf("there are %q", left)
	}
}

// TestBeginAfterOneThatFailed: a span that could not be begun leaves nothing behind, and
// the next attempt is one of its own.
func TestBeginAfterOneThatFailed(t *testing.T) {
	for name, obstacle := range map[string]struct{ set, clear func(d *diary) }{
		"an old span cannot be removed": {
			func(d *diary) { d.ok(os.MkdirAll(filepath.Join(d.Folder(), "old-0000000000000001.sealed/x"), 0o700)) },
			func(d *diary) { d.ok(os.RemoveAll(filepath.Join(d.Folder(), "old-0000000000000001.sealed"))) },
		},
		"the folder is gone": {
			func(d *diary) { d.ok(os.Rename(d.Folder(), d.Folder()+".away")) },
			func(d *diary) { d.ok(os.Rename(d.Folder()+".away", d.Folder())) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := begin(t)
			first := d.seal()
			d.ok(d.End(noon, "too much"))
			id, err := Identify(d.tree)
			d.ok(err)
			obstacle.set(d)
			for range maxBefore + 1 {
				if err := d.Begin(id, nil, noon); err == nil || strings.Contains(err.Error(), "a span is open") {
					t.Fatalf("begin: %v", err)
				}
				if d.Active() || len(d.files(openEnding)) > 0 {
					t.Fatalf("a span is half open: %q", d.files(""))
				}
			}
			obstacle.clear(d)
			d.ok(d.Begin(id, nil, noon))
			d.ok(d.Name("a"))
			d.refused(first, d.seal(), "too much")
		})
	}
}
