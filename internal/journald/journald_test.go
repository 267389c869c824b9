package journald

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// listen stands in for the journal.
func listen(t *testing.T) (*net.UnixConn, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "socket")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, path
}

func sender(t *testing.T, path string) *Sender {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// parse reads a datagram as the protocol says.
func parse(t interface{ Fatalf(string, ...any) }, text string) map[string]string {
	fields := map[string]string{}
	for text != "" {
		line, rest, found := strings.Cut(text, "\n")
		if !found {
			t.Fatalf("no line break behind %q", text)
		}
		name, value, plain := strings.Cut(line, "=")
		if !plain {
			n := binary.LittleEndian.Uint64([]byte(rest[:8]))
			value, rest = rest[8:8+n], rest[8+n+1:]
		}
		fields[name] = value
		text = rest
	}
	return fields
}

func TestEntryArrives(t *testing.T) {
	conn, path := listen(t)
	err := sender(t, path).Send(Entry{"failed create", Error, map[string]string{"BKPLAN_LAYER": "weekly", "BKPLAN_ERROR": "two\nlines", "BKPLAN_NONE": ""}})
	if err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 1<<16)
	n, err := conn.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"MESSAGE": "failed create", "PRIORITY": "3", "BKPLAN_LAYER": "weekly", "BKPLAN_ERROR": "two\nlines"}
	if diff := cmp.Diff(want, parse(t, string(buffer[:n]))); diff != "" {
		t.Error(diff)
	}
}

// No name from outside makes a field of its own.
func TestHostileValuesStayValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.SliceOf(rapid.SampledFrom([]byte("A=\n\x00\xffé_")))
		e := Entry{string(bytes.Draw(t, "message")), Info, map[string]string{"BKPLAN_VOLUME": string(bytes.Draw(t, "volume"))}}
		got := parse(t, string(encode(e)))
		if got["MESSAGE"] != e.Message || got["BKPLAN_VOLUME"] != e.Fields["BKPLAN_VOLUME"] || len(got) > 3 {
			t.Fatalf("%+v became %q", e, got)
		}
	})
}

// A journal that hangs once would have made the backup hang.
func TestJournalThatDoesNotReadDelaysNobody(t *testing.T) {
	_, path := listen(t)
	s := sender(t, path)
	for range 100_000 {
		if err := s.Send(Entry{Message: strings.Repeat("x", 1000)}); err != nil {
			if !errors.Is(err, unix.EAGAIN) {
				t.Error(err)
			}
			return
		}
	}
	t.Error("it took everything")
}

func TestLargeEntryIsCut(t *testing.T) {
	conn, path := listen(t)
	if err := sender(t, path).Send(Entry{Message: strings.Repeat("x", 10<<20), Fields: map[string]string{"BKPLAN_ERROR": strings.Repeat("\n", 10<<20)}}); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1<<20)); err != nil || n < 2*maxValue {
		t.Error(n, err)
	}
}

func TestNoJournal(t *testing.T) {
	if err := sender(t, filepath.Join(t.TempDir(), "none")).Send(Entry{Message: "x"}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Open(strings.Repeat("x", 300)); err != nil {
		t.Error(err)
	}
}

func TestIsStream(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var info unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &info); err != nil {
		t.Fatal(err)
	}
	for stream, want := range map[string]bool{
		fmt.Sprintf("%d:%d", info.Dev, info.Ino):   true,
		fmt.Sprintf("%d:%d", info.Dev, info.Ino+1): false,
		fmt.Sprintf("%d:%d", info.Dev+1, info.Ino): false,
		"": false, "8": false, ":": false, "x:y": false,
	} {
		if got := IsStream(file, stream); got != want {
			t.Errorf("%q: %v", stream, got)
		}
	}
}
