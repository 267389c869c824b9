package run

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ErrNoRun is returned for a run that there is no record of.
var ErrNoRun = errors.New("there is no such run")

// ErrNewer is returned for a record in a format that this version does not read.
var ErrNewer = errors.New("made by a newer bkplan")

// IDs lists the runs below a state directory, newest first. None were made
// when the folder is not there.
func IDs(stateDir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(stateDir, directory))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list run records: %w", err)
	}
	var ids []string
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), extension)
		if _, _, isID := parseID(id); ok && isID {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, newestFirst)
	return ids, nil
}

func newestFirst(a, b string) int {
	aStarted, aNumber, _ := parseID(a)
	bStarted, bNumber, _ := parseID(b)
	return cmp.Or(bStarted.Compare(aStarted), cmp.Compare(bNumber, aNumber))
}

// Read gives the record of a run. The last line of a killed one may be cut
// short; what came before counts. Where nothing is whole, the run changed
// nothing: it is recorded as begun before it changes anything. A run without an end
// whose Writer is gone was killed, as the kernel tells: it frees the lock of the file
// when the process dies. With ErrNewer comes what is known all the same.
func Read(stateDir, id string) (Record, error) {
	started, _, ok := parseID(id)
	if !ok {
		return Record{}, fmt.Errorf("run %q: %w", id, ErrNoRun)
	}
	file, err := os.Open(filepath.Join(stateDir, directory, id+extension))
	if errors.Is(err, os.ErrNotExist) {
		return Record{}, fmt.Errorf("run %s: %w", id, ErrNoRun)
	}
	if err != nil {
		return Record{}, fmt.Errorf("open run record: %w", err)
	}
	defer file.Close()
	record, err := decode(file)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		record, err = Record{
			Format: format, Version: formatVersion, ID: id, Started: started, Command: []string{}, Actions: []Action{},
			Outcome: Running, Error: "the record was cut off at its start, before anything was changed",
		}, nil
	}
	if err != nil {
		return record, fmt.Errorf("read run record %s: %w", id, err)
	}
	if record.Outcome == Running && !alive(file) {
		record.Outcome = Killed
	}
	return record, nil
}

// decode reads the lines that are whole; io.ErrUnexpectedEOF says that there
// is none.
func decode(r io.Reader) (Record, error) {
	lines := bufio.NewReader(r)
	var record Record
	for n := 1; ; n++ {
		text, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && n == 1 {
			return Record{}, io.ErrUnexpectedEOF
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Record{}, err
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return Record{}, fmt.Errorf("line %d: %w", n, err)
		}
		if err := record.add(l); err != nil {
			return record, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if record.Format != format {
		return Record{}, errors.New("it is not the record of a run")
	}
	return record, nil
}

func (r *Record) add(l line) error {
	switch {
	case l.Begin != nil:
		newer := l.Begin.Version
		*r = *l.Begin
		r.Actions = []Action{}
		if newer > formatVersion {
			r.Version, r.Outcome = formatVersion, Unknown
			return fmt.Errorf("%w: format %d, this one reads %d", ErrNewer, newer, formatVersion)
		}
	case l.Plan != nil:
		r.Plan, r.BlockedLayers, r.Warnings = l.Plan.Steps, l.Plan.Blocked, l.Plan.Warnings
	case l.Start != nil:
		for _, id := range l.Start.IDs {
			r.UnderWay = append(r.UnderWay, UnderWay{ID: id, Since: l.Start.At})
		}
	case l.Action != nil:
		r.Actions = append(r.Actions, *l.Action)
		r.UnderWay = slices.DeleteFunc(r.UnderWay, func(u UnderWay) bool { return u.ID == l.Action.ID })
	case l.Warning != nil:
		r.Warnings = append(r.Warnings, *l.Warning)
	case l.End != nil:
		r.Ended, r.Seconds, r.Outcome, r.Error = l.End.Ended, l.End.Seconds, l.End.Outcome, l.End.Error
	}
	return nil
}

// List reads all runs, newest first. Records that cannot be read are joined
// into the error; the others are returned all the same, and what is known of those
// of a newer bkplan, with the outcome Unknown.
func List(stateDir string) ([]Record, error) {
	ids, err := IDs(stateDir)
	if err != nil {
		return nil, err
	}
	records, errs := []Record{}, []error{}
	for _, id := range ids {
		record, err := Read(stateDir, id)
		if errors.Is(err, ErrNoRun) {
			continue // removed meanwhile
		}
		if errors.Is(err, ErrNewer) {
			record.Error, err = err.Error(), nil
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		records = append(records, record)
	}
	return records, errors.Join(errs...)
}

// Newest reads the beginnings of the newest runs, newest first, and leaves out what
// cannot be read: it serves where a gap does no harm.
func Newest(stateDir string, n int) ([]Record, error) {
	ids, err := IDs(stateDir)
	if err != nil {
		return nil, err
	}
	var records []Record
	for _, id := range ids[:min(n, len(ids))] {
		if record, err := readBegin(stateDir, id); err == nil {
			records = append(records, record)
		}
	}
	return records, nil
}

// Applied gives the ID of the run that applied a saved plan; empty when none did. A
// record whose beginning cannot be read is an error.
func Applied(stateDir, planID string) (string, error) {
	ids, err := IDs(stateDir)
	if err != nil {
		return "", err
	}
	for _, id := range ids {
		record, err := readBegin(stateDir, id)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, os.ErrNotExist): // nothing was done, or it is removed by now
		case err != nil && !errors.Is(err, ErrNewer):
			return "", fmt.Errorf("read run record %s: %w", id, err)
		case record.PlanID == planID:
			return id, nil
		}
	}
	return "", nil
}

func readBegin(stateDir, id string) (Record, error) {
	file, err := os.Open(filepath.Join(stateDir, directory, id+extension))
	if err != nil {
		return Record{}, err
	}
	defer file.Close()
	text, err := bufio.NewReader(file).ReadBytes('\n')
	if err != nil {
		return Record{}, err
	}
	return decode(bytes.NewReader(text))
}

// Last is when the newest run began, by the name of its record; zero when
// there was none. A record that cannot be read still tells it.
func Last(stateDir string) (time.Time, error) {
	ids, err := IDs(stateDir)
	if err != nil || len(ids) == 0 {
		return time.Time{}, err
	}
	started, _, _ := parseID(ids[0])
	return started, nil
}
