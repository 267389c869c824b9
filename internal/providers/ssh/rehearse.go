package ssh

import (
	"bytes"
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
	// added are at least so many bytes over there: of files that are new. What a file
	// takes up that changes is not known.
	added int64
	sums  []byte // its statistics
	lines lines
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
		r = &rehearsal{source: source}
		return r
	})
	if vanished := (*VanishedError)(nil); err != nil && !errors.As(err, &vanished) && !inTheWay(err) {
		return nil, fmt.Errorf("count what would change: %w", err)
	}
	if err := m.checkRoom(m.seen, r.added, "are new in the source"); err != nil || !limited {
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
	case parts != nil && string(parts[1]) == "<" && string(parts[2]) == "f" && string(parts[3]) == isNew:
		size, _ := strconv.ParseInt(string(parts[5]), 10, 64) // the form has been checked
		r.added += r.room(size, parts[6])
	}
}

// sparseSize is how large a file is of which it is asked whether it has holes.
const sparseSize = 1 << 20

// room is what a file takes up, by its size, the time and the name that rsync wrote. Holes
// are kept over there.
func (r *rehearsal) room(size int64, told []byte) int64 {
	if size < sparseSize {
		return size
	}
	_, name, _ := bytes.Cut(told, []byte(" "))
	info, err := os.Lstat(filepath.Join(r.source, rsync.Unescape(string(name))))
	if err != nil {
		return size
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return min(size, stat.Blocks*512)
	}
	return size
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
