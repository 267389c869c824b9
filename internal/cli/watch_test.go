package cli

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/bkplan/bkplan/internal/journal"
	"github.com/bkplan/bkplan/internal/watch"
)

const watchedPolicy = `bkplan {
  timezone  = "UTC"
  state_dir = "%[1]s/state"
}
source "directory" "mail" { path = "%[1]s/mail" }
source "directory" "photos" { path = "%[1]s/photos" }
destination "disk" "usb" { path = "%[1]s/usb" }
layer "sync" "mail" {
  from          = source.mail
  to            = destination.usb
  directory     = "mail"
  track_changes = true
  schedule      = "*-*-* 05:00"
}
layer "sync" "photos" {
  from          = source.photos
  to            = destination.usb
  directory     = "photos"
  track_changes = true
  schedule      = "*-*-* 05:00"
}
`

// TestWatchIsAServiceOfTypeNotify: systemd hears that `bkplan watch` is ready when what
// changes from then on is in the journal, that it is well while it is, and that it stops.
func TestWatchIsAServiceOfTypeNotify(t *testing.T) {
	s := startWatch(t)
	heard := []string{s.hear()}
	if heard[0] == daemon.SdNotifyWatchdog { // that a busy tree is well may be told first
		heard = append(heard, s.hear())
	}
	if ready := heard[len(heard)-1]; ready != "READY=1\nSTATUS=Watching 2 trees" {
		t.Errorf("systemd hears first %q", ready)
	}
	for _, name := range []string{"mail", "photos"} {
		tree := filepath.Join(s.folder, name)
		if err := os.WriteFile(filepath.Join(tree, "new"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if said := s.log(); !strings.Contains(said, tree+`": followed by `) {
			t.Errorf("it is ready, and of %s it has said: %s", name, said)
		}
		// From the beginning of the span, so that nothing that came after READY=1 is left out.
		point, err := watch.Flush(t.Context(), filepath.Join(s.folder, "state"), tree)
		if err != nil {
			t.Fatal(err)
		}
		changes, reason := s.since(tree, point)
		if reason != "" || !slices.Contains(changes.Names, "new") {
			t.Errorf("%s: %q, %s", name, changes.Names, reason)
		}
	}
	if len(heard) == 1 {
		heard = append(heard, s.hear())
	}
	if !slices.Contains(heard, daemon.SdNotifyWatchdog) {
		t.Errorf("systemd hears %q", heard)
	}
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if last := s.hear(); last != daemon.SdNotifyStopping {
		t.Errorf("systemd hears last %q", last)
	}
	if err := s.command.Wait(); err != nil {
		t.Errorf("%v: %s", err, s.log())
	}
}

// watchService is `bkplan watch`, and the ear of systemd.
type watchService struct {
	t       *testing.T
	folder  string
	systemd *net.UnixConn
	command *exec.Cmd
}

func startWatch(t *testing.T) watchService {
	t.Helper()
	s := watchService{t: t, folder: t.TempDir()}
	program, err := exec.LookPath("bkplan") // TestMain has put it there
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	check(err)
	for _, name := range []string{"mail", "photos"} {
		check(os.MkdirAll(filepath.Join(s.folder, name, "a/b/c"), 0o700))
	}
	check(os.WriteFile(filepath.Join(s.folder, "bkplan.hcl"), fmt.Appendf(nil, watchedPolicy, s.folder), 0o600))
	socket := filepath.Join(s.folder, "notify")
	s.systemd, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	check(err)
	t.Cleanup(func() { _ = s.systemd.Close() })
	check(s.systemd.SetReadDeadline(time.Now().Add(time.Minute)))
	log, err := os.Create(filepath.Join(s.folder, "log"))
	check(err)
	defer log.Close()
	s.command = exec.Command(program, "watch", "--file", filepath.Join(s.folder, "bkplan.hcl"))
	s.command.Env = append(os.Environ(), "BKPLAN_TEST_NOW=2026-11-25T03:00:00Z", "BKPLAN_TEST_HOST=pve", "NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=1000")
	s.command.Stdout, s.command.Stderr = log, log
	check(s.command.Start())
	t.Cleanup(func() { _ = s.command.Process.Kill() })
	return s
}

// hear is what systemd is told next.
func (s watchService) hear() string {
	s.t.Helper()
	buffer := make([]byte, 1<<10)
	n, err := s.systemd.Read(buffer)
	if err != nil {
		s.t.Fatalf("%v, and it has said: %s", err, s.log())
	}
	return string(buffer[:n])
}

func (s watchService) log() string {
	text, _ := os.ReadFile(filepath.Join(s.folder, "log"))
	return string(text)
}

// since is what changed in a tree since it is followed.
func (s watchService) since(tree string, until journal.Point) (journal.Changes, string) {
	s.t.Helper()
	_, host := System().host()
	j, err := journal.Read(filepath.Join(s.folder, "state"), tree, host)
	if err != nil {
		s.t.Fatal(err)
	}
	return j.Since(journal.Point{Span: until.Span}, until, nil)
}

// TestHeartbeat: the watchdog is told that all is well when every tree has said so, not
// more often than needed, and whatever was done to the clock.
func TestHeartbeat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	if err := systemd.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "40000000")
	now := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	h := newHeartbeat(func() time.Time { return now }, 2)
	for i, step := range []struct {
		passes time.Duration
		trees  string
		want   string
	}{
		{0, "a a a", ""},
		{0, "b", daemon.SdNotifyWatchdog},
		{9 * time.Second, "a b", ""}, // a quarter of the limit has not passed
		{time.Second, "a", daemon.SdNotifyWatchdog},
		{time.Hour, "b b b", ""}, // a hangs
		{0, "a", daemon.SdNotifyWatchdog},
		{-24 * time.Hour, "a b", daemon.SdNotifyWatchdog},
	} {
		now = now.Add(step.passes)
		for tree := range strings.FieldsSeq(step.trees) {
			h.beat(tree)
		}
		tellSystemd("END=1")
		if got := receive(t, systemd, "END=1"); got != step.want {
			t.Errorf("step %d: systemd hears %q, want %q", i+1, got, step.want)
		}
	}
	t.Setenv("WATCHDOG_USEC", "")
	newHeartbeat(func() time.Time { return now }, 1).beat("a")
	tellSystemd("END=1")
	if got := receive(t, systemd, "END=1"); got != "" {
		t.Errorf("without a watchdog systemd hears %q", got)
	}
}

// receive is all that was sent before the end.
func receive(t *testing.T, from *net.UnixConn, end string) string {
	t.Helper()
	var all []string
	for buffer := make([]byte, 1<<10); ; {
		n, err := from.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		if string(buffer[:n]) == end {
			return strings.Join(all, " ")
		}
		all = append(all, string(buffer[:n]))
	}
}
