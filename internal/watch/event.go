package watch

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// handle is how the kernel names a file or folder for good: as a key of maps.
type handle struct {
	kind int32
	id   string
}

func (h handle) isZero() bool { return h.id == "" }

// event is one event of fanotify.
type event struct {
	mask   uint64
	folder handle // zero when the event is of a file without a name
	name   string // in the folder; "." is the folder itself
	file   handle // zero when it is not told
}

// Lengths of what the kernel writes: fanotify_event_info_header, and a file
// system's id with the head of a file_handle.
const (
	infoHead = 4
	fidHead  = 16
)

// cutEvent takes the first event off data.
func cutEvent(data []byte) (event, []byte, error) {
	if len(data) < unix.FAN_EVENT_METADATA_LEN {
		return event{}, nil, fmt.Errorf("an event of fanotify has %d bytes", len(data))
	}
	length, head := binary.NativeEndian.Uint32(data), binary.NativeEndian.Uint16(data[6:])
	if data[4] != unix.FANOTIFY_METADATA_VERSION || int(length) > len(data) || uint32(head) > length {
		return event{}, nil, fmt.Errorf("an event of fanotify has version %d and %d bytes", data[4], length)
	}
	e := event{mask: binary.NativeEndian.Uint64(data[8:])}
	for info := data[head:length]; len(info) >= infoHead; {
		size := int(binary.NativeEndian.Uint16(info[2:]))
		if size < infoHead || size > len(info) {
			return event{}, nil, fmt.Errorf("an event of fanotify has %d bytes of information", size)
		}
		if err := e.add(info[0], info[infoHead:size]); err != nil {
			return event{}, nil, err
		}
		info = info[size:]
	}
	return e, data[length:], nil
}

// add takes one piece of information.
func (e *event) add(kind byte, data []byte) error {
	switch kind {
	case unix.FAN_EVENT_INFO_TYPE_FID, unix.FAN_EVENT_INFO_TYPE_DFID, unix.FAN_EVENT_INFO_TYPE_DFID_NAME:
	default:
		return nil
	}
	if len(data) < fidHead {
		return fmt.Errorf("a handle of fanotify has %d bytes", len(data))
	}
	length := int(binary.NativeEndian.Uint32(data[8:]))
	if fidHead+length > len(data) {
		return fmt.Errorf("a handle of fanotify has %d bytes", length)
	}
	h := handle{int32(binary.NativeEndian.Uint32(data[12:])), string(data[fidHead : fidHead+length])}
	if kind == unix.FAN_EVENT_INFO_TYPE_FID {
		e.file = h
		return nil
	}
	e.folder, e.name = h, "."
	if kind == unix.FAN_EVENT_INFO_TYPE_DFID_NAME {
		name, _, _ := bytes.Cut(data[fidHead+length:], []byte{0})
		e.name = string(name)
	}
	return nil
}
