package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/planfile"
)

// Exit codes. There are no others.
const (
	exitFine    = 0 // fine, or nothing to do
	exitError   = 1
	exitChanges = 2 // changes, drift or files to format were found
)

// errChanges ends a command with exitChanges; what was found has been shown.
var errChanges = errors.New("changes were found")

// errShown ends a command with exitError; the error has been shown.
var errShown = errors.New("shown already")

// failure is an error with a hint.
type failure struct {
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// fail makes an error that says how it can be mended.
func fail(hint, format string, args ...any) error {
	return &failure{fmt.Errorf(format, args...), hint}
}

// usageFailure adds the hint to a command line that was not understood.
func usageFailure(cmd *cobra.Command, err error) error {
	text, meant, near := strings.Cut(err.Error(), "\n\nDid you mean this?\n")
	hint := fmt.Sprintf("see \"%s --help\"", cmd.CommandPath())
	if near {
		hint = "did you mean " + strings.Join(strings.Fields(meant), " or ") + "? " + hint
	}
	return fail(hint, "%s", text)
}

// exit shows an error and gives the exit code for it.
func (a *App) exit(err error) int {
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, errChanges):
		return exitChanges
	}
	a.show(err)
	return exitError
}

// show prints an error with its hint, safe for a terminal.
func (a *App) show(err error) {
	if errors.Is(err, errShown) {
		return
	}
	fmt.Fprintf(a.Stderr, "error: %s\n", escape(err.Error()))
	if hint := hintOf(err); hint != "" {
		fmt.Fprintf(a.Stderr, "hint: %s\n", escape(hint))
	}
}

// escape is for texts of several lines.
func escape(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = execx.Escape(line)
	}
	return strings.Join(lines, "\n")
}

func hintOf(err error) string {
	var own *failure
	var file *planfile.Error
	switch {
	case errors.As(err, &own):
		return own.hint
	case errors.As(err, &file):
		return file.Hint
	}
	return ""
}

// exitCodes adds the exit codes to a command's help. two is what 2 means for
// it; empty when it never ends so.
func exitCodes(cmd *cobra.Command, zero, two string) *cobra.Command {
	text := fmt.Sprintf("\n\nExit codes:\n  0  %s\n  1  error", zero)
	if two != "" {
		text += "\n  2  " + two
	}
	if cmd.Long == "" {
		cmd.Long = cmd.Short + "."
	}
	cmd.Long += text
	return cmd
}
