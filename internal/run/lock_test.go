package run

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain is also the processes that hold a lock, or record a run, until they are killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("RUN_TEST_HOLD"); dir != "" {
		unlock, err := Lock(context.Background(), dir, 0, Holder{PID: os.Getpid(), Command: []string{"bkplan", "apply"}, Started: night}, func(Holder) {})
		if err != nil {
			panic(err)
		}
		fmt.Println("locked")
		time.Sleep(time.Minute) // killed long before
		panic(unlock())
	}
	if dir := os.Getenv("RUN_TEST_BEGIN"); dir != "" {
		beginAndStay(dir)
		return
	}
	os.Exit(m.Run())
}

// hold locks a state directory in another process.
func hold(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "RUN_TEST_HOLD="+dir)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "locked\n" {
		t.Fatalf("%q, %v", line, err)
	}
	return cmd
}

// A lock file with a pid outlived a SIGKILL and stopped the backups that came
// after it. The kernel frees this one.
func TestLockIsFreedByAKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	cmd := hold(t, dir)
	_, err := Lock(t.Context(), dir, 0, Holder{}, func(Holder) {})
	locked := (*LockedError)(nil)
	if !errors.Is(err, ErrLocked) || !errors.As(err, &locked) || locked.Holder.PID != cmd.Process.Pid {
		t.Fatalf("%v", err)
	}
	want := fmt.Sprintf(`another run holds the lock: pid %d, "bkplan apply", since 2026-11-24T01:00:00Z (%s/lock)`, cmd.Process.Pid, dir)
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	unlock, err := Lock(t.Context(), dir, 10*time.Second, Holder{PID: 1}, func(Holder) {})
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}

func TestLockWaitsNoLongerThanAllowed(t *testing.T) {
	dir := t.TempDir()
	hold(t, dir)
	if _, err := Lock(t.Context(), dir, time.Millisecond, Holder{}, func(Holder) {}); !errors.Is(err, ErrLocked) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Lock(ctx, dir, time.Hour, Holder{}, func(Holder) {}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestLockWhoseHolderCannotBeTold(t *testing.T) {
	dir := t.TempDir()
	hold(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "lock"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(t.Context(), dir, 0, Holder{}, func(Holder) {}); !errors.Is(err, ErrLocked) || strings.Contains(err.Error(), "pid") {
		t.Error(err)
	}
}

func TestHolderIsSafeToPrint(t *testing.T) {
	if text := (Holder{PID: 1, Command: []string{"bkplan", "\x1b[2J\n"}}).String(); strings.ContainsAny(text, "\x1b\n") {
		t.Errorf("%q", text)
	}
}

func TestLockWhereNothingCanBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(t.Context(), file, 0, Holder{}, func(Holder) {}); err == nil || errors.Is(err, ErrLocked) {
		t.Error(err)
	}
}
