package journal

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Limits of a journal. A segment with more names is sealed, and another one
// begun, so that the names in memory are bounded; a span of more segments or
// bytes is ended, so that the state directory does not fill while nobody syncs.
const (
	maxNames    = 200_000
	maxSegments = 1_000
	maxBytes    = 1 << 30
	// maxBefore is how many spans are remembered by the reason why they ended.
	maxBefore = 50
)

var errNoSpan = errors.New("no span is open")

// Writer writes the journal of one tree. Only one of them can be open at a time.
// It is not for several goroutines.
//
// A span is begun after it is sure that no later change will be missed, and every
// change is told by Name or Subtree. After an error the span is over and its
// segments are gone: Begin starts another one.
type Writer struct {
	folder  string
	tree    string
	host    string
	lock    *os.File
	before  []ending
	header  header // of the open segment
	file    *os.File
	buffer  *bufio.Writer
	known   map[string]kind // what the open segment tells
	last    Point           // the newest
	covered time.Time
	written int64 // bytes in the open segment
}

// Open takes the journal of a tree to write in it, and notes why the spans that
// are there are over. It is ErrWatched when somebody else has it.
func Open(stateDir, tree, host string) (*Writer, error) {
	folder := Folder(stateDir, tree)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make journal: %w", err)
	}
	lock, err := lock(folder)
	if err != nil {
		return nil, err
	}
	w := &Writer{folder: folder, tree: filepath.Clean(tree), host: host, lock: lock}
	if w.before, err = endings(folder); err != nil {
		lock.Close()
		return nil, err
	}
	return w, nil
}

// Folder is where the journal lies. It is the Writer's own as long as it is open.
func (w *Writer) Folder() string { return w.folder }

// Active says that a span has begun and not ended.
func (w *Writer) Active() bool { return w.file != nil }

// Names are how many names and subtrees the open segment tells.
func (w *Writer) Names() int { return len(w.known) }

// Begin starts a span. What earlier spans left is removed; why they ended is
// kept. Exclude are folders, relative to the tree, below which changes will not
// be told.
func (w *Writer) Begin(tree Identity, exclude []string, now time.Time) error {
	if w.Active() {
		return errors.New("a span is open")
	}
	var name [8]byte
	if _, err := rand.Read(name[:]); err != nil {
		return fmt.Errorf("name span: %w", err)
	}
	span := hex.EncodeToString(name[:])
	w.header = header{
		Tree: w.tree, Host: w.host, Identity: tree, Span: span, Started: now.UTC(), Exclude: exclude,
		Before: w.before[max(0, len(w.before)-maxBefore):],
	}
	w.last, w.covered = Point{Span: span, Time: now.UTC()}, now
	before := w.before
	if err := w.begin(); err != nil {
		w.before = before // nobody stands in a span that never began
		return err
	}
	if err := w.removeSpansBut(span); err != nil {
		return errors.Join(err, w.drop())
	}
	return nil
}

// drop undoes the beginning of a span, so that another one can be begun.
func (w *Writer) drop() error {
	w.file.Close()
	w.file = nil
	return removeSegments(w.folder, []segmentFile{w.open()})
}

// begin starts the segment after the newest point.
func (w *Writer) begin() error {
	w.header.Segment = w.last.Segment + 1
	path := filepath.Join(w.folder, w.open().name())
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return w.abandon(fmt.Errorf("begin segment of journal: %w", err))
	}
	w.file, w.buffer, w.known, w.written = file, bufio.NewWriterSize(file, 1<<16), map[string]kind{}, 0
	text, err := json.Marshal(w.header)
	if err != nil {
		return w.abandon(fmt.Errorf("encode header of journal: %w", err))
	}
	if _, err := w.buffer.Write(binary.LittleEndian.AppendUint32([]byte(magic), version)); err != nil {
		return w.abandon(fmt.Errorf("write journal: %w", err))
	}
	if err := w.put(record{kind: kindHeader, text: string(text)}); err != nil {
		return err
	}
	return w.Flush()
}

func (w *Writer) open() segmentFile {
	return segmentFile{span: w.header.Span, number: w.header.Segment}
}

func (w *Writer) put(r record) error {
	if !w.Active() {
		return errNoSpan
	}
	frame := r.append(nil)
	if len(frame) > maxRecord {
		return w.abandon(fmt.Errorf("write journal: a record of %d bytes is too long", len(frame)))
	}
	w.written += int64(len(frame))
	if _, err := w.buffer.Write(frame); err != nil {
		return w.abandon(fmt.Errorf("write journal: %w", err))
	}
	return nil
}

// Name tells that a name was changed, made or removed, and nothing of what may be
// below it. It is relative to the tree; Whole is the tree itself.
func (w *Writer) Name(name string) error { return w.tell(kindName, name) }

// Subtree tells that all of what is at a name and below it is to be compared.
func (w *Writer) Subtree(name string) error { return w.tell(kindSubtree, name) }

