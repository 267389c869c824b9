package journal

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

// What a look tells is weighed in the tree of this machine: what is gone weighs nothing,
// a folder that came in counts with all below it, holes are not sent.
func TestALookWeighsWhatChanged(t *testing.T) {
	w := newWorld(t)
	elsewhere := filepath.Join(t.TempDir(), "new\n\xff")
	for name, content := range map[string]string{"a": "1234", "b/c": "56"} {
		file := filepath.Join(elsewhere, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	since := w.point()
	w.put("stays")
	w.put("goes")
	if err := os.Remove(filepath.Join(w.tree, "goes")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(elsewhere, filepath.Join(w.tree, filepath.Base(elsewhere))); err != nil {
		t.Fatal(err)
	}
	w.put("holes")
	if err := os.Truncate(filepath.Join(w.tree, "holes"), 1<<30); err != nil {
		t.Fatal(err)
	}
	w.point()
	told, err := w.tracker.Look(t.Context(), w.tree, since, exclude)
	if err != nil || told.Why != "" || told.Amount == nil {
		t.Fatalf("%+v, %v", told, err)
	}
	// "stays", "holes", and the folder with a, b and c.
	if got := *told.Amount; got.Files != 4 || got.Inodes != 6 || got.Size != 1<<30+5+6 || got.Bytes < 5+6 || got.Bytes > 1<<20 {
		t.Errorf("%+v", got)
	}
	proof, err := w.tracker.Prove(t.Context(), w.tree, since, exclude)
	if err != nil || proof.Amount != nil {
		t.Errorf("a proof is weighed, and nobody asks: %+v, %v", proof, err)
	}
}

// Files may claim any size.
func TestHugeFilesOfHoles(t *testing.T) {
	tree := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		put(t, tree, name)
		if err := os.Truncate(filepath.Join(tree, name), math.MaxInt64/4096*4096); err != nil {
			t.Skip(err) // not every file system has such files
		}
	}
	if got := amountOf(tree, providers.TreeChanges{Subtrees: []string{"."}}); got == nil || got.Size != math.MaxInt64 || got.Bytes > 1<<20 {
		t.Errorf("%+v", got)
	}
}

func put(t *testing.T, tree, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(tree, name), []byte(name), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A plan looks at so many names, and then does without.
func TestWhatTakesLongIsNotWeighed(t *testing.T) {
	tree := t.TempDir()
	names := make([]string, amountMost)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	if diff := cmp.Diff(&plan.Estimate{}, amountOf(tree, providers.TreeChanges{Names: names})); diff != "" {
		t.Error(diff)
	}
	for _, subtree := range []string{"one more", "."} {
		if got := amountOf(tree, providers.TreeChanges{Names: names[:amountMost-1], Subtrees: []string{subtree, "."}}); got != nil {
			t.Errorf("%+v", got)
		}
	}
	put(t, tree, "f")
	if got := amountOf(tree, providers.TreeChanges{Names: names[:amountMost-1], Subtrees: []string{"."}}); got != nil {
		t.Errorf("%+v", got)
	}
	if got := amountOf(tree, providers.TreeChanges{Names: []string{strings.Repeat("n", 300)}}); got != nil {
		t.Errorf("what cannot be looked at weighs something: %+v", got)
	}
}
