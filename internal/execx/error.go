package execx

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Reason is why a command was no success.
type Reason string

// The reasons.
const (
	ReasonExit     Reason = "exit"     // it ended with a status other than 0, or of a signal
	ReasonTimeout  Reason = "timeout"  // it outlived its limit
	ReasonMissing  Reason = "missing"  // there is no such program
	ReasonStart    Reason = "start"    // it is there and could not be started
	ReasonCanceled Reason = "canceled" // the context ended
	ReasonOutput   Reason = "output"   // its stdout could not be taken, or not all of it
)

// Error is a command that failed. Its fields and its text hold no secret of
// the command; the text is one line, safe to print.
type Error struct {
	Argv   []string
	Exit   int    // -1 where it did not exit by itself
	Signal string // that ended it, such as "killed"; else empty
	Stderr string // the end of stderr, not escaped
	Reason Reason
	Limit  time.Duration // the command's Timeout
	Cause  error
}

// RefusedError is a command that a Runner does not run.
type RefusedError struct {
	Argv []string
}

func (e *RefusedError) Error() string {
	return commandLine(e.Argv) + ": refused: only reading is allowed here"
}

func (e *Error) Error() string {
	text := commandLine(e.Argv) + ": " + e.what()
	if end := lastLines(e.Stderr); end != "" {
		text += ": " + end
	}
	return text
}

// Unwrap gives the cause: context.DeadlineExceeded for a timeout, the
// context's own for a canceled command, an fs error for a missing one.
func (e *Error) Unwrap() error { return e.Cause }

func (e *Error) what() string {
	var text string
	switch e.Reason {
	case ReasonExit:
		if e.Signal != "" {
			return "ended by a signal: " + e.Signal
		}
		return "exit " + strconv.Itoa(e.Exit)
	case ReasonTimeout:
		text = "no end within " + e.Limit.String()
	case ReasonCanceled:
		text = fmt.Sprintf("stopped: %v", e.Cause)
	case ReasonMissing:
		return "the program is not installed, or not in PATH" + packageHint(e.Argv[0])
	case ReasonOutput:
		return e.Cause.Error()
	default:
		return fmt.Sprintf("cannot start: %v", e.Cause)
	}
	if errors.Is(e.Cause, errUnkillable) {
		text += "; " + errUnkillable.Error()
	}
	return text
}

// debianPackages says which Debian package has a program.
var debianPackages = map[string]string{
	"lvs": "lvm2", "vgs": "lvm2", "lvcreate": "lvm2", "lvremove": "lvm2", "lvchange": "lvm2",
	"dmsetup": "dmsetup", "thin_delta": "thin-provisioning-tools", "cryptsetup": "cryptsetup-bin",
	"mount": "mount", "umount": "mount", "blkid": "util-linux", "blockdev": "util-linux",
	"btrfstune": "btrfs-progs", "rsync": "rsync", "ssh": "openssh-client",
}

func packageHint(program string) string {
	if name, known := debianPackages[program]; known {
		return "; Debian has it in the package " + name
	}
	return ""
}

// failure completes an error about the command, without its secrets.
func (c Command) failure(e Error) *Error {
	e.Argv = make([]string, len(c.Argv))
	for i, argument := range c.Argv {
		e.Argv[i] = c.redact(argument)
	}
	e.Stderr = c.redact(e.Stderr)
	return &e
}

func (c Command) redact(text string) string {
	for _, secret := range c.Secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

func exitStatus(err error) int {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

func signalName(err error) string {
	exit := (*exec.ExitError)(nil)
	if !errors.As(err, &exit) {
		return ""
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return status.Signal().String()
	}
	return ""
}
