package run

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Keep says which records stay. The zero value is not useful; see Kept.
type Keep struct {
	// Always is how many of the newest stay whatever their age: a clock that is far
	// ahead makes all of them old.
	Always int
	// Most is how many stay at most.
	Most int
	// Age is how old one may get, told from its start.
	Age time.Duration
	// Layers are those whose last run and last success stay as well, however old: without
	// the one, the other would pass for it.
	Layers []string
}

// Kept is what is kept where nothing else is said: three runs a night for a year.
func Kept(layers []string) Keep {
	return Keep{Always: 100, Most: 1000, Age: 400 * 24 * time.Hour, Layers: layers}
}

// Prune removes the oldest records, and returns the IDs of those that went. Each
// goes whole; what is no record is not touched, nor is a run that is alive.
func Prune(stateDir string, now time.Time, keep Keep) (removed []string, err error) {
	ids, err := IDs(stateDir)
	if err != nil {
		return nil, err
	}
	last := lastRuns{stateDir: stateDir, ids: ids, layers: keep.Layers, any: map[string]int{}, fine: map[string]int{}}
	var errs []error
	for i := len(ids) - 1; i >= keep.Always; i-- {
		started, _, _ := parseID(ids[i])
		if i < keep.Most && now.Sub(started) <= keep.Age {
			break
		}
		if last.among(i) {
			continue
		}
		gone, err := remove(stateDir, ids[i])
		if gone {
			removed = append(removed, ids[i])
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return removed, fmt.Errorf("remove old run records: %w", err)
	}
	return removed, nil
}

func remove(stateDir, id string) (bool, error) {
	path := filepath.Join(stateDir, directory, id+extension)
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	if alive(file) {
		return false, nil
	}
	err = os.Remove(path)
	return err == nil, err
}

// lastRuns knows the newest run that was to carry each layer out, and the newest in which
// it came out well. It reads no more records than it must: of the oldest run those that
// go, and from the newest on until what is asked for is found.
type lastRuns struct {
	stateDir  string
	ids       []string // newest first
	layers    []string
	read      int            // of ids
	any, fine map[string]int // index in ids, by layer
}

// among says whether the run at an index of ids is one of them. What cannot be read
// proves nothing.
func (l *lastRuns) among(index int) bool {
	record, err := Read(l.stateDir, l.ids[index])
	if err != nil {
		return false
	}
	return slices.ContainsFunc(l.layers, func(layer string) bool {
		return slices.Contains(record.Layers, layer) && l.newest(l.any, layer) == index ||
			record.Fine(layer) && l.newest(l.fine, layer) == index
	})
}

func (l *lastRuns) newest(found map[string]int, layer string) int {
	for ; l.read < len(l.ids); l.read++ {
		if index, known := found[layer]; known {
			return index
		}
		record, err := Read(l.stateDir, l.ids[l.read])
		if err != nil {
			continue
		}
		for _, other := range l.layers {
			if _, known := l.any[other]; !known && slices.Contains(record.Layers, other) {
				l.any[other] = l.read
			}
			if _, known := l.fine[other]; !known && record.Fine(other) {
				l.fine[other] = l.read
			}
		}
	}
	return found[layer]
}
