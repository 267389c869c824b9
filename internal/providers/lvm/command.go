package lvm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
)

// limits are how long a command may take. A command that changes something is
// not ended before, not even when its context is.
type limits struct {
	observe, create, activate, prune, pruneEach time.Duration
}

var defaultLimits = limits{
	observe: 60 * time.Second, create: 120 * time.Second, activate: 120 * time.Second,
	prune: 120 * time.Second, pruneEach: 2 * time.Second,
}

// errHung begins every answer of a Provider after one of its commands hung.
var errHung = errors.New("LVM hangs, so no further command is started")

// begin takes the Provider's turn; end gives it back.
func (p *Provider) begin(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait for another LVM command: %w", context.Cause(ctx))
	}
	return nil
}

func (p *Provider) end() { <-p.turn }

// run runs one command, in the Provider's turn.
func (p *Provider) run(ctx context.Context, limit time.Duration, argv ...string) (execx.Output, error) {
	if p.hung != nil {
		return execx.Output{}, p.hung
	}
	output, err := p.runner.Run(ctx, execx.Command{
		Argv: argv, Timeout: limit, Env: []string{"LVM_SUPPRESS_FD_WARNINGS=1"},
	})
	if isTimeout(err) {
		p.hung = fmt.Errorf("%w: earlier, %w", errHung, err)
	}
	return output, err
}

// reportOptions make a report readable by a program, whatever lvm.conf says.
var reportOptions = []string{
	"--reportformat", "json", "--units", "b", "--nosuffix", "--config",
	`report{time_format="%s" binary_values_as_numeric=0 compact_output=0 list_item_separator=","}`,
}

func reportCommand(program, columns string, arguments ...string) []string {
	return append(append([]string{program}, reportOptions...), append([]string{"-o", columns}, arguments...)...)
}

// groupUUID asks vgs for the UUID of a volume group.
func (p *Provider) groupUUID(ctx context.Context, group string) (string, error) {
	output, err := p.run(ctx, p.limits.observe, reportCommand("vgs", "vg_name,vg_uuid", group)...)
	if err != nil {
		return "", missingGroup(group, err)
	}
	rows, err := readGroups(output.Stdout)
	if err != nil {
		return "", fmt.Errorf("read the report of vgs: %w", err)
	}
	if len(rows) != 1 || rows[0].Name != group || rows[0].UUID == "" {
		return "", fmt.Errorf("read the report of vgs: it has %d volume groups and should have %q alone", len(rows), group)
	}
	return rows[0].UUID, nil
}

// look asks lvs for the logical volumes of a volume group: those named, or all.
func (p *Provider) look(ctx context.Context, group string, names ...string) (volumeGroup, error) {
	arguments := []string{group}
	if len(names) > 0 {
		arguments = []string{"-S", selection("lv_name", names), group}
	}
	output, err := p.run(ctx, p.limits.observe, reportCommand("lvs", volumeColumns, arguments...)...)
	if err != nil {
		return volumeGroup{}, missingGroup(group, err)
	}
	rows, err := readVolumes(output.Stdout)
	if err != nil {
		return volumeGroup{}, fmt.Errorf("read the report of lvs: %w", err)
	}
	return newVolumeGroup(group, rows)
}

// selection is an LVM selection of rows whose column has one of the values.
// The values must have been checked: they are quoted, not escaped.
func selection(column string, values []string) string {
	terms := make([]string, len(values))
	for i, value := range values {
		terms[i] = column + `="` + value + `"`
	}
	return strings.Join(terms, " || ")
}

// missingGroup says it plainly when a command failed for want of the group.
func missingGroup(group string, err error) error {
	failure := (*execx.Error)(nil)
	if errors.As(err, &failure) && strings.Contains(failure.Stderr, fmt.Sprintf("Volume group %q not found", group)) {
		return fmt.Errorf("there is no volume group %q on this machine: %w", group, err)
	}
	return err
}

// isTimeout says whether a command outlived its limit.
func isTimeout(err error) bool {
	failure := (*execx.Error)(nil)
	return errors.As(err, &failure) && failure.Reason == execx.ReasonTimeout
}
