package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Writer appends to the file of a run that is under way. While it is open, the run
// counts as alive.
type Writer struct {
	file  *os.File
	began time.Time // with the reading of the monotonic clock, if it was given
	err   error
}

// Begin starts the record of a run below the state directory, before anything
// is changed: a run that cannot be recorded is not begun. It fills in the
// record's format, version and ID. How long the run takes is told from
// record.Started on, which is kept in whole seconds.
func Begin(stateDir string, record Record) (*Writer, Record, error) {
	dir := filepath.Join(stateDir, directory)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, record, fmt.Errorf("make folder of run records: %w", err)
	}
	began := record.Started
	record.Started = began.Truncate(time.Second)
	record.Format, record.Version, record.Outcome, record.Actions = format, formatVersion, Running, []Action{}
	file, err := create(dir, &record)
	if err != nil {
		return nil, record, fmt.Errorf("make run record: %w", err)
	}
	w := &Writer{file: file, began: began, err: keepAlive(file)}
	w.begin(record)
	if w.err == nil {
		w.err = syncFolder(dir)
	}
	if w.err != nil {
		return nil, record, errors.Join(fmt.Errorf("write run record: %w", w.err), file.Close(), os.Remove(file.Name()))
	}
	return w, record, nil
}

// Unbegun completes the record of a run that could not begin, which is in no file: it
// has no ID, and failed at once.
func Unbegun(record Record, failure error) Record {
	record.Started = record.Started.Truncate(time.Second)
	record.Format, record.Version, record.Ended, record.Outcome = format, formatVersion, record.Started, Failed
	record.Error, record.Actions = failure.Error(), []Action{}
	return record
}

// begin writes the first lines, of which a reader of older versions knows the first.
func (w *Writer) begin(record Record) {
	plan := outline{Steps: record.Plan, Blocked: record.BlockedLayers, Warnings: record.Warnings}
	record.Plan, record.BlockedLayers, record.Warnings = nil, nil, nil
	w.write(line{Begin: &record})
	w.append(line{Plan: &plan})
}

// syncFolder makes the name of a new file outlast a power cut.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// create makes a file that does not exist yet; runs of the same second are
// told apart by a number.
func create(dir string, record *Record) (*os.File, error) {
	for n := 1; ; n++ {
		record.ID = newID(record.Started, n)
		file, err := os.OpenFile(filepath.Join(dir, record.ID+extension), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
		if err == nil || !errors.Is(err, os.ErrExist) || n == 100 {
			return file, err
		}
	}
}

// Start records that actions begin at an instant. It is not synced: a killed process
// leaves it all the same, and after a power cut it is there if the action has lasted
// as long as the kernel holds back what is written.
func (w *Writer) Start(at time.Time, ids ...string) { w.write(line{Start: &start{At: at, IDs: ids}}) }

// Action records the end of an action. An error is kept for End: what was
// planned goes on, the record of it is the lesser loss.
func (w *Writer) Action(a Action) { w.append(line{Action: &a}) }

// Warn records what a person should know about the run; it may follow the end.
func (w *Writer) Warn(warning Warning) { w.append(line{Warning: &warning}) }

// End records the end of the run. Its error is the first of all writes up to then.
func (w *Writer) End(at time.Time, outcome Outcome, failure error) error {
	e := end{Ended: at.Truncate(time.Second), Seconds: w.Took(at).Seconds(), Outcome: outcome}
	if failure != nil {
		e.Error = failure.Error()
	}
	w.append(line{End: &e})
	return w.failure(w.err)
}

// Err is the first error of all writes so far.
func (w *Writer) Err() error { return w.failure(w.err) }

// Took is how long the run has lasted at an instant: by the monotonic clock if both
// ends have its reading, and never negative.
func (w *Writer) Took(at time.Time) time.Duration { return max(0, at.Sub(w.began)) }

// Close closes the file. Its error is the first of all writes.
func (w *Writer) Close() error { return w.failure(errors.Join(w.err, w.file.Close())) }

func (w *Writer) failure(err error) error {
	if err != nil {
		return fmt.Errorf("write run record: %w", err)
	}
	return nil
}

func (w *Writer) append(l line) {
	w.write(l)
	if w.err == nil {
		w.err = w.file.Sync()
	}
}

func (w *Writer) write(l line) {
	if w.err != nil {
		return
	}
	text, err := json.Marshal(l)
	if err == nil {
		_, err = w.file.Write(append(text, '\n'))
	}
	w.err = err
}
