package run

import (
	"bufio"
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
		if id, ok := strings.CutSuffix(e.Name(), extension); ok {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return strings.Compare(b, a) })
	return ids, nil
}

// Read gives the record of a run. The last line of a killed one may be cut
// short; what came before counts.
func Read(stateDir, id string) (Record, error) {
	if id == "" || strings.ContainsAny(id, `/\`) {
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
	if err != nil {
		return Record{}, fmt.Errorf("read run record %s: %w", id, err)
	}
	return record, nil
}

func decode(r io.Reader) (Record, error) {
	lines := bufio.NewReader(r)
	var record Record
	for n := 1; ; n++ {
		text, err := lines.ReadBytes('\n')
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
			return Record{}, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if record.Format != format {
		return Record{}, errors.New("it is not the record of a run, or was cut off at its start")
	}
	return record, nil
}

func (r *Record) add(l line) error {
	switch {
	case l.Begin != nil:
		if l.Begin.Version > formatVersion {
			return fmt.Errorf("made by a newer bkplan: format %d, this one reads %d", l.Begin.Version, formatVersion)
		}
		*r = *l.Begin
		r.Actions = []Action{}
	case l.Action != nil:
		r.Actions = append(r.Actions, *l.Action)
	case l.End != nil:
		r.Ended, r.Outcome, r.Error = l.End.Ended, l.End.Outcome, l.End.Error
	}
	return nil
}

// List reads all runs, newest first. Records that cannot be read are joined
// into the error; the others are returned all the same.
func List(stateDir string) ([]Record, error) {
	ids, err := IDs(stateDir)
	if err != nil {
		return nil, err
	}
	records, errs := []Record{}, []error{}
	for _, id := range ids {
		record, err := Read(stateDir, id)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		records = append(records, record)
	}
	return records, errors.Join(errs...)
}

// Last is when the newest run began, by the name of its record; zero when
// there was none. A record that cannot be read still tells it.
func Last(stateDir string) (time.Time, error) {
	ids, err := IDs(stateDir)
	if err != nil || len(ids) == 0 {
		return time.Time{}, err
	}
	stamp, _, _ := strings.Cut(ids[0], "-")
	started, err := time.Parse(stampLayout, stamp)
	if err != nil {
		return time.Time{}, fmt.Errorf("read name of run record %s: %w", ids[0], err)
	}
	return started, nil
}
