package unitdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
)

// ConflictError says why nothing is written: a file is not bkplan's, or not any more.
type ConflictError struct {
	Path   string
	Status Status // Foreign or Edited
}

func (e *ConflictError) Error() string {
	if e.Status == Edited {
		return e.Path + " was changed by hand; nothing is written"
	}
	return e.Path + " was not written by bkplan; nothing is written"
}

// Conflict is the first file that stands in the way of Install; nil where none does.
// One that was changed by hand and is not wanted any more is left, and in no way.
func (s Survey) Conflict(folder string) error {
	for _, f := range s.Files {
		if f.Status == Foreign || f.Status == Edited && f.Text != "" {
			return &ConflictError{filepath.Join(folder, f.Name), f.Status}
		}
	}
	return nil
}

// Install writes what is missing or outdated. It writes nothing at all where a
// file stands in the way.
func (s Survey) Install(folder string) error {
	if err := s.Conflict(folder); err != nil {
		return err
	}
	for _, f := range s.Files {
		if f.Status != Missing && f.Status != Outdated {
			continue
		}
		path := filepath.Join(folder, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("make folder of units: %w", err)
		}
		if err := renameio.WriteFile(path, []byte(f.Text), 0o644, renameio.WithStaticPermissions(0o644)); err != nil {
			return fmt.Errorf("write unit: %w", err)
		}
	}
	return nil
}

// Remove takes away the files with one of the statuses, and folders of drop-ins
// that are empty then.
func (s Survey) Remove(folder string, statuses ...Status) error {
	for _, f := range s.With(statuses...) {
		path := filepath.Join(folder, f.Name)
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove unit: %w", err)
		}
		if parent := filepath.Dir(path); parent != filepath.Clean(folder) {
			if err := os.Remove(parent); err != nil && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove folder of drop-ins: %w", err)
			}
		}
	}
	return nil
}

// With are the files that have one of the statuses.
func (s Survey) With(statuses ...Status) []File {
	var files []File
	for _, f := range s.Files {
		for _, status := range statuses {
			if f.Status == status {
				files = append(files, f)
			}
		}
	}
	return files
}
