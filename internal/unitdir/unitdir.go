// Package unitdir puts the units of package timer into a folder of systemd's,
// says how what is there differs, and takes them away again. Start at Look: it
// reads, and everything else follows from the Survey that it gives.
//
// A file that bkplan has not written is never written to nor removed, and neither
// is one that was changed by hand: who did that is told. Drop-ins of others are
// left alone. Files are replaced whole.
package unitdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bkplan/bkplan/internal/timer"
)

// Status is how a file differs from what it should be.
type Status string

// The statuses.
const (
	Same     Status = "same"
	Missing  Status = "missing"
	Outdated Status = "outdated" // as bkplan wrote it, for another policy or by another version
	Edited   Status = "edited"   // changed by hand since bkplan wrote it
	Foreign  Status = "foreign"  // bkplan did not write it, and wants its name
	Leftover Status = "leftover" // written by bkplan, of a layer that is gone
)

// File is one file: what is there and what should be.
type File struct {
	timer.Unit // of a file that should not be there, only the name
	Status     Status
	Found      string // its text; empty where there is none, or it is no file
	// Disabled says that it is to be enabled and is not.
	Disabled bool
}

// Survey is what a folder has of bkplan's.
type Survey struct {
	Files []File
	// Local are drop-ins of others to bkplan's units, by path below the folder.
	Local []string
}

// Look compares a folder with the units that should be in it. One that does not
// exist has none.
func Look(folder string, wanted []timer.Unit) (Survey, error) {
	var s Survey
	names := map[string]bool{}
	for _, unit := range wanted {
		names[unit.Name] = true
		file, err := look(folder, unit)
		if err != nil {
			return Survey{}, err
		}
		s.Files = append(s.Files, file)
	}
	present, err := list(folder)
	if err != nil {
		return Survey{}, err
	}
	for _, name := range present {
		if names[name] {
			continue
		}
		text, err := read(folder, name)
		if err != nil {
			return Survey{}, err
		}
		switch timer.Judge(text) {
		case timer.Own:
			s.Files = append(s.Files, File{Unit: timer.Unit{Name: name}, Status: Leftover, Found: text})
		case timer.Edited:
			s.Files = append(s.Files, File{Unit: timer.Unit{Name: name}, Status: Edited, Found: text})
		case timer.Foreign:
			if strings.Contains(name, "/") {
				s.Local = append(s.Local, name)
			}
		}
	}
	return s, nil
}

func look(folder string, unit timer.Unit) (File, error) {
	f := File{Unit: unit}
	_, err := os.Lstat(filepath.Join(folder, unit.Name))
	if errors.Is(err, fs.ErrNotExist) {
		f.Status, f.Disabled = Missing, unit.Enable
		return f, nil
	}
	if err != nil {
		return f, fmt.Errorf("look at unit: %w", err)
	}
	if f.Found, err = read(folder, unit.Name); err != nil {
		return f, err
	}
	switch whose := timer.Judge(f.Found); {
	case f.Found == unit.Text:
		f.Status = Same
	case whose == timer.Own:
		f.Status = Outdated
	case whose == timer.Edited:
		f.Status = Edited
	default:
		f.Status = Foreign
	}
	f.Disabled = unit.Enable && !enabled(folder, unit)
	return f, nil
}

// enabled says whether a unit has the links that its [Install] section asks for.
func enabled(folder string, unit timer.Unit) bool {
	for line := range strings.Lines(unit.Text) {
		target, found := strings.CutPrefix(strings.TrimSpace(line), "WantedBy=")
		if !found {
			continue
		}
		if _, err := os.Lstat(filepath.Join(folder, target+".wants", unit.Name)); err != nil {
			return false
		}
	}
	return true
}

// maxUnit is more than any unit has, in bytes.
const maxUnit = 1 << 20

// read gives the text of a file; what is no plain file has none, and so is foreign.
func read(folder, name string) (string, error) {
	path := filepath.Join(folder, name)
	info, err := os.Lstat(path)
	if err != nil {
		return "", fmt.Errorf("look at unit: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxUnit {
		return "", nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read unit: %w", err)
	}
	return string(text), nil
}

// list gives the names that may be of bkplan's units, and of their drop-ins.
func list(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list units: %w", err)
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		switch {
		case !ofBkplan(name):
		case !strings.HasSuffix(name, ".d"):
			names = append(names, name)
		case e.IsDir():
			inner, err := os.ReadDir(filepath.Join(folder, name))
			if err != nil {
				return nil, fmt.Errorf("list drop-ins: %w", err)
			}
			for _, d := range inner {
				names = append(names, name+"/"+d.Name())
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

func ofBkplan(name string) bool {
	return strings.HasPrefix(name, "bkplan@") || strings.HasPrefix(name, "bkplan-failed@") || strings.HasPrefix(name, "bkplan-watch.")
}
