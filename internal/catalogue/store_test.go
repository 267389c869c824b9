package catalogue

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/bkplan/bkplan/internal/tree"
)

// The order of folders is that of a walk, whatever bytes are in their names.
func TestFoldersAreInTheOrderOfAWalk(t *testing.T) {
	want := []string{".", "\x01", "-", "a", "a/b", "a/b/c", "a/b-", "a/b-/x", "a-", "a-/b", "a.d", "a.d/a", "ab", "\xff"}
	for i, a := range want {
		for j, b := range want {
			if got := tree.Compare(a, b); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%q and %q: %d", a, b, got)
			}
		}
	}
	w := newWorld(t)
	for _, name := range want[1:] {
		if err := os.MkdirAll(w.at(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	if err := walkAll(t, w.tree, nil, func(path string, _ []entry) error {
		got = append(got, path)
		return nil
	}); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v: %q", err, got)
	}
}

func walkAll(t *testing.T, tree string, skip []string, tell func(string, []entry) error) error {
	fd, err := unix.Open(tree, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	return (&walk{ctx: t.Context(), tree: fd, skip: skip}).run(tell)
}

// What can be written can be read: numbers of every size, names of every byte.
func TestEntriesAreReadAsTheyWereWritten(t *testing.T) {
	at := filepath.Join(t.TempDir(), "x")
	rapid.Check(t, func(t *rapid.T) {
		times := func(label string) stamp {
			return stamp{rapid.Int64().Draw(t, label), rapid.Uint32Max(999_999_999).Draw(t, label)}
		}
		var want []entry
		for range rapid.IntRange(0, 6).Draw(t, "entries") {
			e := entry{name: string(rapid.SliceOfN(rapid.Byte(), 1, 255).Draw(t, "name")), unknown: rapid.Bool().Draw(t, "unknown"), mount: rapid.Bool().Draw(t, "mount")}
			e.stat = stat{
				rapid.Uint32().Draw(t, "mode"), rapid.Uint32().Draw(t, "uid"), rapid.Uint32().Draw(t, "gid"), rapid.Uint32().Draw(t, "names"),
				rapid.Uint32().Draw(t, "major"), rapid.Uint32().Draw(t, "minor"), rapid.Uint64().Draw(t, "size"), rapid.Uint64().Draw(t, "inode"), times("modified"), times("changed"),
			}
			if rapid.Bool().Draw(t, "as the one before") && len(want) > 0 {
				e.stat = want[len(want)-1].stat
				e.stat.names, e.stat.major, e.stat.minor, e.stat.changed = 1, 0, 0, e.stat.modified
			}
			want = append(want, e)
		}
		_, err := replace(at, header{Name: "x"}, func(w *writer) error {
			w.folder("f\n\xff")
			for i := range want {
				w.entry(&want[i])
			}
			_ = w.WriteByte(endMark)
			w.number(w.count)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := openListing(at)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var got []entry
		for !r.over {
			e, inFolder, err := r.next()
			if err != nil {
				t.Fatal(err)
			}
			if inFolder {
				got = append(got, e)
			}
		}
		if !slices.Equal(got, want) || r.path != "f\n\xff" || r.header.Name != "x" {
			t.Fatalf("%q, %+v, want %+v", r.path, got, want)
		}
	})
}

// Not one byte can be changed or be missing, in either file, without everything being
// compared.
func TestDamageIsNoticed(t *testing.T) {
	w := fixed(t)
	next := w.next()
	c, err := w.store.Continue(context.Background(), w.last, next, []string{"e/told"}, []string{"d"})
	if err != nil {
		t.Fatal(err)
	}
	w.finish(c, next, deleted{}, false)
	at := w.store.folder("nfs")
	keep := t.TempDir()
	if err := os.CopyFS(keep, os.DirFS(at)); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(keep)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%v, %v", entries, err)
	}
	for _, e := range entries {
		whole, err := os.ReadFile(filepath.Join(keep, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		damage := func(what string, at int, damaged []byte) {
			w.store.StateDir = t.TempDir()
			if err := os.CopyFS(w.store.folder("nfs"), os.DirFS(keep)); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(w.store.folder("nfs"), e.Name()), damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			found, _, err := w.store.Compare(context.Background(), w.last, w.next())
			if err != nil || found.Why == "" || found.count() > 0 {
				t.Fatalf("%s: %s at %d: %v, %+v", e.Name(), what, at, err, found)
			}
		}
		for i := 0; i < len(whole); i += 1 + len(whole)/60 {
			damage("cut off", i, whole[:i])
			other := bytes.Clone(whole)
			other[i] ^= 0x41
			damage("changed", i, other)
		}
		damage("with more", len(whole), append(bytes.Clone(whole), 0))
	}
}

// Each thing that a catalogue belongs to is held against what is asked for.
func TestACatalogueOfSomethingElse(t *testing.T) {
	w := fixed(t)
	if why := w.store.Look(w.last); why != "" {
		t.Fatal(why)
	}
	for want, change := range map[string]func(*Store, *Sync){
		"there was no sync yet":                        func(_ *Store, s *Sync) { s.Started = time.Time{} },
		"the catalogue is not that of the last sync":   func(_ *Store, s *Sync) { s.Started = s.Started.Add(1) },
		"there is no catalogue of the last sync":       func(_ *Store, s *Sync) { s.Layer = "other" },
		"the catalogue is that of ":                    func(_ *Store, s *Sync) { s.Tree = "/srv" },
		"the tree lay on the mount \"/\" when":         func(_ *Store, s *Sync) { s.Mount = "/srv" },
		"what is left out is not what it was when":     func(_ *Store, s *Sync) { s.Exclude = []string{"a"} },
		"the catalogue was written on another machine": func(st *Store, _ *Sync) { st.Host = "other" },
	} {
		store, last := w.store, w.last
		change(&store, &last)
		if why := store.Look(last); !strings.HasPrefix(why, want) {
			t.Errorf("%q, want %q", why, want)
		}
	}
}

// What is mounted below is not entered, and compared as a whole every time; what is left
// out is not entered either.
func TestMountsAndWhatIsLeftOut(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	w := newWorld(t)
	w.put("m/hidden/f")
	w.put("cache/deep/f")
	w.put("b/f")
	skipped := func() Sync {
		s := w.next()
		s.Skip, s.Exclude = []string{"cache"}, []string{"/cache/"}
		return s
	}
	w.whole(skipped())
	if err := unix.Mount("tmpfs", w.at("m"), "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	mounted := true
	defer func() {
		if mounted {
			_ = unix.Unmount(w.at("m"), unix.MNT_DETACH)
		}
	}()
	w.put("m/f")
	w.put("cache/deep/g")
	for range 2 {
		next := skipped()
		found, c := w.begin(next)
		if !slices.Equal(found.Subtrees, []string{"m"}) || !slices.Equal(found.Names, []string{"m"}) {
			t.Errorf("%+v", found)
		}
		w.finish(c, next, deleted{}, false)
	}
	if err := unix.Unmount(w.at("m"), 0); err != nil {
		t.Fatal(err)
	}
	mounted = false
	if found, _ := w.begin(skipped()); !slices.Equal(found.Subtrees, []string{"m"}) {
		t.Errorf("%+v", found)
	}
}

// A walk ends when its context does or its user has had enough, in a folder of many
// entries and in many folders.
func TestAWalkEnds(t *testing.T) {
	w := newWorld(t)
	for i := range 3000 {
		if err := os.WriteFile(w.at("f"+string(rune('a'+i%26))+strings.Repeat("x", i/26)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 300 {
		w.put("d" + strings.Repeat("/d", i%40) + "/" + strings.Repeat("y", i/40+1) + "/f")
	}
	enough := errors.New("enough")
	for _, after := range []int{0, 1, 3, 50} {
		n := 0
		err := walkAll(t, w.tree, nil, func(string, []entry) error {
			if n++; n > after {
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) {
			t.Errorf("%v", err)
		}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(enough)
	if _, _, err := w.store.Compare(ctx, Sync{}, w.next()); !errors.Is(err, enough) {
		t.Errorf("%v", err)
	}
}

// A state directory that cannot be written leaves no catalogue that would be believed.
func TestNoRoomForACatalogue(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	w := fixed(t)
	small := t.TempDir()
	if err := unix.Mount("tmpfs", small, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(small, unix.MNT_DETACH)
	w.store.StateDir = small
	w.whole(w.next())
	if err := os.WriteFile(small+"/rest", make([]byte, 1<<16), 0o600); err == nil {
		t.Fatal("it is not full")
	}
	found, _, err := w.store.Compare(t.Context(), w.last, w.next())
	if err != nil || !strings.Contains(found.Why, "no space left") {
		t.Errorf("%v, %+v", err, found)
	}
	if why := w.store.Look(w.last); why != "there is no catalogue of the last sync" {
		t.Error(why)
	}
}
