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
	Layer string `json:"layer"`
	// Of is the layer that made the version, where Layer copies what others make.
	Of      string `json:"of"`
	Volume  string `json:"volume"`
	Version string `json:"version"`
	// Ended is when the drill was over, Good when the last one was that came out well;
	// zero when none has.
	Ended time.Time `json:"ended"`
	Good  time.Time `json:"good,omitzero"`
	// Error is what was wrong in the newest drill that could be tried; empty when it
	// came out well. Untried is why the one at Ended could not be.
	Error   string `json:"error,omitempty"`
	Untried string `json:"untried,omitempty"`
}

// IsOf says that both drills are of the same volume in the same layer.
func (d Drill) IsOf(o Drill) bool { return d.Layer == o.Layer && d.Of == o.Of && d.Volume == o.Volume }

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

// Note puts a drill in the place of the volume's one before. Its Good is told by Error;
// one that could not be tried takes both from the one before. Only one process may do
// so at a time.
func Note(stateDir string, d Drill) error {
	list, err := Read(stateDir)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, d.IsOf)
	if i < 0 {
		i, list = len(list), append(list, Drill{})
	}
	d.Good = list[i].Good
	switch {
	case d.Untried != "":
		d.Error = list[i].Error
	case d.Error == "":
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
