package execx

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// quick is the real Runner with little patience.
func quick() runner {
	return runner{grace: 400 * time.Millisecond, reap: 200 * time.Millisecond, maxStdout: 1 << 20}
}

func sh(script string) Command { return Command{Argv: []string{"sh", "-c", script}} }

func run(t *testing.T, r Runner, c Command) (Output, *Error) {
	t.Helper()
	output, err := r.Run(t.Context(), c)
	if err == nil {
		return output, nil
	}
	failure := (*Error)(nil)
	if !errors.As(err, &failure) {
		t.Fatalf("not an *Error: %T %v", err, err)
	}
	return output, failure
}

func TestOutputIsCaptured(t *testing.T) {
	t.Setenv("LANG", "de_DE.UTF-8")
	t.Setenv("LC_TIME", "de_DE.UTF-8")
	c := sh(`echo out; echo err >&2; cat; echo "$LC_ALL/$LANG/$LC_TIME/$EXTRA"`)
	c.Env, c.Stdin = []string{"EXTRA=x"}, []byte("in\n")
	output, err := run(t, New(), c)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("out\nin\nC///x\n", string(output.Stdout)); diff != "" {
		t.Error(diff)
	}
	if output.Stderr != "err\n" || output.Elapsed <= 0 {
		t.Errorf("stderr %q, elapsed %v", output.Stderr, output.Elapsed)
	}
}

func TestStdinIsEmptyUnlessGiven(t *testing.T) {
	if output, err := run(t, New(), Command{Argv: []string{"cat"}}); err != nil || len(output.Stdout) != 0 {
		t.Errorf("%q, %v", output.Stdout, err)
	}
}

