package catalogue

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"io"
)

// writer writes one of the files.
type writer struct {
	*bufio.Writer
	to     io.Writer
	digest hash.Hash
	size   int64
	before stat // of the entry before
	count  uint64
	line   []byte
}

func newWriter(to io.Writer, header any) (*writer, error) {
	text, err := json.Marshal(header)
	if err != nil {
		return nil, fmt.Errorf("encode header: %w", err)
	}
	w := &writer{to: to, digest: sha256.New()}
	w.Writer = bufio.NewWriterSize(w, 1<<16)
	_, _ = w.WriteString(magic)
	_, _ = w.Writer.Write(binary.LittleEndian.AppendUint32(nil, version))
	w.text(string(text))
	return w, nil
}

// Write takes what has gathered.
func (w *writer) Write(data []byte) (int, error) {
	w.digest.Write(data)
	w.size += int64(len(data))
	return w.to.Write(data)
}

func (w *writer) number(n uint64) { _, _ = w.Writer.Write(binary.AppendUvarint(w.line[:0], n)) }

func (w *writer) text(text string) {
	w.number(uint64(len(text)))
	_, _ = w.WriteString(text)
}

func (w *writer) folder(path string) {
	_ = w.WriteByte(folderMark)
	w.text(path)
}

// entry writes an entry, shorter by what the one before has in common with it.
func (w *writer) entry(e *entry) {
	w.line = putEntry(w.line[:0], e, &w.before)
	_, _ = w.Writer.Write(w.line)
	w.before = e.stat
	w.count++
}

// flagsOf says what of an entry need not be written.
func flagsOf(e *entry, before *stat) (flags byte) {
	s := &e.stat
	if s.mode == before.mode && s.uid == before.uid && s.gid == before.gid {
		flags |= sameOwner
	}
	if s.names == 1 && s.major == 0 && s.minor == 0 {
		flags |= plain
	}
	if s.changed == s.modified {
		flags |= unchanged
	}
	if e.unknown {
		flags |= flagUnknown
	}
	if e.mount {
		flags |= flagMount
	}
	return flags
}

func putEntry(to []byte, e *entry, before *stat) []byte {
	s, flags := &e.stat, flagsOf(e, before)
	to = append(to, flags)
	to = binary.AppendUvarint(to, uint64(len(e.name)))
	to = append(to, e.name...)
	if flags&sameOwner == 0 {
		to = binary.AppendUvarint(to, uint64(s.mode))
		to = binary.AppendUvarint(to, uint64(s.uid))
		to = binary.AppendUvarint(to, uint64(s.gid))
	}
	if flags&plain == 0 {
		to = binary.AppendUvarint(to, uint64(s.names))
		to = binary.AppendUvarint(to, uint64(s.major))
		to = binary.AppendUvarint(to, uint64(s.minor))
	}
	to = binary.AppendUvarint(to, s.size)
	to = binary.AppendVarint(to, int64(s.inode-before.inode))
	to = putStamp(to, s.modified, before.modified)
	if flags&unchanged == 0 {
		to = putStamp(to, s.changed, s.modified)
	}
	return to
}

func putStamp(to []byte, t, before stamp) []byte {
	to = binary.AppendVarint(to, t.seconds-before.seconds)
	return binary.AppendUvarint(to, uint64(t.nanoseconds))
}

// finish writes what proves that the file is whole.
func (w *writer) finish() error {
	if err := w.Flush(); err != nil {
		return err
	}
	sum := w.digest.Sum(nil)
	w.size += int64(len(sum))
	_, err := w.to.Write(sum)
	return err
}
