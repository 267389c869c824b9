package rsync

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/execx"
)

// Exits of rsync.
const (
	ExitPartial   = 23 // some files were not copied
	ExitVanished  = 24 // some files were gone when their turn came
	ExitMaxDelete = 25 // more would have been deleted than may be
)

// NamedMax is how many files an error names.
const NamedMax = 5

// FilesError are files that rsync did not copy as they are, in its words.
type FilesError struct {
	Lines []string // the last ones at most, where there are many
	cause error
}

func (e *FilesError) Error() string {
	shown := e.Lines[:min(len(e.Lines), NamedMax)]
	text := strings.Join(shown, "; ")
	if more := len(e.Lines) - len(shown); more > 0 {
		text += fmt.Sprintf("; and %d more or above", more)
	}
	return "rsync did not copy all files: " + text
}

// Unwrap gives the command's error and what the kernel said, as far as it is
// known.
func (e *FilesError) Unwrap() error { return e.cause }

// Explain finds in rsync's words what went wrong.
func Explain(failure *execx.Error) error {
	if failure.Reason != execx.ReasonExit || failure.Exit < 0 {
		return failure
	}
	if failure.Exit == ExitMaxDelete {
		return fmt.Errorf("more would have been deleted than when it was counted: %w", failure)
	}
	var lines []string
	for line := range strings.Lines(failure.Stderr) {
		line = strings.TrimSuffix(line, "\n")
		if text, ok := strings.CutPrefix(line, "rsync: "); ok && text != "" {
			lines = append(lines, text)
		}
	}
	cause := error(failure)
	for text, errno := range kernelWords {
		if strings.Contains(failure.Stderr, text) {
			cause = errors.Join(failure, errno)
		}
	}
	if len(lines) == 0 || errors.Is(failure, context.Canceled) {
		return cause
	}
	return &FilesError{Lines: lines, cause: cause}
}

// Uncopied are rsync's words about the files that it did not copy as they are, where all
// the others were copied.
func Uncopied(err error) []string {
	files, failure := (*FilesError)(nil), (*execx.Error)(nil)
	if errors.As(err, &files) && errors.As(err, &failure) && failure.Exit == ExitPartial {
		return files.Lines
	}
	return nil
}

// kernelWords are how rsync writes what matters to a destination.
var kernelWords = map[string]error{
	"No space left on device (28)":  unix.ENOSPC,
	"Disk quota exceeded (122)":     unix.EDQUOT,
	"Read-only file system (30)":    unix.EROFS,
	"Input/output error (5)":        unix.EIO,
	"Structure needs cleaning (117": unix.EUCLEAN,
}
