package tree

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
)

// ErrManifest says that a manifest is damaged, cut short, forged, or of a newer
// version.
var ErrManifest = errors.New("not a whole manifest")

// Reader reads a manifest. Next tells its entries one by one; only when it has
// ended with io.EOF the whole manifest is known to be whole.
type Reader struct {
	lines   *bufio.Reader
	digest  hash.Hash
	long    []byte // a line that did not fit into the buffer
	number  int64  // of the line
	count   int64
	last    string   // path
	folders []string // that the last entry lies in, and itself if it is one
	err     error
}

// NewReader begins to read a manifest as WriteManifest wrote it.
func NewReader(r io.Reader) (*Reader, error) {
	m := &Reader{digest: sha256.New()}
	plain, err := gzip.NewReader(bufio.NewReaderSize(r, 64<<10))
	if err != nil {
		return nil, m.damaged(err)
	}
	m.lines = bufio.NewReaderSize(io.TeeReader(plain, m.digest), 64<<10)
	line, err := m.line()
	if err != nil {
		return nil, m.damaged(err)
	}
	version, ok := strings.CutPrefix(string(line), manifestName)
	switch n, err := strconv.Atoi(version); {
	case !ok || err != nil || n < 1:
		return nil, m.damaged(errors.New("no manifest's first line"))
	case n > manifestVersion:
		return nil, m.damaged(fmt.Errorf("version %d is newer than what is known here, %d", n, manifestVersion))
	}
	return m, nil
}

// Next tells the next entry, or io.EOF after the last one. Paths come in the
// order of Compare; each is below the root, and its folder has come before.
func (m *Reader) Next() (Entry, error) {
	if m.err != nil {
		return Entry{}, m.err
	}
	entry, err := m.next()
	if err != nil && err != io.EOF { //nolint:errorlint // only next's own is the end
		err = m.damaged(err)
	}
	m.err = err
	return entry, err
}

// Digest is that of the manifest, as in Totals, once Next has told io.EOF.
func (m *Reader) Digest() string { return digestText(m.digest) }

func (m *Reader) damaged(err error) error {
	return fmt.Errorf("%w: line %d: %w", ErrManifest, max(m.number, 1), noEOF(err))
}

// noEOF keeps a file's end apart from a manifest's.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (m *Reader) next() (Entry, error) {
	line, err := m.line()
	if err != nil {
		return Entry{}, noEOF(err)
	}
	if count, ok := bytes.CutPrefix(line, []byte(manifestEnd)); ok {
		return Entry{}, m.end(string(count))
	}
	entry, err := parseEntry(string(line))
	if err != nil {
		return Entry{}, err
	}
	if err := m.place(&entry); err != nil {
		return Entry{}, err
	}
	m.count++
	m.last = entry.Path
	return entry, nil
}

func (m *Reader) end(count string) error {
	if n, err := strconv.ParseInt(count, 10, 64); err != nil || n != m.count || n == 0 {
		return fmt.Errorf("%d entries where %q should be", m.count, count)
	}
	switch _, err := m.lines.ReadByte(); {
	case err == nil:
		return errors.New("something follows the end")
	case !errors.Is(err, io.EOF):
		return err
	}
	return io.EOF
}

// place holds an entry against the one before and the folders it may lie in.
func (m *Reader) place(e *Entry) error {
	if m.count == 0 {
		if e.Path != RootPath || e.Type != Folder {
			return errors.New("the root should be first")
		}
	} else if err := checkPath(e.Path); err != nil {
		return err
	}
	if m.count > 0 && Compare(m.last, e.Path) >= 0 {
		return fmt.Errorf("%q is out of order", e.Path)
	}
	above := parent(e.Path)
	for len(m.folders) > 0 && m.folders[len(m.folders)-1] != above {
		m.folders = m.folders[:len(m.folders)-1]
	}
	if m.count > 0 && len(m.folders) == 0 {
		return fmt.Errorf("%q lies in no folder", e.Path)
	}
	if e.Type == Folder {
		m.folders = append(m.folders, e.Path)
	}
	return nil
}

// checkPath refuses what would lead out of a root, and what no file can be
// called.
func checkPath(path string) error {
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." || name == ".." || strings.IndexByte(name, 0) >= 0 {
			return fmt.Errorf("%q is no path below the root", path)
		}
	}
	return nil
}

// line reads a line, without its end.
func (m *Reader) line() ([]byte, error) {
	m.number++
	line, err := m.lines.ReadSlice('\n')
	if err == nil {
		return line[:len(line)-1], nil
	}
	m.long = m.long[:0]
	for errors.Is(err, bufio.ErrBufferFull) && len(m.long) <= longestLine {
		m.long = append(m.long, line...)
		line, err = m.lines.ReadSlice('\n')
	}
	if err != nil {
		return nil, err
	}
	m.long = append(m.long, line...)
	return m.long[:len(m.long)-1], nil
}
