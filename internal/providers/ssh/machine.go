package ssh

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/openssh"
)

// machine is another machine, by the way to it.
type machine struct {
	openssh.Command
	runner  execx.Runner
	reached string // see nothingReached
	patience
}

// host is how people know the machine.
func (m machine) host() string { return m.Address }

// Limits of scripts.
const (
	lookLimit = 5 * time.Minute
	sealLimit = 30 * time.Minute // `sync` waits for all that the machine has to write
)

// ask runs a script in a folder over there. Whatever data is follows the arguments
// on its stdin.
func (m machine) ask(ctx context.Context, limit time.Duration, script, folder string, arguments []string, data []byte) (answer, error) {
	var a answer
	err := m.retry(ctx, func() error {
		frame := newFrame()
		argv, err := m.Argv(remoteCommand(m.reached, script))
		if err != nil {
			return err
		}
		stdin := append(encode(append([]string{frame, folder}, arguments...)), data...)
		output, err := m.runner.Run(ctx, execx.Command{Argv: argv, Stdin: stdin, Timeout: limit})
		if err != nil {
			return m.explain(err)
		}
		if a, err = unframe(frame, output.Stdout); err != nil {
			return fmt.Errorf("%s: %w", m.Address, err)
		}
		return m.checkBase(folder, a.facts)
	})
	return a, err
}

// checkBase says what is wrong with the folder that a script was to work in.
func (m machine) checkBase(folder string, f facts) error {
	switch f.get("base") {
	case "found":
		return nil
	case "missing":
		return stale("%s: %q does not exist there: is its share mounted, and the path right?", m.Address, folder)
	case "file":
		return stale("%s: %q is not a directory there", m.Address, folder)
	}
	return stale("%s: %q cannot be entered by the user there", m.Address, folder)
}

// explain says in plain words why a script failed. The command line, which is long
// and the same for all, is left out.
func (m machine) explain(err error) error {
	failure := (*execx.Error)(nil)
	if !errors.As(err, &failure) {
		return err
	}
	short := *failure
	short.Argv = []string{"ssh"}
	if failure.Reason == execx.ReasonExit && !openssh.Failed(failure) {
		return full(&short, fmt.Errorf("%s: %w", m.Address, &short))
	}
	return openssh.Explain(m.Address, &short)
}

// full says it plainly when the disk over there is full.
func full(failure *execx.Error, err error) error {
	if strings.Contains(failure.Stderr, "No space left on device") || strings.Contains(failure.Stderr, "Disk quota exceeded") {
		return fmt.Errorf("the disk over there is full; prune, or make room: %w", err)
	}
	return err
}
