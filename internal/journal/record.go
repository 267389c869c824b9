package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path"
	"strings"
	"time"
)

// kind is what a record says.
type kind byte

const (
	kindHeader  kind = 'h' // JSON of a header
	kindName    kind = 'n' // a name that was changed, made or removed; not what is below it
	kindSubtree kind = 't' // a name of which all that is below it is to be compared
	kindCovered kind = 'c' // all that happened before this time stands above
	kindSealed  kind = 's' // nothing follows in this segment
	kindEnd     kind = 'e' // the span ends here, and why
)

// magic begins a segment, and is followed by the version of the format.
const (
	magic   = "bkplan journal\x00\x00"
	version = 1
)

// frameHead is the length of a record and its checksum; maxRecord bounds the
// length.
const (
	frameHead = 8
	maxRecord = 1 << 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errTorn is a record whose end is missing: a write was cut off, or is going on.
var errTorn = errors.New("a record is cut off")

// record is a kind, and a name, a reason or a header. It has a time unless it is
// a name.
type record struct {
	kind kind
	time time.Time
	text string
}

func (k kind) timed() bool { return k == kindCovered || k == kindSealed || k == kindEnd }

// append adds a record in its frame.
func (r record) append(to []byte) []byte {
	start := len(to)
	to = append(to, make([]byte, frameHead)...)
	to = append(to, byte(r.kind))
	if r.kind.timed() {
		to = binary.LittleEndian.AppendUint64(to, uint64(r.time.UnixNano()))
	}
	to = append(to, r.text...)
	payload := to[start+frameHead:]
	binary.LittleEndian.PutUint32(to[start:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(to[start+4:], crc32.Checksum(payload, castagnoli))
	return to
}

// cutRecord takes the first record off data. It returns errTorn where data ends
// too early.
func cutRecord(data []byte) (r record, rest []byte, err error) {
	if len(data) < frameHead {
		return r, nil, errTorn
	}
	length := binary.LittleEndian.Uint32(data)
	if length == 0 || length > maxRecord {
		return r, nil, fmt.Errorf("a record claims to have %d bytes", length)
	}
	if len(data) < frameHead+int(length) {
		return r, nil, errTorn
	}
	payload, rest := data[frameHead:frameHead+length], data[frameHead+length:]
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(data[4:]) {
		return r, nil, errors.New("a record does not match its checksum")
	}
	r, err = parseRecord(payload)
	return r, rest, err
}

func parseRecord(payload []byte) (record, error) {
	r := record{kind: kind(payload[0])}
	payload = payload[1:]
	if r.kind.timed() {
		if len(payload) < 8 {
			return r, errors.New("a record has no time")
		}
		r.time = time.Unix(0, int64(binary.LittleEndian.Uint64(payload))).UTC()
		payload = payload[8:]
	}
	r.text = string(payload)
	switch r.kind {
	case kindHeader, kindCovered, kindSealed, kindEnd:
		return r, nil
	case kindName, kindSubtree:
		if !properName(r.text) {
			return r, fmt.Errorf("%q is no name in a tree", r.text)
		}
		return r, nil
	}
	return r, fmt.Errorf("a record is of the unknown kind %q", byte(r.kind))
}

// properName says whether a name is Whole, or leads down from the tree and
// nowhere else.
func properName(name string) bool {
	return name != "" && name[0] != '/' && path.Clean(name) == name &&
		name != ".." && !strings.HasPrefix(name, "../") && !strings.Contains(name, "\x00")
}
