package execx

import (
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A hook that left a daemon behind, which held its pipes, made the run wait for it.
func TestContainedProgramLeavesNothingBehind(t *testing.T) {
	for name, script := range map[string]string{
		"child in the background":        "echo $$ >&2; tail -f /dev/null & exit 0",
		"child that ignores being asked": "echo $$ >&2; (trap '' TERM HUP; tail -f /dev/null) & exit 0",
		"nothing":                        "echo $$ >&2",
	} {
		t.Run(name, func(t *testing.T) {
			c := sh(script)
			c.Contained, c.Stdout = true, io.Discard
			output, err := run(t, New().(runner), c)
			if err != nil || output.Elapsed > 3*time.Second {
				t.Fatalf("%v after %v", err, output.Elapsed)
			}
			if left := alive(t, strings.TrimSpace(output.Stderr)); left != "" {
				t.Errorf("still running: %s", left)
			}
		})
	}
}

// What has left the session is out of reach, and out of the way.
func TestContainedProgramWhoseDaemonHasItsOwnSession(t *testing.T) {
	ready := filepath.Join(t.TempDir(), "ready")
	c := Command{Argv: []string{"sh", "-c", "mkfifo $0; setsid sh -c 'echo $$ >&2; echo > $0; exec tail -f /dev/null' $0 & read -r _ < $0", ready}}
	c.Contained, c.Stdout = true, io.Discard
	output, err := run(t, New().(runner), c)
	if err != nil || output.Elapsed > 5*time.Second {
		t.Errorf("%v after %v", err, output.Elapsed)
	}
	daemon, _ := strconv.Atoi(strings.TrimSpace(output.Stderr))
	if err := syscall.Kill(daemon, syscall.SIGKILL); daemon < 2 || err != nil {
		t.Errorf("daemon %q: %v", output.Stderr, err)
	}
}

func TestContainedProgramThatHangs(t *testing.T) {
	c := sh("trap '' TERM; echo $$ >&2; tail -f /dev/null & wait; tail -f /dev/null")
	c.Contained, c.Stdout, c.Timeout = true, io.Discard, 100*time.Millisecond
	output, err := run(t, New().(runner), c)
	if err == nil || err.Reason != ReasonTimeout || output.Elapsed > 5*time.Second {
		t.Fatalf("%v after %v", err, output.Elapsed)
	}
	if left := alive(t, strings.TrimSpace(output.Stderr)); left != "" {
		t.Errorf("still running: %s", left)
	}
}

func TestContainedProgramsEndIsTold(t *testing.T) {
	c := sh("head -c 300000000 /dev/zero; echo sorry >&2; exit 3")
	c.Contained, c.Stdout, c.Stdin = true, io.Discard, []byte(strings.Repeat("not read", 100_000))
	_, err := run(t, New().(runner), c)
	if err == nil || err.Reason != ReasonExit || err.Exit != 3 || !strings.Contains(err.Error(), "sorry") {
		t.Errorf("%v", err)
	}
}
