package ssh

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/rsync"
)

// deleting are the options by which a mirror loses what the source does not have.
func deleting() []string { return []string{"--delete-delay", spareSynology} }

// fill runs rsync over a mirror. Where a folder is to make way for something else and
// cannot, because a Synology keeps something in it, rsync runs once more, and deletes
// nothing but what is in the way.
func (m mirror) fill(ctx context.Context, words, most, sources []string, names []byte, before *listing) (*listing, []string, error) {
	l := before
	run := func(how ...string) error {
		argv := slices.Concat(how, words, []string{"-ii", "--out-format=" + listFormat})
		_, err := m.transferNames(ctx, argv, sources, names, literal(m.directory), func() io.Writer {
			l = newListing(l)
			return l
		})
		return err
	}
	err := run(append(deleting(), most...)...)
	if inTheWay(err) {
		err = run("--force")
	}
	if vanished := (*VanishedError)(nil); errors.As(err, &vanished) {
		return l, []string{vanished.Error()}, nil
	}
	return l, nil, err
}

// inTheWay says that something could not be put in the place of a folder, and not for
// too much that would be deleted.
func inTheWay(err error) bool {
	failure := (*execx.Error)(nil)
	return errors.As(err, &failure) && failure.Exit == rsync.ExitPartial &&
		strings.Contains(failure.Stderr, "could not make way for new ") && !strings.Contains(failure.Stderr, "Deletions stopped due to --max-delete")
}

// unsentError says why nothing was sent or deleted.
type unsentError struct{ cause error }

func (e *unsentError) Error() string { return e.cause.Error() }

// Unwrap gives the cause.
func (e *unsentError) Unwrap() error { return e.cause }
