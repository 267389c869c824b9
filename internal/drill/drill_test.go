package drill

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNote(t *testing.T) {
	dir, day := t.TempDir(), time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	if list, err := Read(dir); err != nil || list != nil {
		t.Errorf("%v, %v", list, err)
	}
	for _, d := range []Drill{
		{Layer: "weekly", Volume: "a", Version: "46", Ended: day},
		{Layer: "weekly", Volume: "b", Version: "46", Ended: day, Error: "rotten"},
		{Layer: "offsite", Volume: "a", Version: "weekly/46", Ended: day},
		{Layer: "weekly", Volume: "a", Version: "47", Ended: day.AddDate(0, 0, 7), Error: "rotten"},
		{Layer: "offsite", Of: "sqlite", Volume: "a", Version: "sqlite/46", Ended: day},
		{Layer: "weekly", Volume: "b", Version: "47", Ended: day.AddDate(0, 0, 7), Untried: "no room"},
	} {
		if err := Note(dir, d); err != nil {
			t.Fatal(err)
		}
	}
	list, err := Read(dir)
	want := []Drill{
		{Layer: "weekly", Volume: "a", Version: "47", Ended: day.AddDate(0, 0, 7), Good: day, Error: "rotten"},
		{Layer: "weekly", Volume: "b", Version: "47", Ended: day.AddDate(0, 0, 7), Error: "rotten", Untried: "no room"},
		{Layer: "offsite", Volume: "a", Version: "weekly/46", Ended: day, Good: day},
		{Layer: "offsite", Of: "sqlite", Volume: "a", Version: "sqlite/46", Ended: day, Good: day},
	}
	if diff := cmp.Diff(want, list); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

// A file that is damaged, or of a newer bkplan, is not written over.
func TestWhatIsNoListStays(t *testing.T) {
	for _, text := range []string{"", "{", `{"format":"bkplan.drills","version":2}`, `{"format":"other","version":1}`} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Note(dir, Drill{Layer: "weekly", Volume: "a"}); err == nil {
			t.Errorf("%q is taken", text)
		}
		if now, _ := os.ReadFile(path); string(now) != text {
			t.Errorf("%q became %q", text, now)
		}
	}
}
