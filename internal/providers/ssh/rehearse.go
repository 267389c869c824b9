package ssh

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/rsync"
)

// rehearsal is what rsync would do to a mirror.
type rehearsal struct {
	source string   // what names are relative to
	going  []string // what it would delete, in its words
	counts bool     // whether it is to be known how much more is there then
	// added are the bytes of files that are new over there.
	added   int64
	changed changed
	sums    []byte // its statistics
	lines   lines
}

// changed are files that are there, and get another content.
type changed struct {
	largest []changedFile // at most askedMax after cut, twice as many before
	takes   int64         // of all
}

type changedFile struct {
	name        string // in rsync's words
	size, takes int64  // takes is less where there are holes
}

// askedMax is of how many files it is asked how large they are over there, which is slow to
// look at many: the largest, and of the others none is taken to grow.
const askedMax = 10_000

// cut leaves the largest.
func (c *changed) cut() {
	slices.SortFunc(c.largest, func(a, b changedFile) int { return cmp.Compare(b.takes, a.takes) })
	c.largest = c.largest[:min(len(c.largest), askedMax)]
}

// rehearse lets rsync say what it would do. Where that leaves less free over there than
// must stay, or deletes more than may go, it is an error. It gives the option that holds
// rsync to what may go.
func (m mirror) rehearse(ctx context.Context, words, sources []string, names []byte) ([]string, error) {
	limited := !m.Copy.MaxDelete.IsZero() && !m.Copy.AcceptLoss
	if !limited && m.Copy.MinFree == 0 {
		return nil, nil
	}
	source := "/"
	if m.Copy.From.Whole {
		source = m.Copy.From.Paths[0]
	}
	var r *rehearsal
	argv := slices.Concat([]string{"--dry-run", "--stats", "--out-format=" + listFormat}, deleting(), words)
	_, err := m.transferNames(ctx, argv, sources, names, literal(m.directory), func() io.Writer {
		r = &rehearsal{source: source, counts: m.Copy.MinFree > 0}
		return r
	})
	if vanished := (*VanishedError)(nil); err != nil && !errors.As(err, &vanished) && !inTheWay(err) {
		return nil, fmt.Errorf("count what would change: %w", err)
	}
	added, err := m.added(ctx, *r)
	if err == nil {
		err = m.checkRoom(m.seen, added, "are new in the source")
	}
	if err != nil || !limited {
		return nil, err
	}
	return m.maxDelete(ctx, r.going, m.entries(readStats(r.sums), names != nil))
}

// Write takes what rsync writes.
func (r *rehearsal) Write(text []byte) (int, error) { return r.lines.cut(text, r.line) }

func (r *rehearsal) line(line []byte) {
	if gone := goneForm.FindSubmatch(line); gone != nil {
		r.going = append(r.going, string(gone[1])+string(gone[2]))
		return
	}
	parts := listForm.FindSubmatch(line)
	switch {
	case parts == nil && statsForm.Match(line):
		r.sums = append(r.sums, line...)
	case parts != nil && r.counts && string(parts[1]) == "<" && string(parts[2]) == "f":
		size, _ := strconv.ParseInt(string(parts[5]), 10, 64) // the form has been checked
		_, name, _ := bytes.Cut(parts[6], []byte(" "))
		r.count(string(name), size, string(parts[3]) == isNew)
	}
}

// count takes a file of which content is to be sent. One with a line feed in its name counts
// as a new one: it cannot be told from others in the list by which sizes are asked for.
func (r *rehearsal) count(name string, size int64, fresh bool) {
	path := rsync.Unescape(name)
	takes := r.room(size, path)
	if fresh || strings.Contains(path, "\n") {
		r.added += takes
		return
	}
	c := &r.changed
	c.largest, c.takes = append(c.largest, changedFile{name, size, takes}), c.takes+takes
	if len(c.largest) >= 2*askedMax {
		c.cut()
	}
}

// sparseSize is how large a file is of which it is asked whether it has holes.
const sparseSize = 1 << 20

// room is what a file takes up. Holes are kept over there.
func (r *rehearsal) room(size int64, path string) int64 {
	if size < sparseSize {
		return size
	}
	info, err := os.Lstat(filepath.Join(r.source, path))
	if err != nil {
		return size
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return min(size, stat.Blocks*512)
	}
	return size
}

// added is how many bytes more there are over there when all is done, but for what is
// deleted. What files that change take up there is asked only if it matters.
func (m mirror) added(ctx context.Context, r rehearsal) (int64, error) {
	c := r.changed
	if len(c.largest) == 0 || m.seen.system.Free-r.added-c.takes >= m.Copy.MinFree {
		return r.added, nil
	}
	c.cut()
	names, size, takes := make([]string, len(c.largest)), int64(0), int64(0)
	for i, f := range c.largest {
		names[i], size, takes = f.name, size+f.size, takes+f.takes
	}
	there, err := m.size(ctx, names)
	if err != nil {
		return 0, fmt.Errorf("look how large the files are that change: %w", err)
	}
	return r.added + min(takes, max(0, size-there)), nil
}

// maxDelete gives the option that holds rsync to what may go, of what is there. Too much
// is an error that names some.
func (m mirror) maxDelete(ctx context.Context, going []string, there int64) ([]string, error) {
	if len(going) == 0 {
		return []string{"--max-delete=0"}, nil
	}
	what := fmt.Sprintf("%d of the %d entries in it", len(going), there)
	most, tooMany := int64(len(going)), false
	if share := m.Copy.MaxDelete.Share; !share.IsZero() {
		most = share.Of(there)
		if share.Percent() > 0 {
			most = max(most, 1)
		}
		tooMany = int64(len(going)) > most
	} else {
		total, err := m.size(ctx, going)
		if err != nil {
			return nil, err
		}
		tooMany = total > int64(m.Copy.MaxDelete.Size)
		what += " with " + quantity.Size(total).Human()
	}
	if !tooMany {
		return []string{"--max-delete=" + strconv.FormatInt(most, 10)}, nil
	}
	return nil, fmt.Errorf("the mirror would lose %s, and max_delete is %s: nothing was changed; look at the source, and acknowledge the layer %q if they are meant to go: %s",
		what, m.Copy.MaxDelete, m.Layer, strings.Join(going[:min(len(going), rsync.NamedMax)], ", "))
}

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
