package catalogue

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Whatever happens to a tree, whenever, and however syncs end: one that goes by the
// catalogue leaves the mirror as the tree is.
func TestWhatIsToldIsEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		w.steps(12)
		for range rapid.IntRange(1, 4).Draw(t, "syncs") {
			w.sync(false)
			w.steps(6)
			w.lost = w.lost || rapid.IntRange(0, 2).Draw(t, "gap") == 0
		}
		for w.last.Started.IsZero() {
			w.sync(false)
		}
		w.sync(true)
		if diff := cmp.Diff(snapshot(w.tree), w.mirror); diff != "" {
			t.Fatalf("the mirror is not what the tree is:\n%s", diff)
		}
	})
}

// compare compares with the last sync, and becomes the next one.
func (w *world) compare() Differences {
	next := w.next()
	found, c, err := w.store.Compare(context.Background(), w.last, next)
	if err == nil {
		err = c.Keep(nil, nil, false)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.last = next
	return found
}

// Every kind of change is told, and nothing else: by the truth of two looks at all.
func TestWhatIsToldHasChanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		w.steps(25)
		w.compare()
		before := snapshot(w.tree)
		w.steps(5)
		after := snapshot(w.tree)
		found := w.compare()
		if found.Why != "" {
			t.Fatal(found.Why)
		}
		differs := func(name string) bool {
			was, known := before[name]
			is, there := after[name]
			return known != there || was != is
		}
		for _, name := range slices.Concat(found.Names, found.Folders) {
			if !differs(name) {
				t.Fatalf("%q is told, and has not changed", name)
			}
		}
		for _, name := range found.Subtrees {
			if was, known := before[name]; known && was.Mode.IsDir() {
				t.Fatalf("all below %q is told, which was there", name)
			}
		}
		told := func(name string) bool {
			return slices.Contains(found.Names, name) || slices.ContainsFunc(found.Subtrees, func(s string) bool { return within(name, s) }) ||
				slices.ContainsFunc(found.Names, func(gone string) bool { return strings.HasPrefix(name, gone+"/") && !after[gone].Mode.IsDir() })
		}
		all := maps.Clone(before)
		maps.Copy(all, after)
		for name := range all {
			if differs(name) && !told(name) {
				t.Fatalf("%q is not told: %+v, now %+v", name, before[name], after[name])
			}
			if was := before[name]; differs(name) && was.Mode.IsDir() && after[name].Mode.IsDir() && !slices.Contains(found.Folders, name) {
				t.Fatalf("the folder %q has changed, and is not listed", name)
			}
		}
		if again := w.compare(); again.count() > 0 || again.Why != "" {
			t.Fatalf("nothing has changed since, and this is told: %+v", again)
		}
	})
}

// fixed is a world of one folder in another, synced once.
func fixed(t *testing.T) *world {
	w := newWorld(t)
	w.put("d/sub/file")
	w.put("e/file")
	w.whole(w.next())
	return w
}

