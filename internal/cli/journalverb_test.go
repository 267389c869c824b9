package cli_test

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// journal SOCKET: from here on there is a systemd journal, to which `journaled` connects
// programs.
func verbJournal(ts *testscript.TestScript, _ bool, args []string) {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: ts.MkAbs(args[0]), Net: "unixgram"})
	ts.Check(err)
	ts.Defer(func() { conn.Close() })
	ts.Setenv("BKPLAN_TEST_JOURNAL", ts.MkAbs(args[0]))
	entries, err := os.Create(ts.MkAbs("entries"))
	ts.Check(err)
	go func() {
		defer entries.Close()
		for buffer := make([]byte, 1<<16); ; {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			lines := strings.Split(strings.TrimSpace(string(buffer[:n])), "\n")
			slices.Sort(lines)
			fmt.Fprintln(entries, strings.Join(lines, " "))
		}
	}()
}

// journaled STREAMS PROGRAM ARG… runs a program whose STREAMS, stderr or both, systemd
// has connected with the journal. What it writes there is in the file stream, what it
// writes to another stdout on stdout.
func verbJournaled(ts *testscript.TestScript, _ bool, args []string) {
	stream, err := os.Create(ts.MkAbs("stream"))
	ts.Check(err)
	defer stream.Close()
	info, err := stream.Stat()
	ts.Check(err)
	stat := info.Sys().(*syscall.Stat_t)
	cmd := command(ts, args[1:])
	cmd.Env = append(cmd.Env, fmt.Sprintf("JOURNAL_STREAM=%d:%d", stat.Dev, stat.Ino))
	cmd.Stdout, cmd.Stderr = ts.Stdout(), stream
	if args[0] == "both" {
		cmd.Stdout = stream
	}
	fmt.Fprintln(ts.Stderr(), "end:", cmd.Run())
}
