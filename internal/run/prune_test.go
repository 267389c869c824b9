package run

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// lay makes the records of runs, one a day, the last of them on the given day. fine
// says in which a layer came out well.
func lay(t interface {
	Helper()
	Fatal(args ...any)
}, dir string, last time.Time, fine []bool,
) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, directory), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, ok := range fine {
		id := newID(last.AddDate(0, 0, i+1-len(fine)), 1)
		outcome := "failed"
		if ok {
			outcome = "succeeded"
		}
		text := fmt.Sprintf(`{"begin":{"format":"bkplan.run","version":1,"id":%q,"layers":["weekly"]}}
{"end":{"ended":"2026-11-24T01:00:00Z","outcome":%q}}
`, id, outcome)
		if err := os.WriteFile(filepath.Join(dir, directory, id+extension), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever the limits and the clock: the newest stay, the last success stays, nothing
// goes that no limit asks for, and to prune again changes nothing.
func TestPruneKeepsWhatMustStay(t *testing.T) {
	root := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		dir := filepath.Join(root, fmt.Sprint(n))
		fine := rapid.SliceOfN(rapid.Bool(), 1, 12).Draw(t, "fine")
		lay(t, dir, night, fine)
		keep := Keep{
			Always: rapid.IntRange(1, 12).Draw(t, "always"), Most: rapid.IntRange(1, 12).Draw(t, "most"),
			Age: time.Duration(rapid.IntRange(0, 12).Draw(t, "days")) * 24 * time.Hour, Layers: []string{"weekly"},
		}
		now := night.AddDate(0, 0, rapid.SampledFrom([]int{0, 3, -400, 4000}).Draw(t, "clock"))
		before, _ := IDs(dir)
		removed, err := Prune(dir, now, keep)
		if err != nil {
			t.Fatal(err)
		}
		after, _ := IDs(dir)
		if len(after)+len(removed) != len(before) {
			t.Fatalf("%v and %v are not %v", after, removed, before)
		}
		success := false
		for i, id := range before {
			started, _, _ := parseID(id)
			first := fine[len(fine)-1-i] && !success
			success = success || first
			may := i >= keep.Always && (i >= keep.Most || now.Sub(started) > keep.Age) && !first
			if gone := slices.Contains(removed, id); gone != may {
				t.Fatalf("%d of %v: gone %v, want %v", i, before, gone, may)
			}
		}
		if again, err := Prune(dir, now, keep); err != nil || again != nil {
			t.Fatalf("and again: %v, %v", again, err)
		}
	})
}

func TestPruneLeavesOtherFilesAlone(t *testing.T) {
	dir := t.TempDir()
	lay(t, dir, night, []bool{false, false, false})
	folder := filepath.Join(dir, directory)
	if err := os.Mkdir(filepath.Join(folder, "20200101T000000Z.jsonl"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(folder, "20200102T000000Z.jsonl")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "20200103T000000Z.jsonl.old"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	removed, err := Prune(dir, night, Keep{Always: 1, Most: 1})
	if err != nil || len(removed) != 2 {
		t.Errorf("%v, %v", removed, err)
	}
	entries, _ := os.ReadDir(folder)
	if len(entries) != 4 {
		t.Errorf("left: %v", entries)
	}
}

func TestPruneWhereNothingWasRecorded(t *testing.T) {
	if removed, err := Prune(filepath.Join(t.TempDir(), "none"), night, Kept(nil)); err != nil || removed != nil {
		t.Errorf("%v, %v", removed, err)
	}
}

// What a layer left undone is no success of it, and what another left undone is none of
// its business.
func TestFine(t *testing.T) {
	ok, bad := Action{Address: `layer.weekly["a"]`, Outcome: Done}, Action{Address: `layer.weekly["b"]`, Outcome: Skipped}
	other := Action{Address: `layer.weekly2["b"]`, Outcome: Failed}
	both := []string{"weekly", "weekly2"}
	for i, c := range []struct {
		r    Record
		want bool
	}{
		{Record{Outcome: Succeeded, Layers: both}, true},
		{Record{Outcome: Succeeded, Layers: []string{"weekly2"}}, false},
		{Record{Outcome: Failed, Layers: both}, false},
		{Record{Outcome: Killed, Layers: both, Actions: []Action{ok}}, false},
		{Record{Outcome: Failed, Layers: both, Actions: []Action{ok, other}}, true},
		{Record{Outcome: Failed, Layers: both, Actions: []Action{ok, bad}}, false},
		{Record{Outcome: Failed, Layers: both, Actions: []Action{ok}, BlockedLayers: []BlockedLayer{{Layer: "weekly"}}}, false},
	} {
		if c.r.Outcome != Killed {
			c.r.Ended = night
		}
		if got := c.r.Fine("weekly"); got != c.want {
			t.Errorf("%d: %v", i, got)
		}
	}
}

// A saved plan is applied once, also when the record of that is of a newer bkplan; and
// what cannot be read could be that record.
func TestApplied(t *testing.T) {
	dir := t.TempDir()
	w, record, err := Begin(dir, Record{Started: night, PlanID: "sha256:p"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, cut := write(t, dir)
	path := filepath.Join(dir, directory, record.ID+extension)
	newer := `{"begin":{"format":"bkplan.run","version":2,"plan_id":"sha256:p"}}` + "\n"
	for _, c := range []struct {
		file, text, plan, want string
		bad                    bool
	}{
		{"", "", "sha256:p", record.ID, false},
		{"", "", "sha256:q", "", false},
		{cut, `{"begin":{"for`, "sha256:p", record.ID, false},
		{path, newer, "sha256:p", record.ID, false},
		{path, newer, "sha256:q", "", false},
		{path, "\x00\x00\n", "sha256:q", "", true},
	} {
		if c.file != "" {
			if err := os.WriteFile(c.file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := Applied(dir, c.plan); got != c.want || (err != nil) != c.bad {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
}
