package catalogue

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
)

// source reads one of the files. Nothing of it may be believed before finish has
// returned nil.
type source struct {
	*bufio.Reader
	file   *os.File
	digest hash.Hash
	size   int64
	before stat
	name   []byte
}

// openFile opens a file of a catalogue and reads its header.
func openFile(path string, header any) (_ *source, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	s := &source{file: file, digest: sha256.New(), size: info.Size()}
	s.Reader = bufio.NewReaderSize(io.TeeReader(io.LimitReader(file, s.size-sha256.Size), s.digest), 1<<16)
	begin := make([]byte, len(magic)+4)
	if _, err := io.ReadFull(s, begin); err != nil {
		return nil, cut(err)
	}
	if string(begin[:len(magic)]) != magic {
		return nil, errors.New("it is no file of a catalogue")
	}
	if v := binary.LittleEndian.Uint32(begin[len(magic):]); v != version {
		return nil, fmt.Errorf("it is of format %d, and this bkplan knows %d", v, version)
	}
	text, err := s.text(longestHeader)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(text), header); err != nil {
		return nil, fmt.Errorf("decode header: %w", err)
	}
	return s, nil
}

// Close closes the file.
func (s *source) Close() { s.file.Close() }

// cut keeps the end of a file apart from that of what it should hold.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errCut
	}
	return err
}

func (s *source) number() (uint64, error) {
	n, err := binary.ReadUvarint(s)
	return n, cut(err)
}

func (s *source) text(longest uint64) (string, error) {
	n, err := s.number()
	if err != nil {
		return "", err
	}
	if n > longest {
		return "", fmt.Errorf("it claims to hold a name of %d bytes", n)
	}
	if uint64(cap(s.name)) < n {
		s.name = make([]byte, n)
	}
	if _, err := io.ReadFull(s, s.name[:n]); err != nil {
		return "", cut(err)
	}
	return string(s.name[:n]), nil
}

// finish says whether the file ends here, and is whole.
func (s *source) finish() error {
	if _, err := s.ReadByte(); err == nil {
		return errors.New("it holds more than it should")
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	sum := make([]byte, sha256.Size)
	if _, err := s.file.ReadAt(sum, s.size-sha256.Size); err != nil {
		return cut(err)
	}
	if string(sum) != string(s.digest.Sum(nil)) {
		return errors.New("it does not match its checksum")
	}
	return nil
}

// entry reads what follows an entry's flags.
func (s *source) entry(flags byte) (entry, error) {
	if flags > allFlags {
		return entry{}, fmt.Errorf("it has a record of the unknown kind %#x", flags)
	}
	name, err := s.text(longestName)
	if err != nil {
		return entry{}, err
	}
	f := fields{s: s}
	e := entry{name: name, unknown: flags&flagUnknown != 0, mount: flags&flagMount != 0}
	t := &e.stat
	t.mode, t.uid, t.gid, t.names = s.before.mode, s.before.uid, s.before.gid, 1
	if flags&sameOwner == 0 {
		t.mode, t.uid, t.gid = uint32(f.next()), uint32(f.next()), uint32(f.next())
	}
	if flags&plain == 0 {
		t.names, t.major, t.minor = uint32(f.next()), uint32(f.next()), uint32(f.next())
	}
	t.size = f.next()
	t.inode = s.before.inode + uint64(f.signed())
	t.modified = f.stamp(s.before.modified)
	t.changed = t.modified
	if flags&unchanged == 0 {
		t.changed = f.stamp(t.modified)
	}
	s.before = e.stat
	return e, f.err
}

// fields reads numbers until one cannot be read.
type fields struct {
	s   *source
	err error
}

func (f *fields) next() uint64 {
	n, err := f.s.number()
	if err != nil {
		f.err = err
	}
	return n
}

func (f *fields) signed() int64 {
	n, err := binary.ReadVarint(f.s)
	if err != nil {
		f.err = cut(err)
	}
	return n
}

func (f *fields) stamp(before stamp) stamp {
	return stamp{before.seconds + f.signed(), uint32(f.next())}
}