func (w *world) put(name string) {
	if err := os.MkdirAll(w.at(name[:strings.LastIndexByte(name, '/')]), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.at(name), []byte(name), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) away() { w.move(w.at("d"), w.outside+"/d") }
func (w *world) back() { w.move(w.outside+"/d", w.at("d")) }

func (w *world) move(from, to string) {
	if err := os.Rename(from, to); err != nil {
		w.t.Fatal(err)
	}
}

// whole syncs everything.
func (w *world) whole(next Sync) {
	_, c := w.begin(next)
	w.finish(c, next, w.send(Differences{Subtrees: []string{root}}), false)
}

func (w *world) begin(next Sync) (Differences, *Catalogue) {
	found, c, err := w.store.Compare(context.Background(), w.last, next)
	if err != nil || c == nil {
		w.t.Fatalf("%v, %+v", err, found)
	}
	return found, c
}

func (w *world) finish(c *Catalogue, next Sync, d deleted, cut bool) {
	if err := c.Keep(d.names, d.folders, cut); err != nil {
		w.t.Fatal(err)
	}
	w.last = next
}

// equal syncs by the catalogue, and fails unless the mirror is the tree then.
func (w *world) equal() {
	found, _ := w.begin(w.next())
	if found.Why != "" {
		w.t.Fatalf("everything is compared: %s", found.Why)
	}
	w.send(found)
	if diff := cmp.Diff(snapshot(w.tree), w.mirror); diff != "" {
		w.t.Fatalf("the mirror is not what the tree is:\n%s", diff)
	}
}

// A folder that is away while a sync looks, and back later, shows nothing of that below
// it, and what was in it is gone over there.
func TestFoldersThatWereAway(t *testing.T) {
	for name, happens := range map[string]func(w *world){
		"and the sync said what it deleted": func(w *world) {
			next := w.next()
			found, c := w.begin(next)
			w.away()
			found.Folders = append(found.Folders, root) // as something else had changed at the top
			w.finish(c, next, w.send(found), false)
			w.back()
		},
		"and nothing of it was over there": func(w *world) {
			w.put("new/sub/deep/file")
			w.tick()
			next := w.next()
			_, c := w.begin(next)
			w.move(w.at("new"), w.outside+"/new")
			w.finish(c, next, w.send(Differences{Subtrees: []string{root}}), false)
			w.move(w.outside+"/new", w.at("new"))
			w.put("new/after")
		},
		"and back before the sync ended": func(w *world) {
			w.put("d/sub/deep/file")
			w.tick()
			next := w.next()
			_, c := w.begin(next)
			w.move(w.at("d/sub"), w.outside+"/sub")
			d := w.send(Differences{Subtrees: []string{root}})
			w.move(w.outside+"/sub", w.at("d/sub"))
			w.finish(c, next, deleted{}, false)
			if len(d.folders) != 1 {
				w.t.Fatal(d)
			}
		},
		"and the sync was cut off": func(w *world) {
			w.begin(w.next())
			w.away()
			w.send(Differences{Folders: []string{root}})
			w.back()
		},
		"and a try was cut off, and the next one was not": func(w *world) {
			next := w.next()
			_, c := w.begin(next)
			w.away()
			w.send(Differences{Folders: []string{root}})
			w.back()
			w.finish(c, next, w.send(Differences{Folders: []string{root}}), true)
		},
		"and a sync by a journal was cut off": func(w *world) {
			_, err := w.store.Continue(context.Background(), w.last, w.next(), nil, nil)
			if err != nil {
				w.t.Fatal(err)
			}
			w.away()
			w.send(Differences{Folders: []string{root}})
			w.back()
		},
		"and a journal told of it": func(w *world) {
			w.away()
			next := w.next()
			c, err := w.store.Continue(context.Background(), w.last, next, nil, []string{"d"})
			if err != nil {
				w.t.Fatal(err)
			}
			w.send(Differences{Subtrees: []string{"d"}})
			w.finish(c, next, deleted{}, false)
			w.back()
		},
		"and came after a journal was asked, when there was no catalogue": func(w *world) {
			w.away()
			w.whole(w.next())
			if err := w.store.Forget("nfs"); err != nil {
				w.t.Fatal(err)
			}
			next := w.next()
			next.Started = time.Unix(0, snapshot(w.tree)[root].Changed).Add(Settling)
			w.back()
			c, err := w.store.Continue(context.Background(), w.last, next, nil, nil)
			if err != nil {
				w.t.Fatal(err)
			}
			w.finish(c, next, w.send(Differences{}), false)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := fixed(t)
			happens(w)
			w.equal()
		})
	}
}

// What comes and goes while a sync runs was sent, and is in no listing: its folder tells.
func TestAFileThatWasThereInBetween(t *testing.T) {
	w := fixed(t)
	next := w.next()
	found, c := w.begin(next)
	w.put("e/short")
	w.send(Differences{Subtrees: []string{root}})
	if err := os.Remove(w.at("e/short")); err != nil {
		t.Fatal(err)
	}
	w.finish(c, next, deleted{}, false)
	if found.count() > 0 {
		t.Fatalf("%+v", found)
	}
	w.equal()
}

// What was changed right before a listing may be changed again without a trace: that is
// told the next time, though it looks the same.
func TestWhatHasJustChangedIsNotBelieved(t *testing.T) {
	w := fixed(t)
	info := snapshot(w.tree)["e/file"]
	w.last = Sync{}
	next := w.next()
	next.Started = time.Unix(0, info.Changed).Add(Settling)
	w.whole(next)
	if found := w.compare(); !slices.Contains(found.Names, "e/file") || slices.Contains(found.Names, "d/sub/file") && snapshot(w.tree)["d/sub/file"].Changed < info.Changed {
		t.Fatalf("%+v", found)
	}
	next = w.next()
	next.Started = time.Unix(0, info.Changed).Add(Settling + time.Nanosecond) // nothing is newer
	w.whole(next)
	if found := w.compare(); found.count() > 0 {
		t.Fatalf("%+v", found)
	}
}
