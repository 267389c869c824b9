package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Writer appends to the file of a run that is under way.
type Writer struct {
	file *os.File
	err  error
}

// Begin starts the record of a run below the state directory, before anything
// is changed: a run that cannot be recorded is not begun. It fills in the
// record's format, version and ID.
func Begin(stateDir string, record Record) (*Writer, Record, error) {
	dir := filepath.Join(stateDir, directory)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, record, fmt.Errorf("make folder of run records: %w", err)
	}
	record.Format, record.Version, record.Outcome = format, formatVersion, Running
	file, err := create(dir, &record)
	if err != nil {
		return nil, record, fmt.Errorf("make run record: %w", err)
	}
	w := &Writer{file: file}
	w.append(line{Begin: &record})
	if w.err == nil {
		w.err = syncFolder(dir)
	}
	if w.err != nil {
		return nil, record, errors.Join(fmt.Errorf("write run record: %w", w.err), file.Close(), os.Remove(file.Name()))
	}
	return w, record, nil
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

// Action records the end of an action. An error is kept for End: what was
// planned goes on, the record of it is the lesser loss.
func (w *Writer) Action(a Action) { w.append(line{Action: &a}) }

// End records the end of the run and closes the file. Its error is the first
// of all writes.
func (w *Writer) End(at time.Time, outcome Outcome, failure error) error {
	e := end{Ended: at, Outcome: outcome}
	if failure != nil {
		e.Error = failure.Error()
	}
	w.append(line{End: &e})
	if err := errors.Join(w.err, w.file.Close()); err != nil {
		return fmt.Errorf("write run record: %w", err)
	}
	return nil
}

func (w *Writer) append(l line) {
	if w.err != nil {
		return
	}
	text, err := json.Marshal(l)
	if err == nil {
		_, err = w.file.Write(append(text, '\n'))
	}
	if err == nil {
		err = w.file.Sync()
	}
	w.err = err
}
