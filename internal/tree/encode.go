package tree

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strconv"
)

// A manifest is text, compressed by gzip. Its first line is
//
//	bkplan manifest 1
//
// then comes one line for each entry, in the order of Compare, the root first:
//
//	TYPE MODE UID GID SIZE SECONDS.NANOSECONDS DETAIL "PATH"
//
// TYPE is a letter (see Type), MODE octal, the time is SECONDS since 1970,
// possibly negative, plus NANOSECONDS. DETAIL is the SHA-256 of a file, the
// quoted target of a symbolic link, MAJOR:MINOR of a device, else "-". Quoted is
// as Go does it, in ASCII. The last line is
//
//	end ENTRIES
const (
	manifestName    = "bkplan manifest "
	manifestVersion = 1
	manifestEnd     = "end "
	// longestLine bounds what a reader keeps of a damaged manifest.
	longestLine = 16 << 20
)

// encoder writes a manifest.
type encoder struct {
	gzip   *gzip.Writer
	digest hash.Hash
	buffer *bufio.Writer
	line   []byte
	count  int64
}

func newEncoder(w io.Writer) (*encoder, error) {
	compressor, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	digest := sha256.New()
	e := &encoder{gzip: compressor, digest: digest}
	e.buffer = bufio.NewWriterSize(io.MultiWriter(digest, compressor), 64<<10)
	fmt.Fprintf(e.buffer, "%s%d\n", manifestName, manifestVersion)
	return e, nil
}

func (e *encoder) write(entry *Entry) error {
	e.line = appendEntry(e.line[:0], entry)
	if len(e.line) > longestLine {
		return pathError("write down", entry.Path[:255]+"…", fmt.Errorf("the path is longer than a manifest's line may be"))
	}
	e.count++
	_, err := e.buffer.Write(e.line)
	return err
}

// close ends the manifest and tells its digest.
func (e *encoder) close() (string, error) {
	fmt.Fprintf(e.buffer, "%s%d\n", manifestEnd, e.count)
	if err := e.buffer.Flush(); err != nil {
		return "", err
	}
	if err := e.gzip.Close(); err != nil {
		return "", err
	}
	return digestText(e.digest), nil
}

func digestText(digest hash.Hash) string {
	return "sha256:" + hex.EncodeToString(digest.Sum(nil))
}

func appendEntry(b []byte, e *Entry) []byte {
	b = append(b, byte(e.Type), ' ')
	b = strconv.AppendUint(b, uint64(e.Mode), 8)
	for _, n := range []int64{int64(e.UID), int64(e.GID), e.Size, e.ModTime.Unix()} {
		b = strconv.AppendInt(append(b, ' '), n, 10)
	}
	b = append(b, '.')
	nanoseconds := e.ModTime.Nanosecond()
	for unit := 100_000_000; unit > 0; unit /= 10 {
		b = append(b, byte('0'+nanoseconds/unit%10))
	}
	b = appendDetail(append(b, ' '), e)
	b = strconv.AppendQuoteToASCII(append(b, ' '), e.Path)
	return append(b, '\n')
}

func appendDetail(b []byte, e *Entry) []byte {
	switch {
	case e.Type == File:
		return hex.AppendEncode(b, e.Hash[:])
	case e.Type == Symlink:
		return strconv.AppendQuoteToASCII(b, e.Target)
	case e.isDevice():
		b = strconv.AppendUint(b, uint64(e.Major), 10)
		return strconv.AppendUint(append(b, ':'), uint64(e.Minor), 10)
	default:
		return append(b, '-')
	}
}
