package journal

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Endings of the names of segments: one being written, and one that is not
// touched any more but to remove it.
const (
	openEnding   = ".open"
	sealedEnding = ".sealed"
)

// segmentFile is a segment by its name.
type segmentFile struct {
	span   string
	number uint64
	sealed bool
}

func (f segmentFile) name() string {
	ending := openEnding
	if f.sealed {
		ending = sealedEnding
	}
	return fmt.Sprintf("%s-%016x%s", f.span, f.number, ending)
}

func parseSegmentName(name string) (segmentFile, bool) {
	base, sealed := strings.CutSuffix(name, sealedEnding)
	if !sealed {
		var open bool
		if base, open = strings.CutSuffix(name, openEnding); !open {
			return segmentFile{}, false
		}
	}
	span, digits, _ := strings.Cut(base, "-")
	number, err := strconv.ParseUint(digits, 16, 64)
	f := segmentFile{span, number, sealed}
	return f, err == nil && f.name() == name
}

// listSegments lists the segments of a folder, by span and number. A folder that
// is not there has none.
func listSegments(folder string) ([]segmentFile, error) {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list journal: %w", err)
	}
	var list []segmentFile
	for _, entry := range entries {
		if f, ok := parseSegmentName(entry.Name()); ok {
			list = append(list, f)
		}
	}
	slices.SortFunc(list, func(a, b segmentFile) int {
		return cmp.Or(cmp.Compare(a.span, b.span), cmp.Compare(a.number, b.number))
	})
	return list, nil
}

// segment is what one file says.
type segment struct {
	header   header
	names    []string
	subtrees []string
	covered  time.Time // the last time up to which nothing is missing
	sealed   bool
	end      *ending
}

// readSegment reads all of a segment. Of one that is not sealed, a record that is
// cut off at the end is left out: it may be in the middle of being written.
func readSegment(folder string, f segmentFile) (segment, error) {
	data, err := os.ReadFile(filepath.Join(folder, f.name()))
	if errors.Is(err, fs.ErrNotExist) && !f.sealed {
		f.sealed = true // since it was listed
		data, err = os.ReadFile(filepath.Join(folder, f.name()))
	}
	if err != nil {
		return segment{}, fmt.Errorf("read journal: %w", err)
	}
	s, err := parseSegment(data)
	if errors.Is(err, errTorn) && !f.sealed && s.header.Span != "" {
		err = nil
	}
	if err == nil {
		err = s.check(f)
	}
	if err != nil {
		return s, fmt.Errorf("read journal: segment %d: %w", f.number, err)
	}
	return s, nil
}

// check holds a segment against its name.
func (s segment) check(f segmentFile) error {
	if s.header.Span != f.span || s.header.Segment != f.number {
		return errors.New("it is another one than its name says")
	}
	if f.sealed && !s.sealed {
		return errors.New("its end is missing")
	}
	return nil
}

// parseSegment reads as far as it can: what it returns beside an error is right,
// and not all.
func parseSegment(data []byte) (segment, error) {
	var s segment
	rest, err := cutMagic(data)
	if err != nil {
		return s, err
	}
	for first := true; len(rest) > 0; first = false {
		var r record
		r, rest, err = cutRecord(rest)
		if err != nil {
			return s, err
		}
		if first != (r.kind == kindHeader) || s.sealed {
			return s, errors.New("a record is not in its place")
		}
		if err := s.add(r); err != nil {
			return s, err
		}
	}
	if s.header.Span == "" {
		return s, errTorn
	}
	return s, nil
}

func cutMagic(data []byte) ([]byte, error) {
	if len(data) < len(magic)+4 {
		return nil, errTorn
	}
	if string(data[:len(magic)]) != magic {
		return nil, errors.New("it is no segment of a journal")
	}
	if v := binary.LittleEndian.Uint32(data[len(magic):]); v != version {
		return nil, fmt.Errorf("it is of format %d, and this bkplan knows %d", v, version)
	}
	return data[len(magic)+4:], nil
}

func (s *segment) add(r record) error {
	switch r.kind {
	case kindHeader:
		if err := json.Unmarshal([]byte(r.text), &s.header); err != nil {
			return fmt.Errorf("decode header: %w", err)
		}
		s.covered = s.header.Started
	case kindName:
		s.names = append(s.names, r.text)
	case kindSubtree:
		s.subtrees = append(s.subtrees, r.text)
	case kindCovered:
		s.covered = r.time
	case kindSealed:
		s.covered, s.sealed = r.time, true
	case kindEnd:
		s.end = &ending{Span: s.header.Span, Time: r.time, Reason: r.text}
	}
	return nil
}
