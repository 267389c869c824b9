package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	removed := false
	for _, f := range files {
		if f.span != upTo.Span || f.number > upTo.Segment || !f.sealed {
			continue
		}
		err := os.Remove(filepath.Join(folder, f.name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove consumed segment: %w", err)
		}
		removed = true
	}
	if !removed {
		return nil
	}
	if err := syncFolder(folder); err != nil {
		return fmt.Errorf("sync journal: %w", err)
	}
	return nil
}
