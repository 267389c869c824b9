// Package journald sends entries with fields to systemd's journal, by its native
// protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/). Start at Open. A journal that
// does not take an entry at once makes Send fail, and never wait: whoever sends goes on.
// The libraries for it wait as long as a journal that hangs does.
package journald

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Socket is where the journal of the machine listens.
const Socket = "/run/systemd/journal/socket"

// Priority is syslog's.
type Priority int

// The priorities in use.
const (
	Error   Priority = 3
	Warning Priority = 4
	Info    Priority = 6
)

// Entry is one entry of the journal. The names of fields are of capital letters,
// digits and underscores; values may be any bytes. Empty ones are left out.
type Entry struct {
	Message  string
	Priority Priority
	Fields   map[string]string
}

// Sender sends entries to one socket.
type Sender struct {
	fd      int
	address *unix.SockaddrUnix
}

// Open makes a Sender to the socket at a path, which need not be there yet, and may be
// made anew at any time.
func Open(path string) (*Sender, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open socket to the journal: %w", err)
	}
	return &Sender{fd: fd, address: &unix.SockaddrUnix{Name: path}}, nil
}

// Close frees the socket.
func (s *Sender) Close() error { return unix.Close(s.fd) }

// Send hands an entry over, or fails at once.
func (s *Sender) Send(e Entry) error {
	if err := unix.Sendto(s.fd, encode(e), unix.MSG_NOSIGNAL, s.address); err != nil {
		return fmt.Errorf("send to the journal: %w", err)
	}
	return nil
}

// maxValue bounds a value, in bytes, so that an entry goes as one datagram.
const maxValue = 16 << 10

func encode(e Entry) []byte {
	var b bytes.Buffer
	field(&b, "MESSAGE", e.Message)
	field(&b, "PRIORITY", strconv.Itoa(int(e.Priority)))
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		field(&b, name, e.Fields[name])
	}
	return b.Bytes()
}

// field writes NAME=value, and a value with line breaks with its length before it, so
// that none can pass for a field of its own.
func field(b *bytes.Buffer, name, value string) {
	value = value[:min(len(value), maxValue)]
	switch {
	case value == "":
	case strings.Contains(value, "\n"):
		b.WriteString(name + "\n")
		b.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(value))))
		b.WriteString(value + "\n")
	default:
		b.WriteString(name + "=" + value + "\n")
	}
}

// IsStream says whether a file is what systemd has connected with the journal: stream is
// the value of $JOURNAL_STREAM, which names the device and the inode. A program that
// was started from such a one and has its output elsewhere has inherited the variable
// alone.
func IsStream(file *os.File, stream string) bool {
	device, inode, found := strings.Cut(stream, ":")
	var info unix.Stat_t
	if !found || unix.Fstat(int(file.Fd()), &info) != nil {
		return false
	}
	return device == strconv.FormatUint(info.Dev, 10) && inode == strconv.FormatUint(info.Ino, 10)
}
