// Package execx starts programs. Start at Runner: it takes an argv, never a
// shell string, and gives back stdout, the end of stderr and an Error that
// says everything a person needs. New is the real one; ReadOnly lets only named
// programs through.
package execx

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Command is a program to run. Argv[0] is looked up in PATH.
type Command struct {
	Argv []string
	// Timeout ends the program; zero sets no limit beyond that of the context.
	Timeout time.Duration
	// Stdin is what the program reads; nil is /dev/null.
	Stdin []byte
	// Stdout takes what the program writes, without a limit and as it comes; nil
	// keeps it in Output.Stdout. An error of its Write ends the program with
	// ReasonOutput and that error as the cause. Run waits until all of the output
	// is taken, also that of children in the background, within the Timeout; no
	// Write begins after Run has returned.
	Stdout io.Writer
	// Contained ends what the program leaves behind in its session as soon as it has
	// ended itself, and takes no more of the output of what has left the session. A
	// program that outlives its Timeout is killed a second after it was asked to end.
	Contained bool
	// Env is added to the environment of this process, "NAME=value"; a PATH in
	// it also decides where Argv[0] is found.
	Env []string
	// Secrets are removed from every Error about this command.
	Secrets []string
}

// Output is what a program left behind, complete or not.
type Output struct {
	Stdout  []byte
	Stderr  string // the last 8 KiB, as written: escape it before it is shown
	Elapsed time.Duration
}

// Runner runs one command to its end. Errors are *Error, or *RefusedError
// where nothing was started. The Output is filled as far as it is known even
// when there is an error.
//
// A command that outlives its Timeout or its context is sent SIGTERM, then
// SIGKILL, with everything it started; Run returns even when the kernel does
// not let it die.
type Runner interface {
	Run(ctx context.Context, command Command) (Output, error)
}

// New is the Runner of this machine. Programs run in a session of their own,
// so that an interrupt at the terminal does not reach them, and speak the C
// locale.
func New() Runner { return NewHasty(10*time.Second, 5*time.Second) }

// NewHasty is New for tests: grace passes from SIGTERM to SIGKILL, and twice reap
// until a program that does not die is left behind.
func NewHasty(grace, reap time.Duration) Runner {
	return runner{grace: grace, reap: reap, maxStdout: 256 << 20}
}

// maxStderr is how much of the end of stderr is kept, in bytes.
const maxStderr = 8 << 10

type runner struct {
	grace     time.Duration // from SIGTERM to SIGKILL
	reap      time.Duration // from SIGKILL until the program is left behind
	maxStdout int           // bytes
}

func (r runner) Run(ctx context.Context, command Command) (Output, error) {
	if len(command.Argv) == 0 {
		return Output{}, &Error{Exit: -1, Reason: ReasonStart, Cause: errors.New("empty argv")}
	}
	if err := ctx.Err(); err != nil {
		return Output{}, command.failure(Error{Exit: -1, Reason: ReasonCanceled, Cause: context.Cause(ctx)})
	}
	stdout, stderr := r.taker(command), &tail{limit: maxStderr}
	defer stdout.end()
	cmd, err := r.prepare(command, stdout, stderr)
	if err != nil {
		return Output{}, err
	}
	began := time.Now()
	if command.Contained {
		r.grace, r.reap = min(r.grace, containedGrace), containedReap
	}
	reason, err := r.await(ctx, cmd, command, stdout.failed())
	output := Output{Stdout: stdout.bytes(), Stderr: stderr.text(), Elapsed: time.Since(began)}
	if failure := stdout.failure(); failure != nil {
		reason, err = ReasonOutput, failure
	}
	if reason == "" {
		return output, nil
	}
	return output, command.failure(Error{
		Exit: exitStatus(err), Signal: signalName(err), Stderr: output.Stderr,
		Reason: reason, Limit: command.Timeout, Cause: cause(ctx, reason, err),
	})
}

func (r runner) taker(command Command) taker {
	if command.Stdout != nil {
		return newStream(command.Stdout)
	}
	return &prefix{limit: r.maxStdout}
}

// prepare finds the program and lays out how it will run.
func (r runner) prepare(command Command, stdout taker, stderr *tail) (*exec.Cmd, error) {
	env := environment(os.Environ(), command.Env)
	program, err := lookPath(command.Argv[0], valueOf(env, "PATH"))
	if err != nil {
		reason := ReasonStart
		if errors.Is(err, fs.ErrNotExist) {
			reason = ReasonMissing
		}
		return nil, command.failure(Error{Exit: -1, Reason: reason, Cause: err})
	}
	cmd := &exec.Cmd{
		Path: program, Args: command.Argv, Env: env,
		Stdout: stdout, Stderr: stderr, WaitDelay: r.reap,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	switch {
	case command.Contained:
		cmd.WaitDelay = containedReap
	case command.Stdout != nil:
		cmd.WaitDelay = 0 // a writer may be slow, and the end must not get lost
	}
	if command.Stdin != nil {
		cmd.Stdin = strings.NewReader(string(command.Stdin))
	}
	return cmd, nil
}

// await runs the program to its end and returns why it was no success; an
// empty reason is success.
func (r runner) await(ctx context.Context, cmd *exec.Cmd, command Command, refused <-chan struct{}) (Reason, error) {
	if err := cmd.Start(); err != nil {
		return ReasonStart, err
	}
	done := make(chan error, 1)
	go func() {
		if command.Contained {
			endRest(cmd.Process.Pid)
		}
		done <- cmd.Wait()
	}()
	var expired <-chan time.Time
	if command.Timeout > 0 {
		timer := time.NewTimer(command.Timeout)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case err := <-done:
		return reasonOf(err), err
	case <-expired:
		return ReasonTimeout, r.end(cmd, done)
	case <-ctx.Done():
		return ReasonCanceled, r.end(cmd, done)
	case <-refused:
		return ReasonOutput, r.end(cmd, done)
	}
}

const (
	containedGrace = time.Second            // from SIGTERM to SIGKILL
	containedReap  = 200 * time.Millisecond // for output that is still on its way
)

// endRest waits until a program has ended, without taking its status away, and then
// kills what is left of its session. Until the status is taken, no other process gets its
// id.
func endRest(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL) // gone already is fine
}

// errUnkillable says that a process did not die of SIGKILL in good time: it
// waits inside the kernel.
var errUnkillable = errors.New("it does not die, so it is stuck in the kernel")

// end ends the program's whole session, politely first.
func (r runner) end(cmd *exec.Cmd, done <-chan error) error {
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGTERM, r.grace}, {syscall.SIGKILL, 2 * r.reap}} {
		_ = syscall.Kill(-cmd.Process.Pid, step.signal) // gone already is fine
		select {
		case err := <-done:
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left behind
			return err
		case <-time.After(step.wait):
		}
	}
	return errUnkillable
}

// reasonOf classifies the end of a program that was left alone. One that left
// its pipes to a child in the background has ended all the same.
func reasonOf(err error) Reason {
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return ""
	}
	return ReasonExit
}

// cause is what errors.Is shall find in an Error.
func cause(ctx context.Context, reason Reason, err error) error {
	switch {
	case errors.Is(err, errUnkillable):
		return err
	case reason == ReasonCanceled:
		return context.Cause(ctx)
	case reason == ReasonTimeout:
		return context.DeadlineExceeded
	}
	return err
}
