package run

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var night = time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC)

func example() Record {
	return Record{Started: night, Host: "pve", PID: 7, Command: []string{"bkplan", "apply"}, PolicyDigest: "sha256:1", Planned: 2,
		Layers: []string{"snapshots", "weekly"},
		Plan: []Step{
			{ID: "a", Kind: "create", Layer: "snapshots", Volume: "a", Reason: Reason{"no_version", "no version yet"}, Estimate: &Estimate{Bytes: 1}},
			{ID: "b", Kind: "prune", Layer: "snapshots", Volume: "b", Blocked: &Block{"suspect", "far smaller", "look at it"}},
		},
		BlockedLayers: []BlockedLayer{{"weekly", "mount", "not mounted", "mount it"}},
		Warnings:      []Warning{{Code: "clock", Detail: "behind"}},
	}
}

var exampleActions = []Action{
	{ID: "a", Kind: "create", Address: `layer.snapshots["a"]`, Version: "a_snap", Outcome: Done, Started: night, Ended: night.Add(time.Second)},
	{ID: "b", Kind: "prune", Address: `layer.snapshots["b"]`, Outcome: Failed, Error: "exit 5: line\nand \"another\""},
}

// write makes the record of a whole run and returns its file.
func write(t interface {
	Helper()
	Fatal(args ...any)
}, stateDir string,
) (Record, string) {
	t.Helper()
	w, record, err := Begin(stateDir, example())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range exampleActions {
		w.Start(a.Started, a.ID)
		w.Action(a)
	}
	if err := w.End(night.Add(time.Minute), Failed, errors.New("not everything was done")); err != nil {
		t.Fatal(err)
	}
	w.Warn(Warning{Code: WarnNotify, Detail: "nobody answers"})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return record, filepath.Join(stateDir, directory, record.ID+extension)
}

func TestRecordReadsAsWritten(t *testing.T) {
	dir := t.TempDir()
	record, path := write(t, dir)
	record.Actions, record.Ended, record.Outcome, record.Error = exampleActions, night.Add(time.Minute), Failed, "not everything was done"
	record.Seconds, record.UnderWay = 60, []UnderWay{}
	record.Warnings = append(record.Warnings, Warning{Code: WarnNotify, Detail: "nobody answers"})
	read, err := Read(dir, record.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(record, read); diff != "" {
		t.Error(diff)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// A power cut may leave any beginning of the file. Whatever was written before
// counts, in order, and never is anything made up.
func TestRecordSurvivesACutAtEveryByte(t *testing.T) {
	dir := t.TempDir()
	whole, path := write(t, dir)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := bytes.Index(text, []byte(`{"end"`))
	for n := range end + 1 {
		if err := os.WriteFile(path, text[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := Read(dir, whole.ID)
		if err != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
		if read.ID != whole.ID || !read.Started.Equal(night) || read.Outcome != Killed || !read.Ended.IsZero() {
			t.Fatalf("cut at %d: %+v", n, read)
		}
		if !slices.Equal(read.Actions, exampleActions[:len(read.Actions)]) {
			t.Fatalf("cut at %d: actions %+v", n, read.Actions)
		}
		if len(read.Plan) != 0 && len(read.Plan) != 2 || len(read.UnderWay) > 1 {
			t.Fatalf("cut at %d: plan %+v, under way %+v", n, read.Plan, read.UnderWay)
		}
		if last, err := Last(dir); err != nil || !last.Equal(night) {
			t.Fatalf("cut at %d: last run %v, %v", n, last, err)
		}
	}
}

// After a power cut some file systems leave zeros where the text should be.
func TestRecordThatIsDamagedIsAnError(t *testing.T) {
	for name, text := range map[string]string{
		"zeros":        "\x00\x00\x00\n",
		"another file": "{\"begin\":{\"format\":\"other\",\"version\":1}}\n",
		"no beginning": "{\"action\":{\"id\":\"a\"}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			whole, path := write(t, dir)
			other, _ := write(t, dir)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if read, err := Read(dir, whole.ID); err == nil {
				t.Errorf("no error: %+v", read)
			}
			records, err := List(dir)
			if err == nil || len(records) != 1 || records[0].ID != other.ID {
				t.Errorf("the other run is lost: %+v, %v", records, err)
			}
		})
	}
}

// Runs of one second have numbers, and the newest is first beyond ten as well.
func TestRunsOfOneSecond(t *testing.T) {
	dir := t.TempDir()
	var made []string
	for range 12 {
		record, _ := write(t, dir)
		made = append([]string{record.ID}, made...)
	}
	ids, err := IDs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, ids); diff != "" {
		t.Error(diff)
	}
}

// A stray file among the records once would have stopped every plan: its name
// was taken for the newest run.
func TestStrayFilesAreNoRuns(t *testing.T) {
	dir := t.TempDir()
	record, path := write(t, dir)
	for _, name := range []string{"zzz.jsonl", ".jsonl", "20261124T010000Z copy.jsonl", "20261199T010000Z.jsonl", "20261124T010000Z-x.jsonl", "20261124T010000Z-1.jsonl", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ids, err := IDs(dir)
	if diff := cmp.Diff([]string{record.ID}, ids); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if last, err := Last(dir); err != nil || !last.Equal(night) {
		t.Errorf("%v, %v", last, err)
	}
}

func TestNoRunYet(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	if records, err := List(dir); err != nil || records == nil || len(records) != 0 {
		t.Errorf("%v, %v", records, err)
	}
	if last, err := Last(dir); err != nil || !last.IsZero() {
		t.Errorf("%v, %v", last, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("reading made the folder")
	}
}

func TestReadNeverLeavesTheFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir)
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(rapid.String(), rapid.StringMatching(`[./\\a-z0-9\x00-]{0,12}`)).Draw(t, "id")
		if _, err := Read(dir, id); !errors.Is(err, ErrNoRun) {
			t.Fatalf("%q: %v", id, err)
		}
	})
}

func TestBeginWhereNothingCanBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Begin(file, example()); err == nil {
		t.Error("a run that cannot be recorded began")
	}
}

// What cannot be read is left out: a gap in the history does no harm.
func TestNewestLeavesOutWhatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	for day := range 4 {
		w, _, err := Begin(dir, Record{Started: time.Date(2026, 11, 20+day, 6, 0, 0, 0, time.UTC), Rooms: []Room{{"/mnt/backup", 100, int64(50 - day)}}})
		if err != nil {
			t.Fatal(err)
		}
		w.Action(Action{ID: "one", Outcome: Done})
		if err := w.End(time.Date(2026, 11, 20+day, 6, 1, 0, 0, time.UTC), Succeeded, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, directory, "20261122T060000Z"+extension), []byte(`{"begin":`), 0o600); err != nil {
		t.Fatal(err)
	}
	records, err := Newest(dir, 3)
	if err != nil || len(records) != 2 || records[0].Rooms[0].Free != 47 || records[1].Rooms[0].Free != 49 {
		t.Errorf("%+v, %v", records, err)
	}
	if none, err := Newest(t.TempDir(), 3); err != nil || none != nil {
		t.Errorf("%+v, %v", none, err)
	}
}
