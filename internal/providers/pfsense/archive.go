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
// and nothing but zeros comes after that: in gzip as many as tar likes, behind
// gzip less than a block, to which FreeBSD's tar fills up what it writes to a
// pipe. What the entries are called is not looked at.
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
	if err := readZeros(unzipped); err != nil {
		return entries, fmt.Errorf("read what is after tar's end marker: %w", brokenOff(err))
	}
	behind := &io.LimitedReader{R: raw, N: tarBlock}
	if err := readZeros(behind); err != nil {
		return entries, fmt.Errorf("read what is behind gzip: %w", err)
	}
	if behind.N == 0 {
		return entries, errors.New("more than a block follows behind gzip")
	}
	return entries, nil
}

// tarBlock is the usual block of tar, in bytes.
const tarBlock = 20 * 512

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
	w.ended = w.ended || n < len(p) && errors.Is(err, io.EOF)
	return n, err
}

// readZeros reads to the end, and finds nothing but zeros.
func readZeros(r io.Reader) error {
	_, err := io.Copy(zeros{}, r)
	return err
}

// zeros takes nothing but zeros.
type zeros struct{}

func (zeros) Write(p []byte) (int, error) {
	for i, b := range p {
		if b != 0 {
			return i, errors.New("it is not empty")
		}
	}
	return len(p), nil
}
