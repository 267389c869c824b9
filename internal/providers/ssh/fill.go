package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/quantity"
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

// maxDelete counts what rsync would delete, and gives the option that holds it to
// that. Too much is an error that names some.
func (m mirror) maxDelete(ctx context.Context, words, sources []string, names []byte) ([]string, error) {
	if m.Copy.MaxDelete.IsZero() || m.Copy.AcceptLoss {
		return nil, nil
	}
	output, err := m.transferNames(ctx, slices.Concat([]string{"--dry-run", "--stats", "--out-format=", "--info=DEL1"}, deleting(), words), sources, names, literal(m.directory), nil)
	if vanished := (*VanishedError)(nil); err != nil && !errors.As(err, &vanished) && !inTheWay(err) {
		return nil, fmt.Errorf("count what would be deleted: %w", err)
	}
	going := rsync.Deleted(output.Stdout)
	if len(going) == 0 {
		return []string{"--max-delete=0"}, nil
	}
	there := m.entries(readStats(output.Stdout), names != nil)
	what := fmt.Sprintf("%d of the %d entries in it", len(going), there)
	most, tooMany := int64(len(going)), false
	if share := m.Copy.MaxDelete.Share; !share.IsZero() {
		most = share.Of(there)
		if share.Percent() > 0 {
			most = max(most, 1)
		}
		tooMany = int64(len(going)) > most
	} else {
		bytes, err := m.size(ctx, going)
		if err != nil {
			return nil, err
		}
		tooMany = bytes > int64(m.Copy.MaxDelete.Size)
		what += " with " + quantity.Size(bytes).Human()
	}
	if !tooMany {
		return []string{"--max-delete=" + strconv.FormatInt(most, 10)}, nil
	}
	return nil, fmt.Errorf("the mirror would lose %s, and max_delete is %s: nothing was changed; look at the source, and acknowledge the layer %q if they are meant to go: %s",
		what, m.Copy.MaxDelete, m.Layer, strings.Join(going[:min(len(going), rsync.NamedMax)], ", "))
}

// unsentError says why nothing was sent or deleted.
type unsentError struct{ cause error }

func (e *unsentError) Error() string { return e.cause.Error() }

// Unwrap gives the cause.
func (e *unsentError) Unwrap() error { return e.cause }

// size asks for the sizes of files over there, by their names as rsync writes them.
func (m mirror) size(ctx context.Context, names []string) (int64, error) {
	var stdin strings.Builder
	for _, name := range names {
		stdin.WriteString("./" + strings.TrimSuffix(rsync.Unescape(name), "/") + "\x00")
	}
	a, err := m.ask(ctx, lookLimit, sizesScript, m.base, []string{filepath.Join(m.rel, m.directory)}, []byte(stdin.String()))
	if err != nil {
		return 0, err
	}
	return sumOf(a.get("sizes")), nil
}
