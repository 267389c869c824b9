package pfsense

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// readArchive reads a gzipped tar through to its very end and counts its
// entries. It is whole when every checksum holds, tar's end marker is there,
// nothing but zeros comes between that and the end of gzip, and nothing after
// it. What the entries are called is not looked at.
//
// The reader of package tar takes a stream that ends between two entries for a
// whole one, so its end is watched here.
func readArchive(r io.Reader) (entries int64, err error) {
	raw := bufio.NewReaderSize(r, 256<<10)
	if _, err := raw.Peek(1); errors.Is(err, io.EOF) {
		return 0, errors.New("the archive is empty: " + nothingCame)
	}
	unzipped, err := gzip.NewReader(raw)
	if err != nil {
		return 0, fmt.Errorf("read the head of gzip: %w", brokenOff(err))
	}
	unzipped.Multistream(false)
	watched := &watch{r: unzipped}
	members := tar.NewReader(watched)
	for {
		_, err := members.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return entries, fmt.Errorf("read the archive after %d entries: %w", entries, brokenOff(err))
		}
		entries++
	}
	switch {
	case watched.ended:
		return entries, fmt.Errorf("read the archive after %d entries: it has no end marker", entries)
	case entries == 0:
		return 0, errors.New("the archive has no entries")
	}
	if _, err := io.Copy(zeros{}, unzipped); err != nil {
		return entries, fmt.Errorf("read the end of the archive: %w", brokenOff(err))
	}
	if _, err := raw.ReadByte(); !errors.Is(err, io.EOF) {
		return entries, errors.New("something follows after the end of gzip")
	}
	return entries, nil
}

func brokenOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it breaks off")
	}
	return err
}

// watch notes that somebody wanted more than there was.
type watch struct {
	r     io.Reader
	ended bool
}

func (w *watch) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.ended = w.ended || n == 0 && errors.Is(err, io.EOF)
	return n, err
}

// zeros takes nothing but zeros.
type zeros struct{}

func (zeros) Write(p []byte) (int, error) {
	for i, b := range p {
		if b != 0 {
			return i, errors.New("something follows after tar's end marker")
		}
	}
	return len(p), nil
}
