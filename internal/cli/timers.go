package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/timer"
	"github.com/bkplan/bkplan/internal/unitdir"
)

// unitFolder is where an administrator's units are; what packages bring is elsewhere.
const unitFolder = "/etc/systemd/system"

type timersOptions struct {
	policyOptions
	install, check, uninstall bool
	root, program             string
}

func newTimers(app *App) *cobra.Command {
	var o timersOptions
	cmd := &cobra.Command{
		Use:   "timers",
		Short: "Print or install systemd's units for all schedules",
		Long: `Print systemd's units by which each layer runs at its slots, and "bkplan watch"
where a layer needs it. With --install they are written to ` + unitFolder + `,
enabled and started; --check says how what is there differs from the policy, and
--uninstall takes away what --install wrote.

A file that bkplan did not write, or that was changed since, is never written to
nor removed. Changes belong into a drop-in, which is left alone:

  systemctl edit bkplan@weekly.service

The units hold the paths of this program and of the policy. Variables of the
policy come from a --var-file, or as BKPLAN_VAR_… from /etc/default/bkplan.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return untilSignal(func(ctx context.Context) error { return app.timers(ctx, o) })
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.install, "install", false, "write, enable and start the units")
	cmd.Flags().BoolVar(&o.check, "check", false, "compare the installed units with the policy")
	cmd.Flags().BoolVar(&o.uninstall, "uninstall", false, "stop and remove the units that bkplan wrote; needs no policy")
	cmd.Flags().StringVar(&o.root, "root", "", "the `folder` of another system, such as an image; nothing is started")
	cmd.Flags().StringVar(&o.program, "program", "", "the `path` of bkplan in the units (default: that of this program)")
	cmd.MarkFlagsMutuallyExclusive("install", "check", "uninstall")
	return exitCodes(cmd, "printed, installed or removed; nothing differs", "the installed units differ (with --check)")
}

func (a *App) timers(ctx context.Context, o timersOptions) error {
	if o.uninstall {
		return a.uninstallTimers(ctx, o)
	}
	units, p, err := a.unitsOf(o)
	if err != nil {
		return err
	}
	switch {
	case o.install:
		err = a.installTimers(ctx, o, units)
	case o.check:
		return a.checkTimers(o, units)
	default:
		err = a.printUnits(units)
	}
	if err == nil {
		a.noteTimers(p)
	}
	return err
}

// unitsOf makes the units, with the paths that they will see.
func (a *App) unitsOf(o timersOptions) ([]timer.Unit, plan.Policy, error) {
	if len(o.vars) > 0 {
		return nil, plan.Policy{}, fail("write it to a file and give that to --var-file: anybody may read units",
			"a variable that is given with --var does not go into units")
	}
	p, err := a.load(o.policyOptions)
	if err != nil {
		return nil, p, err
	}
	c, err := a.unitConfig(o)
	if err != nil {
		return nil, p, err
	}
	units, err := timer.Units(p, c)
	if err == nil && len(units) == 0 {
		err = fail("", "there is nothing to run: the policy has no layer that this version carries out")
	}
	return units, p, err
}

func (a *App) unitConfig(o timersOptions) (timer.Config, error) {
	file, err := a.policyPath(o.policyOptions)
	if err != nil {
		return timer.Config{}, err
	}
	c := timer.Config{Program: o.program}
	if c.Program == "" {
		if c.Program, err = os.Executable(); err != nil {
			return c, fmt.Errorf("find this program: %w", err)
		}
	}
	if c.Policy, err = filepath.Abs(file); err != nil {
		return c, fmt.Errorf("find policy: %w", err)
	}
	for _, file := range o.varFiles {
		absolute, err := filepath.Abs(file)
		if err != nil {
			return c, fmt.Errorf("find variables: %w", err)
		}
		c.VarFiles = append(c.VarFiles, absolute)
	}
	return c, nil
}

func (a *App) printUnits(units []timer.Unit) error {
	for i, u := range units {
		separator := "\n"
		if i == 0 {
			separator = ""
		}
		if _, err := fmt.Fprintf(a.Stdout, "%s# %s\n%s", separator, filepath.Join(unitFolder, u.Name), u.Text); err != nil {
			return err
		}
	}
	return nil
}

// noteTimers says what the units leave out.
func (a *App) noteTimers(p plan.Policy) {
	var names []string
	for _, l := range timer.NotCarriedOut(p) {
		names = append(names, l.Name)
	}
	if len(names) > 0 {
		fmt.Fprintf(a.Stderr, "without a timer, since this version does not carry them out: %s\n", escape(strings.Join(names, ", ")))
	}
	for _, entry := range a.Environ {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "BKPLAN_VAR_") {
			fmt.Fprintf(a.Stderr, "%s is set here, and not for the units: write it to /etc/default/bkplan\n", escape(name))
		}
	}
}

func (o timersOptions) folder() string { return filepath.Join(o.root, unitFolder) }

func (a *App) systemctl(o timersOptions) (unitdir.Systemctl, error) {
	if o.root == "" {
		if _, err := os.Stat("/run/systemd/system"); err != nil {
			return unitdir.Systemctl{}, fail("without --install the units are printed; with --root they are written for another system",
				"systemd does not run on this machine; nothing was changed")
		}
		return unitdir.Systemctl{Runner: a.Runner}, nil
	}
	root, err := filepath.Abs(o.root)
	if err != nil {
		return unitdir.Systemctl{}, fmt.Errorf("find root: %w", err)
	}
	return unitdir.Systemctl{Runner: a.Runner, Root: root}, nil
}

func (a *App) installTimers(ctx context.Context, o timersOptions, units []timer.Unit) error {
	systemctl, err := a.systemctl(o)
	if err != nil {
		return err
	}
	folder := o.folder()
	found, err := unitdir.Look(folder, units)
	if err != nil {
		return err
	}
	if err := found.Conflict(folder); err != nil {
		return conflictFailure(err)
	}
	if err := otherPolicy(found); err != nil {
		return err
	}
	if err := found.Install(folder); err != nil {
		return err
	}
	leftovers := found.With(unitdir.Leftover)
	if err := systemctl.Disable(ctx, unitdir.Enabled(leftovers)); err != nil {
		return err
	}
	if err := found.Remove(folder, unitdir.Leftover); err != nil {
		return err
	}
	if err := systemctl.Enable(ctx, toEnable(units)); err != nil {
		return err
	}
	a.tellInstalled(found, o)
	return nil
}

// otherPolicy refuses to take the timers of another policy away, whose layers would not
// be backed up any more.
func otherPolicy(found unitdir.Survey) error {
	for _, f := range found.With(unitdir.Outdated) {
		if !timer.SamePolicy(f.Found, f.Text) {
			return fail("bkplan timers --check shows the difference; if that policy is to have no timers any more, bkplan timers --uninstall takes them away",
				"%s is of a policy at another path, and one policy of a machine has timers; nothing is written", f.Name)
		}
	}
	return nil
}

func toEnable(units []timer.Unit) []string {
	var names []string
	for _, u := range units {
		if u.Enable {
			names = append(names, u.Name)
		}
	}
	return names
}

func conflictFailure(err error) error {
	var conflict *unitdir.ConflictError
	switch {
	case !errors.As(err, &conflict):
		return err
	case conflict.Status == unitdir.Edited:
		return fail("move your changes into a drop-in (systemctl edit UNIT), remove the file, and install again; \"bkplan timers --check\" shows them", "%w", err)
	}
	return fail("move it out of the way, and install again", "%w", err)
}

func (a *App) tellInstalled(found unitdir.Survey, o timersOptions) {
	changed := false
	for _, f := range found.Files {
		switch verb := map[unitdir.Status]string{unitdir.Missing: "written", unitdir.Outdated: "replaced", unitdir.Leftover: "removed", unitdir.Edited: "changed by hand, so it stays"}[f.Status]; {
		case verb != "":
			fmt.Fprintf(a.Stdout, "%s: %s\n", verb, f.Name)
			changed = true
		case f.Disabled:
			fmt.Fprintf(a.Stdout, "enabled: %s\n", f.Name)
			changed = true
		}
		if f.Name == "bkplan-watch.service" && f.Status == unitdir.Outdated && o.root == "" {
			fmt.Fprintln(a.Stdout, "bkplan-watch.service runs on as it was started: systemctl restart bkplan-watch.service")
		}
	}
	if !changed {
		fmt.Fprintln(a.Stdout, "No changes: the units are installed.")
	}
	a.tellLocal(found)
}

func (a *App) tellLocal(found unitdir.Survey) {
	for _, name := range found.Local {
		fmt.Fprintf(a.Stdout, "left alone: %s\n", escape(name))
	}
}

func (a *App) checkTimers(o timersOptions, units []timer.Unit) error {
	found, err := unitdir.Look(o.folder(), units)
	if err != nil {
		return err
	}
	drift := found.Drift()
	if drift == "" {
		fmt.Fprintln(a.Stdout, "The installed units are those of the policy.")
		a.tellLocal(found)
		return nil
	}
	fmt.Fprint(a.Stdout, escapeLines(drift))
	a.tellLocal(found)
	return errChanges
}

func escapeLines(text string) string {
	return escape(strings.TrimSuffix(text, "\n")) + "\n"
}

func (a *App) uninstallTimers(ctx context.Context, o timersOptions) error {
	systemctl, err := a.systemctl(o)
	if err != nil {
		return err
	}
	folder := o.folder()
	found, err := unitdir.Look(folder, nil)
	if err != nil {
		return err
	}
	own := found.With(unitdir.Leftover)
	if err := systemctl.Disable(ctx, unitdir.Enabled(own)); err != nil {
		return err
	}
	if err := found.Remove(folder, unitdir.Leftover); err != nil {
		return err
	}
	if err := systemctl.Reload(ctx); err != nil {
		return err
	}
	for _, f := range own {
		fmt.Fprintf(a.Stdout, "removed: %s\n", f.Name)
	}
	a.tellLocal(found)
	edited := found.With(unitdir.Edited)
	for _, f := range edited {
		fmt.Fprintf(a.Stdout, "changed by hand, so it stays: %s\n", f.Name)
	}
	if len(edited) > 0 {
		return fail("look at what was changed, then disable and remove it yourself", "%d of the units were changed by hand", len(edited))
	}
	return nil
}