func TestArgumentsReachNoShell(t *testing.T) {
	hostile := []string{"$(id)", "a b", "--", "new\nline", `";"`, "\xff"}
	output, err := run(t, New(), Command{Argv: append([]string{"printf", "%s|"}, hostile...)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Join(hostile, "|")+"|", string(output.Stdout)); diff != "" {
		t.Error(diff)
	}
}

func TestFailures(t *testing.T) {
	file := filepath.Join(t.TempDir(), "not-executable")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		command Command
		reason  Reason
		exit    int
		text    string
	}{
		{"exit", sh("exit 3"), ReasonExit, 3, `sh -c "exit 3": exit 3`},
		{
			"last lines of stderr", sh(`printf '  one\n two\n\n three\n  four\n' >&2; exit 5 # x`), ReasonExit, 5,
			`sh -c "printf '  one\\n two\\n\\n three\\n  four\\n' >&2; exit 5 # x": exit 5: two; three; four`,
		},
		{"warnings give way", sh(`. /dev/stdin`).in("echo bad >&2; echo WARNING: noise >&2; exit 5"), ReasonExit, 5, `sh -c ". /dev/stdin": exit 5: bad`},
		{"only warnings", sh(`. /dev/stdin`).in("echo WARNING: this >&2; exit 5"), ReasonExit, 5, `sh -c ". /dev/stdin": exit 5: WARNING: this`},
		{"control characters", sh(`. /dev/stdin`).in(`printf '\033[31mred\r\a\377' >&2; exit 1`), ReasonExit, 1, `sh -c ". /dev/stdin": exit 1: \x1b[31mred\r\a\xff`},
		{"signal", sh("kill -KILL $$"), ReasonExit, -1, `sh -c "kill -KILL $$": ended by a signal: killed`},
		{"missing", Command{Argv: []string{"no-such-program"}}, ReasonMissing, -1, "no-such-program: the program is not installed, or not in PATH"},
		{
			"missing with package", Command{Argv: []string{"lvs", "vg"}, Env: []string{"PATH=/nonexistent:relative"}}, ReasonMissing, -1,
			"lvs vg: the program is not installed, or not in PATH; Debian has it in the package lvm2",
		},
		{"not executable", Command{Argv: []string{file}}, ReasonStart, -1, file + ": cannot start: execute " + file + ": permission denied"},
		{"long argv", Command{Argv: append([]string{"false"}, strings.Split(strings.Repeat("argument ", 60), " ")...)}, ReasonExit, 1, "false " + strings.Repeat("argument ", 17) + "…: exit 1"},
		{"too much output", Command{Argv: []string{"cat", "/dev/zero"}}, ReasonOutput, -1, "cat /dev/zero: wrote more than could be taken in"},
		{"empty argv", Command{}, ReasonStart, -1, ": cannot start: empty argv"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := run(t, quick(), test.command)
			if err == nil {
				t.Fatal("no error")
			}
			if err.Reason != test.reason || err.Exit != test.exit {
				t.Errorf("reason %q exit %d, want %q %d", err.Reason, err.Exit, test.reason, test.exit)
			}
			if diff := cmp.Diff(test.text, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func (c Command) in(stdin string) Command {
	c.Stdin = []byte(stdin)
	return c
}

func TestMissingProgramIsNotExist(t *testing.T) {
	if _, err := run(t, New(), Command{Argv: []string{"no-such-program"}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestPATHOfTheCommandFindsTheProgram(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "lvs"), []byte("#!/bin/sh\necho mine"), 0o700); err != nil {
		t.Fatal(err)
	}
	output, err := run(t, New(), Command{Argv: []string{"lvs"}, Env: []string{"PATH=" + folder}})
	if err != nil || string(output.Stdout) != "mine\n" {
		t.Errorf("%q, %v", output.Stdout, err)
	}
}

func TestTimeoutEndsTheWholeSession(t *testing.T) {
	for name, script := range map[string]string{
		"obeys SIGTERM":        "echo $$; sleep 1000 & wait",
		"ignores SIGTERM":      "trap '' TERM; echo $$; sleep 1000 & wait; sleep 1000",
		"child holds the pipe": "echo $$; (trap '' TERM; sleep 1000) & sleep 1000",
	} {
		t.Run(name, func(t *testing.T) {
			c := sh(script)
			c.Timeout = 100 * time.Millisecond
			output, err := run(t, quick(), c)
			if err == nil || err.Reason != ReasonTimeout || !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("%v", err)
			}
			if !strings.Contains(err.Error(), ": no end within 100ms") {
				t.Error(err)
			}
			if left := alive(t, strings.TrimSpace(string(output.Stdout))); left != "" {
				t.Errorf("still running: %s", left)
			}
		})
	}
}

// alive lists what runs in a session, zombies aside.
func alive(t *testing.T, session string) string {
	t.Helper()
	if session == "" {
		t.Fatal("the program did not say its session")
	}
	output, _ := New().Run(t.Context(), Command{Argv: []string{"ps", "-o", "stat=,args=", "-s", session}})
	var left []string
	for line := range strings.Lines(string(output.Stdout)) {
		if !strings.HasPrefix(line, "Z") {
			left = append(left, line)
		}
	}
	return strings.Join(left, "")
}

func TestChildrenAreAskedToEndToo(t *testing.T) {
	c := sh("(trap 'echo child asked >&2; exit' TERM; sleep 1000 & wait) & wait")
	c.Timeout = 200 * time.Millisecond
	if output, err := run(t, quick(), c); err == nil || !strings.Contains(output.Stderr, "child asked") {
		t.Errorf("%v, stderr %q", err, output.Stderr)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("terminated")
	time.AfterFunc(50*time.Millisecond, func() { cancel(reason) })
	_, err := quick().Run(ctx, Command{Argv: []string{"sleep", "1000"}})
	if !errors.Is(err, reason) || err.Error() != "sleep 1000: stopped: terminated" {
		t.Errorf("%v", err)
	}
	if _, err = quick().Run(ctx, Command{Argv: []string{"sleep", "1000"}}); !errors.Is(err, reason) {
		t.Errorf("a canceled context: %v", err)
	}
}

func TestBackgroundChildDoesNotHoldUsForEver(t *testing.T) {
	output, err := run(t, quick(), sh("echo done; sleep 3 &"))
	if err != nil || string(output.Stdout) != "done\n" || output.Elapsed > 2*time.Second {
		t.Errorf("%q, %v, %v", output.Stdout, err, output.Elapsed)
	}
}

func TestOnlyTheEndOfStderrIsKept(t *testing.T) {
	output, err := run(t, New(), sh("seq 100000 >&2"))
	if err != nil {
		t.Fatal(err)
	}
	if len(output.Stderr) > maxStderr || !strings.HasSuffix(output.Stderr, "\n99999\n100000\n") {
		t.Errorf("%d bytes", len(output.Stderr))
	}
	if first, _, _ := strings.Cut(output.Stderr, "\n"); len(first) != 5 {
		t.Errorf("cut line %q", first)
	}
}

func TestSecretsAreRemoved(t *testing.T) {
	c := Command{Argv: []string{"sh", "-c", "echo key=$1 >&2; exit 1", "sh", "s3cret"}, Secrets: []string{"s3cret", ""}}
	_, err := run(t, New(), c)
	if err == nil {
		t.Fatal("no error")
	}
	if text := strings.Join(append(err.Argv, err.Stderr, err.Error()), " "); strings.Contains(text, "s3cret") || !strings.Contains(text, "key=***") {
		t.Error(text)
	}
	_, refused := ReadOnly(New()).Run(t.Context(), c)
	if strings.Contains(refused.Error(), "s3cret") {
		t.Error(refused)
	}
}

func TestReadOnly(t *testing.T) {
	r := ReadOnly(New(), "true", "lvs")
	if _, err := r.Run(t.Context(), Command{Argv: []string{"true"}}); err != nil {
		t.Error(err)
	}
	for _, argv := range [][]string{nil, {""}, {"false"}, {"lvremove", "vg/lv"}, {"lvs "}, {"/bin/sh", "lvs"}} {
		_, err := r.Run(t.Context(), Command{Argv: argv})
		if refused := (*RefusedError)(nil); !errors.As(err, &refused) {
			t.Errorf("%q: %v", argv, err)
		}
	}
}

// A process that waits inside the kernel does not die of SIGKILL. Nothing here
// can make one, so its end is kept from the Runner instead.
func TestUnkillableProgramIsLeftBehind(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	stuck := runner{grace: time.Millisecond, reap: time.Millisecond}.end(cmd, make(chan error))
	if !errors.Is(stuck, errUnkillable) {
		t.Fatal(stuck)
	}
	err := &Error{Argv: []string{"lvs"}, Reason: ReasonTimeout, Limit: time.Minute, Cause: stuck}
	if err.Error() != "lvs: no end within 1m0s; it does not die, so it is stuck in the kernel" {
		t.Error(err)
	}
}
