package catalogue

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"
)

const toldName = "told"

// told says which listing counts, and what is to be looked at beside what differs from
// it. It is replaced as a whole.
type told struct {
	Host string `json:"host"`
	// Listing is its file, without its ending, and Size how many bytes that has.
	Listing string `json:"listing"`
	Size    int64  `json:"size"`
	// Syncs are those of which one is the last: where a sync ended without a word, its
	// receipt may be over there or not.
	Syncs []time.Time `json:"syncs"`
	// Tried says that a sync has begun that may have ended in the middle, or that is not
	// known to have brought all of what was there when it was listed.
	Tried bool `json:"tried,omitempty"`

	names, subtrees []string
}

func readTold(folder string) (*told, error) {
	t := &told{}
	s, err := openFile(filepath.Join(folder, toldName), t)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for _, list := range []struct {
		mark  byte
		names *[]string
	}{{namesMark, &t.names}, {subtreesMark, &t.subtrees}} {
		if *list.names, err = readNames(s, list.mark); err != nil {
			return nil, err
		}
	}
	return t, s.finish()
}

func readNames(s *source, wanted byte) ([]string, error) {
	mark, err := s.ReadByte()
	if err != nil {
		return nil, cut(err)
	}
	n, err := s.number()
	if err != nil {
		return nil, err
	}
	if mark != wanted || n > Most {
		return nil, fmt.Errorf("it has a record of the unknown kind %#x", mark)
	}
	names := make([]string, n)
	for i := range names {
		if names[i], err = s.text(longestName); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// add tells more names, and says whether these are not too many.
func (t *told) add(names, subtrees []string) bool {
	t.names, t.subtrees = distinct(t.names, names), distinct(t.subtrees, subtrees)
	return len(t.names)+len(t.subtrees) <= Most
}

func distinct(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// write replaces what was told. When it returns, that outlasts a power cut.
func (t *told) write(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make catalogue: %w", err)
	}
	_, err := replace(filepath.Join(folder, toldName), t, func(w *writer) error {
		for _, list := range []struct {
			mark  byte
			names []string
		}{{namesMark, t.names}, {subtreesMark, t.subtrees}} {
			_ = w.WriteByte(list.mark) // Flush tells
			w.number(uint64(len(list.names)))
			for _, name := range list.names {
				w.text(name)
			}
		}
		return nil
	})
	return err
}

// replace writes a file of a catalogue in the place of the one that is there, and says
// how large it is.
func replace(path string, header any, fill func(*writer) error) (int64, error) {
	pending, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return 0, fmt.Errorf("write catalogue: %w", err)
	}
	defer pending.Cleanup()
	w, err := newWriter(pending, header)
	if err != nil {
		return 0, err
	}
	if err := fill(w); err != nil {
		return 0, err
	}
	err = w.finish()
	if err == nil {
		err = pending.CloseAtomicallyReplace()
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return 0, fmt.Errorf("write catalogue: %w", err)
	}
	return w.size, nil
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
