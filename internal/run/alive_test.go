package run

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// beginAndStay is the life of a process that is killed in the middle of an action.
func beginAndStay(dir string) {
	w, record, err := Begin(dir, example())
	if err != nil {
		panic(err)
	}
	w.Start(night, "a")
	w.Action(exampleActions[0])
	w.Start(night.Add(time.Second), "b", "c")
	os.Stdout.WriteString(record.ID + "\n")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until it is killed
}

// A run that was killed once was shown as running for ever, and where it was killed
// could not be told.
func TestKilledRunIsToldFromOneThatIsAlive(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "RUN_TEST_BEGIN="+dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	id, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	id = strings.TrimSpace(id)
	for range 2 { // to look does not change it
		if r, err := Read(dir, id); err != nil || r.Outcome != Running {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if removed, err := Prune(dir, night.AddDate(9, 0, 0), Keep{}); err != nil || removed != nil {
		t.Errorf("the record of a run that is alive is gone: %v, %v", removed, err)
	}
	_, _ = cmd.Process.Kill(), cmd.Wait()
	r, err := Read(dir, id)
	if err != nil || r.Outcome != Killed || len(r.Actions) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if len(r.UnderWay) != 2 || r.UnderWay[0] != (UnderWay{"b", night.Add(time.Second)}) || r.UnderWay[1].ID != "c" {
		t.Errorf("killed at %+v", r.UnderWay)
	}
}

// A record of a newer bkplan hides no other, and stops nothing but its own show.
func TestNewerRecord(t *testing.T) {
	dir := t.TempDir()
	whole, path := write(t, dir)
	text := `{"begin":{"format":"bkplan.run","version":2,"id":"` + whole.ID + `","started":"2026-11-24T01:00:00Z","plan_id":"sha256:p"}}` + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir, whole.ID); !errors.Is(err, ErrNewer) {
		t.Error(err)
	}
	records, err := List(dir)
	if err != nil || len(records) != 1 || records[0].Outcome != Unknown || records[0].PlanID != "sha256:p" || records[0].Error == "" {
		t.Errorf("%+v, %v", records, err)
	}
}

// Lines that a later version adds within the format are passed over.
func TestUnknownLinesArePassedOver(t *testing.T) {
	dir := t.TempDir()
	whole, path := write(t, dir)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), "\n", "\n{\"weather\":{\"sky\":\"blue\"}}\n", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := Read(dir, whole.ID); err != nil || len(r.Actions) != 2 || r.Outcome != Failed {
		t.Errorf("%+v, %v", r, err)
	}
}

// What version 0.1 wrote: no plan, no starts, no seconds.
func TestRecordOfAnOlderVersion(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, directory), 0o700); err != nil {
		t.Fatal(err)
	}
	text := `{"begin":{"format":"bkplan.run","version":1,"id":"20261124T010000Z","started":"2026-11-24T01:00:00Z","host":"pve","pid":7,"command":["bkplan","apply"],"policy_digest":"sha256:1","planned":2,"outcome":"running","actions":null}}
{"action":{"id":"a","kind":"create","address":"layer.snapshots[\"a\"]","outcome":"done","started":"2026-11-24T01:00:00Z","ended":"2026-11-24T01:00:02Z"}}
{"end":{"ended":"2026-11-24T01:00:05Z","outcome":"succeeded"}}
`
	if err := os.WriteFile(filepath.Join(dir, directory, "20261124T010000Z"+extension), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Read(dir, "20261124T010000Z")
	if err != nil || r.Outcome != Succeeded || r.Took() != 5*time.Second || r.Actions[0].Took() != 2*time.Second {
		t.Errorf("%+v, %v", r, err)
	}
}

// A clock that is set back in a run once made it last less than nothing.
func TestTookIsWhateverTheClockDid(t *testing.T) {
	dir := t.TempDir()
	begun := time.Now()
	record := example()
	record.Started = begun
	w, record, err := Begin(dir, record)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if record.Started != begun.Truncate(time.Second) {
		t.Errorf("began %v", record.Started)
	}
	if took := w.Took(begun.Add(-time.Hour)); took != 0 {
		t.Error(took)
	}
	if took := w.Took(begun.Add(90 * time.Minute)); took != 90*time.Minute {
		t.Error(took)
	}
	for _, c := range []struct {
		r    Record
		want time.Duration
	}{
		{Record{Started: night, Ended: night.Add(-3 * time.Hour)}, 0},
		{Record{Started: night, Ended: night.Add(-3 * time.Hour), Seconds: 1.5}, 1500 * time.Millisecond},
		{Record{Started: night, Ended: night.Add(time.Minute)}, time.Minute},
		{Record{Started: night}, 0},
	} {
		if got := c.r.Took(); got != c.want {
			t.Errorf("%+v took %v", c.r, got)
		}
	}
}
