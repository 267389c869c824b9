package execx

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestStdoutIsHandedOn(t *testing.T) {
	var taken bytes.Buffer
	c := sh("echo out; echo err >&2; head -c 3000000 /dev/zero; echo end")
	c.Stdout = &taken
	output, err := run(t, quick(), c) // whose limit is a third of this
	if err != nil {
		t.Fatal(err)
	}
	want := "out\n" + strings.Repeat("\x00", 3000000) + "end\n"
	if taken.String() != want || len(output.Stdout) != 0 || output.Stderr != "err\n" {
		t.Errorf("%d bytes taken, %d kept, stderr %q", taken.Len(), len(output.Stdout), output.Stderr)
	}
}

func TestStdoutOfAFailedProgramIsHandedOn(t *testing.T) {
	var taken bytes.Buffer
	c := sh("echo half; exit 3")
	c.Stdout = &taken
	_, err := run(t, quick(), c)
	if err == nil || err.Reason != ReasonExit || err.Exit != 3 || taken.String() != "half\n" {
		t.Errorf("%v, %q", err, taken.String())
	}
}

func TestRefusedStdoutEndsTheProgram(t *testing.T) {
	full := errors.New("no space left on device")
	for name, write := range map[string]func([]byte) (int, error){
		"error": func([]byte) (int, error) { return 0, full },
		"short": func(b []byte) (int, error) { return len(b) - 1, nil },
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			c := Command{Argv: []string{"cat", "/dev/zero"}, Stdout: writerFunc(func(b []byte) (int, error) {
				calls++
				return write(b)
			})}
			_, err := run(t, quick(), c)
			if err == nil || err.Reason != ReasonOutput || calls != 1 {
				t.Fatalf("%v after %d writes", err, calls)
			}
			if !errors.Is(err, full) && !errors.Is(err, io.ErrShortWrite) {
				t.Errorf("cause %v", err.Cause)
			}
			if name == "error" {
				if diff := cmp.Diff("cat /dev/zero: no space left on device", err.Error()); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// A program that writes no more would never notice.
func TestRefusedStdoutEndsASilentProgram(t *testing.T) {
	full := errors.New("no space left on device")
	var session string
	c := sh("echo $$; sleep 1000")
	c.Stdout = writerFunc(func(b []byte) (int, error) {
		session = strings.TrimSpace(string(b))
		return 0, full
	})
	_, err := run(t, quick(), c)
	if err == nil || err.Reason != ReasonOutput || !errors.Is(err, full) {
		t.Fatal(err)
	}
	if left := alive(t, session); left != "" {
		t.Errorf("still running: %s", left)
	}
}

// The program is long gone, and its last words are still in the pipe.
func TestSlowStdoutLosesNothing(t *testing.T) {
	r := quick()
	r.reap = time.Millisecond
	var taken bytes.Buffer
	c := Command{Argv: []string{"seq", "100000"}}
	c.Stdout = writerFunc(func(b []byte) (int, error) {
		if taken.Len() > 500000 {
			time.Sleep(20 * time.Millisecond)
		}
		return taken.Write(b)
	})
	if _, err := run(t, r, c); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(taken.String(), "\n99999\n100000\n") {
		t.Errorf("%d bytes", taken.Len())
	}
}

func TestTimeoutEndsAStream(t *testing.T) {
	var taken bytes.Buffer
	c := sh("echo $$; (trap '' TERM; sleep 1000) & sleep 1000")
	c.Stdout, c.Timeout = &taken, 100*time.Millisecond
	_, err := run(t, quick(), c)
	if err == nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if left := alive(t, strings.TrimSpace(taken.String())); left != "" {
		t.Errorf("still running: %s", left)
	}
}

// Nothing is written into a file that whoever ran the program has closed.
func TestNothingIsHandedOnAfterTheEnd(t *testing.T) {
	var taken bytes.Buffer
	s := newStream(&taken)
	s.end()
	if _, err := s.Write([]byte("late")); !errors.Is(err, errEnded) || taken.Len() != 0 || s.failure() != nil {
		t.Errorf("%v, %q", err, taken.String())
	}
}

// A writer that is stuck, in a dead disk, does not hold Run.
func TestStuckStdoutIsLeftBehind(t *testing.T) {
	free := make(chan struct{})
	pid := make(chan string, 1)
	c := sh("echo $$; exec sleep 1000")
	c.Timeout = 100 * time.Millisecond
	c.Stdout = writerFunc(func(b []byte) (int, error) {
		pid <- strings.TrimSpace(string(b))
		<-free
		return len(b), nil
	})
	r := runner{grace: 50 * time.Millisecond, reap: 50 * time.Millisecond}
	_, err := run(t, r, c)
	close(free)
	if err == nil || err.Reason != ReasonTimeout {
		t.Errorf("%v", err)
	}
	if number, _ := strconv.Atoi(<-pid); number > 0 && syscall.Kill(number, 0) == nil {
		t.Errorf("%d is still running", number)
	}
}
