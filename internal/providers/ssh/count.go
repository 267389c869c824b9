package ssh

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/rsync"
)

// How many entries a mirror has, only a comparison of everything tells. A sync that goes
// by what has changed adds what it makes and removes to what the receipt says; but what
// one did that was cut off, nobody has counted. The source then tells: after the sync the
// mirror is what that is. It lies on this machine, so nothing is walked over there.

// isCut says whether a sync has begun since that of the receipt, and did not end: what it
// left in the work folder is there.
func (m mirror) isCut() bool { return m.seen.kinds[m.workFolder()] != isMissing }

// count lists the source as a sync of everything would.
func (m mirror) count(ctx context.Context) (*listing, error) {
	l := &listing{}
	argv := []string{"rsync", "--dry-run", "-rl"}
	if m.seen.root { // else no devices are sent
		argv = append(argv, "-D")
	}
	argv = append(slices.Concat(argv, excludes(*m.Copy)), "-ii", "--out-format="+listFormat, "--")
	_, err := m.runner.Run(ctx, execx.Command{Argv: append(slices.Concat(argv, m.sources()), m.nowhere+"/"), Stdout: l})
	if failure := (*execx.Error)(nil); errors.As(err, &failure) {
		if failure.Exit == rsync.ExitVanished {
			return l, nil
		}
		err = rsync.Explain(failure)
	}
	if err != nil {
		return nil, fmt.Errorf("count what is in %q: %w", m.Copy.From.Paths[0], err)
	}
	return l, nil
}

// recount counts the source where what the mirror had, or what was made and removed in
// it, is not known.
func (m *mirror) recount(ctx context.Context, unknown bool) (err error) {
	if unknown && m.counted == nil {
		m.counted, err = m.count(ctx)
	}
	return err
}

// entries is how many there are in the mirror before a sync that would do what the
// statistics say: of all names, or of some.
func (m mirror) entries(s stats, some bool) int64 {
	there := s.files
	switch {
	case some && m.counted == nil:
		return m.proof.Files + m.proof.Directories
	case some:
		there = m.counted.files + m.counted.folders
	}
	return there - s.created + s.deleted
}
