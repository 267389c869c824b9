package unitdir

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
)

// systemctlLimit bounds one call: starting a timer takes no time, and ending the
// service of `bkplan watch` as long as it has to write.
const systemctlLimit = 2 * time.Minute

// Systemctl asks systemd for something. With a Root it only sets links below that
// folder, and needs no systemd that runs.
type Systemctl struct {
	Runner execx.Runner
	Root   string
}

// Enable makes systemd read the folder again, and enables units; the running
// systemd starts them too.
func (c Systemctl) Enable(ctx context.Context, units []string) error {
	if err := c.Reload(ctx); err != nil || len(units) == 0 {
		return err
	}
	return c.run(ctx, "enable", units)
}

// Disable takes back what Enable has done. The files must still be there.
func (c Systemctl) Disable(ctx context.Context, units []string) error {
	if len(units) == 0 {
		return nil
	}
	return c.run(ctx, "disable", units)
}

// Reload makes the running systemd read its folders again.
func (c Systemctl) Reload(ctx context.Context) error {
	if c.Root != "" {
		return nil
	}
	_, err := c.Runner.Run(ctx, execx.Command{Argv: []string{"systemctl", "daemon-reload"}, Timeout: systemctlLimit})
	return err
}

func (c Systemctl) run(ctx context.Context, verb string, units []string) error {
	argv := []string{"systemctl", verb, "--quiet"}
	if c.Root != "" {
		argv = append(argv, "--root="+c.Root)
	} else {
		argv = append(argv, "--now")
	}
	argv = append(append(argv, "--"), units...)
	if _, err := c.Runner.Run(ctx, execx.Command{Argv: argv, Timeout: systemctlLimit}); err != nil {
		return fmt.Errorf("%s units: %w", verb, err)
	}
	return nil
}

// Enabled are the names of files that systemd was to enable: whole units, with a
// section for that.
func Enabled(files []File) []string {
	var names []string
	for _, f := range files {
		if !strings.Contains(f.Name, "/") && strings.Contains(f.Found+f.Text, "\n[Install]\n") {
			names = append(names, f.Name)
		}
	}
	return names
}