func (w *Writer) tell(k kind, name string) error {
	if !w.Active() {
		return errNoSpan
	}
	if known := w.known[name]; known == k || known == kindSubtree {
		return nil
	}
	if !properName(name) {
		return w.abandon(fmt.Errorf("write journal: %q is no name in a tree", name))
	}
	w.known[name] = k
	if err := w.put(record{kind: k, text: name}); err != nil {
		return err
	}
	if len(w.known) >= maxNames {
		_, err := w.Seal(w.covered)
		return err
	}
	return nil
}

// Flush hands what was told to the kernel, where readers see it.
func (w *Writer) Flush() error {
	if !w.Active() {
		return errNoSpan
	}
	if err := w.buffer.Flush(); err != nil {
		return w.abandon(fmt.Errorf("write journal: %w", err))
	}
	return nil
}

// Covered says that all that happened before now has been told.
func (w *Writer) Covered(now time.Time) error {
	w.covered = later(w.covered, now)
	if err := w.put(record{kind: kindCovered, time: w.covered}); err != nil {
		return err
	}
	return w.Flush()
}

// later keeps times in order when the clock is set back.
func later(before, now time.Time) time.Time {
	if now.Before(before) {
		return before
	}
	return now
}

// Seal says that all that happened before now has been told, and returns the
// point at which that is so. What it told is on the disk then. Where nothing was
// told since the last point, it is that one, of a new time.
func (w *Writer) Seal(now time.Time) (Point, error) {
	if !w.Active() {
		return Point{}, errNoSpan
	}
	w.covered = later(w.covered, now)
	w.last.Time = w.covered.UTC()
	if len(w.known) == 0 {
		return w.last, nil
	}
	if err := w.put(record{kind: kindSealed, time: w.covered}); err != nil {
		return Point{}, err
	}
	if err := w.close(); err != nil {
		return Point{}, err
	}
	sealed := w.open()
	sealed.sealed = true
	if err := w.rename(w.open(), sealed); err != nil {
		return Point{}, err
	}
	w.last.Segment = w.header.Segment
	point := w.last
	if err := w.checkSize(); err != nil {
		return Point{}, err
	}
	return point, w.begin()
}

// close puts the open segment on the disk.
func (w *Writer) close() error {
	if err := w.Flush(); err != nil {
		return err
	}
	if err := errors.Join(w.file.Sync(), w.file.Close()); err != nil {
		return w.abandon(fmt.Errorf("sync journal: %w", err))
	}
	return nil
}

func (w *Writer) rename(from, to segmentFile) error {
	err := os.Rename(filepath.Join(w.folder, from.name()), filepath.Join(w.folder, to.name()))
	if err == nil {
		err = syncFolder(w.folder)
	}
	if err != nil {
		return w.abandon(fmt.Errorf("seal segment of journal: %w", err))
	}
	return nil
}

// ErrTooLong ends a span of which nobody consumed anything for too long.
var ErrTooLong = errors.New("the journal has grown too long without a sync; comparing everything costs less")

func (w *Writer) checkSize() error {
	list, err := listSegments(w.folder)
	if err != nil {
		return w.abandon(err)
	}
	var bytes int64
	for _, f := range list {
		if info, err := os.Stat(filepath.Join(w.folder, f.name())); err == nil {
			bytes += info.Size()
		}
	}
	if len(list) >= maxSegments || bytes >= maxBytes {
		return w.abandon(ErrTooLong)
	}
	return nil
}

// End ends the span, and says why in one sentence for people, without a full
// stop. Without a span it does nothing.
func (w *Writer) End(now time.Time, reason string) error {
	if !w.Active() {
		return nil
	}
	end := ending{Span: w.header.Span, Time: later(w.covered, now).UTC(), Reason: reason}
	if err := w.put(record{kind: kindEnd, time: end.Time, text: reason}); err != nil {
		return err
	}
	if err := w.close(); err != nil {
		return err
	}
	w.file = nil
	w.before = append(w.before, end)
	return nil
}

// abandon ends a span that cannot be written to its end: what is missing in it
// must not be taken for all.
func (w *Writer) abandon(why error) error {
	w.before = append(w.before, ending{Span: w.header.Span, Time: w.covered.UTC(), Reason: why.Error()})
	w.file.Close()
	w.file = nil
	return errors.Join(why, w.removeSpansBut(""))
}

func (w *Writer) removeSpansBut(span string) error {
	list, err := listSegments(w.folder)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(f segmentFile) bool { return f.span == span })
	if err := removeSegments(w.folder, list); err != nil {
		return fmt.Errorf("remove old spans of journal: %w", err)
	}
	return nil
}

// Close frees the journal for another Writer. A span that is open is left without
// an end, as if the process had been killed.
func (w *Writer) Close() error {
	if w.Active() {
		w.file.Close()
		w.file = nil
	}
	return w.lock.Close()
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
