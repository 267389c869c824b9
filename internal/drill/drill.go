// Package drill keeps what restore drills have shown: whether versions could be had
// back. It is a file of the state directory, with one line for each volume of a layer.
// Start at Read and Note.
package drill

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"
)

// Drill is the newest restore drill of a volume in a layer.
type Drill struct {
	Layer   string `json:"layer"`
	Volume  string `json:"volume"`
	Version string `json:"version"`
	// Ended is when the drill was over, Good when the last one was that came out well;
	// zero when none has.
	Ended time.Time `json:"ended"`
	Good  time.Time `json:"good,omitzero"`
	Error string    `json:"error,omitempty"` // what was wrong; empty when it came out well
}

const (
	format        = "bkplan.drills"
	formatVersion = 1
	name          = "drills.json"
)

type document struct {
	Format  string  `json:"format"`
	Version int     `json:"version"`
	Drills  []Drill `json:"drills"`
}

// Read reads the drills that a state directory knows of; none when there were none.
func Read(stateDir string) ([]Drill, error) {
	text, err := os.ReadFile(filepath.Join(stateDir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read drills: %w", err)
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil || d.Format != format || d.Version != formatVersion {
		return nil, fmt.Errorf("read drills: %s is not a list of drills in format %d: remove it, and they count as never made", filepath.Join(stateDir, name), formatVersion)
	}
	return d.Drills, nil
}

// Note puts a drill in the place of the volume's one before. Its Good is set by Error.
// Only one process may do so at a time.
func Note(stateDir string, d Drill) error {
	list, err := Read(stateDir)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(o Drill) bool { return o.Layer == d.Layer && o.Volume == d.Volume })
	if i < 0 {
		i, list = len(list), append(list, Drill{})
	}
	d.Good = list[i].Good
	if d.Error == "" {
		d.Good = d.Ended
	}
	list[i] = d
	text, err := json.MarshalIndent(document{format, formatVersion, list}, "", "  ")
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(filepath.Join(stateDir, name), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("note drill: %w", err)
	}
	return nil
}
