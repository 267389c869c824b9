package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Consumed removes the segments before a point, after every sync that reads the
// tree has succeeded up to it: of several, it is the earliest of their points.
// The open segment is never touched. To remove what is gone is no error.
func Consumed(stateDir, tree string, upTo Point) error {
	folder := Folder(stateDir, tree)
	files, err := listSegments(folder)
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(files, func(f segmentFile) bool {
		return f.span != upTo.Span || f.number > upTo.Segment || !f.sealed
	})
	if len(files) == 0 {
		return nil
	}
	if err := removeSegments(folder, files); err != nil {
		return fmt.Errorf("remove consumed segments: %w", err)
	}
	return nil
}

// removeSegments removes segments for good. One that is gone is no error: the one who
// writes a journal and those who consume it remove from it at the same time.
func removeSegments(folder string, list []segmentFile) error {
	var errs []error
	for _, f := range list {
		err := os.Remove(filepath.Join(folder, f.name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, syncFolder(folder))...)
}
