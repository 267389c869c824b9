// Package cli is the command line: one file a command, each turning flags
// into options and calling the packages that do the work. It is the only
// place that knows exit codes and turns errors into text. Start at Main and
// newRoot; docs/architecture.md walks `bkplan plan` from here to its output.
package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/muesli/termenv"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/journald"
	"github.com/bkplan/bkplan/internal/providers/disk"
)

// App is the world as the command line sees it. System is the real one; tests
// put in their own clock and streams.
type App struct {
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Environ        []string
	Now            func() time.Time
	Hostname       func() (string, error)
	Runner         execx.Runner
	Patience       disk.Patience // with what hangs; zero is the real one
	Journal        string        // where systemd's journal listens
	// Sleep waits before something is tried again that the network broke; nil is the
	// real thing.
	Sleep func(context.Context, time.Duration) error
}

// System is this machine.
func System() *App {
	return &App{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(),
		Now: time.Now, Hostname: os.Hostname, Runner: execx.New(), Journal: journald.Socket,
	}
}

// Main runs one command line and returns the exit code.
func Main(args []string, app *App) int {
	app.Args = args
	root := newRoot(app)
	root.SetArgs(longVarFlags(args))
	root.SetIn(app.Stdin)
	root.SetOut(app.Stdout)
	root.SetErr(app.Stderr)
	understood := false
	root.PersistentPreRun = func(*cobra.Command, []string) { understood = true }
	cmd, err := root.ExecuteC()
	if err != nil && !understood {
		err = usageFailure(cmd, err)
	}
	return app.exit(err)
}

// untilSignal runs what has to come to an orderly end on SIGINT and SIGTERM,
// and on SIGHUP, when an ssh session is lost.
// Commands without it die of them, even while they wait for input.
func untilSignal(run func(ctx context.Context) error) error {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as by nohup
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	defer stop()
	err := run(ctx)
	if errors.Is(err, context.Canceled) {
		return errors.New("stopped by a signal; nothing was changed")
	}
	return err
}

// longVarFlags lets Terraform's users write -var and -var-file.
func longVarFlags(args []string) []string {
	long := make([]string, len(args))
	for i, arg := range args {
		name, _, _ := strings.Cut(arg, "=")
		if arg == "--" {
			copy(long[i:], args[i:])
			break
		}
		if name == "-var" || name == "-var-file" {
			arg = "-" + arg
		}
		long[i] = arg
	}
	return long
}

// withoutValues leaves out what variables are set to: it may be secret.
func withoutValues(args []string) []string {
	kept := slices.Clone(args)
	for i, arg := range longVarFlags(args) {
		assignment, inline := strings.CutPrefix(arg, "--var=")
		switch {
		case inline:
			kept[i] = "--var=" + withoutValue(assignment)
		case arg == "--var" && i+1 < len(args):
			kept[i+1] = withoutValue(args[i+1])
		}
	}
	return kept
}

func withoutValue(assignment string) string {
	name, _, _ := strings.Cut(assignment, "=")
	return name + "=…"
}

// getenv is the last value of an environment variable.
func (a *App) getenv(name string) string {
	value := ""
	for _, entry := range a.Environ {
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			value = v
		}
	}
	return value
}

// now is the one reading of the clock that a command plans with, in whole
// seconds, as names and records hold them.
func (a *App) now() time.Time { return a.Now().Truncate(time.Second) }

// host names this machine; the id is a digest, because the machine's own is
// not to be passed on.
func (a *App) host() (name, id string) {
	name, err := a.Hostname()
	if err != nil {
		name = "unknown"
	}
	if machine, err := os.ReadFile("/etc/machine-id"); err == nil {
		digest := sha256.Sum256(append([]byte("bkplan "), machine...))
		id = hex.EncodeToString(digest[:8])
	}
	return name, id
}

// colour is what w can show; nothing where it is no terminal, or NO_COLOR asks
// for none.
func (a *App) colour(w io.Writer) termenv.Profile {
	if a.getenv("NO_COLOR") != "" || !isTerminal(w) {
		return termenv.Ascii
	}
	return termenv.NewOutput(w).EnvColorProfile()
}

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// width is the terminal's, and 80 elsewhere.
func width(w io.Writer) int {
	if file, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	return 80
}
