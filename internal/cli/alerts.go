package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/alert"
)

// alertsOptions say what to make of the policy's alerts.
type alertsOptions struct {
	policyOptions
	out   string
	tests string // the rules' file, as the tests name it
	check string
}

func newAlerts(app *App) *cobra.Command {
	var o alertsOptions
	cmd := &cobra.Command{
		Use:   "alerts",
		Short: "Write Prometheus alerting rules from the policy",
		Long: `Write Prometheus alerting rules: for each layer of the policy that it is stale,
fails or never ran; for pools and destinations that they are low, filling or
unknown; for volumes without a backup, suspect versions, drift, and for bkplan
itself being silent. Names, thresholds, severities and labels come from the
policy's "alerts" block and the "alert" blocks of its layers.

  bkplan alerts -o /etc/prometheus/rules/bkplan.yml
  bkplan alerts --check /etc/prometheus/rules/bkplan.yml
  bkplan alerts --tests bkplan.yml -o bkplan.test.yml && promtool test rules bkplan.test.yml`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return app.alerts(o) },
	}
	o.flags(cmd)
	cmd.Flags().StringVarP(&o.out, "out", "o", "-", "`file` to write; - is standard output")
	cmd.Flags().StringVar(&o.tests, "tests", "", "write promtool's unit tests for the rules in this `file` instead")
	cmd.Flags().StringVar(&o.check, "check", "", "write nothing; say whether this `file` has these rules")
	cmd.MarkFlagsMutuallyExclusive("check", "out")
	cmd.MarkFlagsMutuallyExclusive("check", "tests")
	return exitCodes(cmd, "written, or --check found no difference", "--check found a difference")
}

func (a *App) alerts(o alertsOptions) error {
	p, err := a.load(o.policyOptions)
	if err != nil {
		return err
	}
	rules := alert.Build(p)
	var text bytes.Buffer
	if o.tests != "" {
		err = alert.EncodeTests(&text, p, o.tests)
	} else {
		err = rules.Encode(&text)
	}
	switch {
	case err != nil:
		return err
	case o.check != "":
		return a.checkAlerts(o.check, rules, text.Bytes())
	}
	return a.writeOut(o.out, text.Bytes())
}

// writeOut writes what everyone may read to a file, or to standard output for "-". A
// link stays one, and so does what is no file.
func (a *App) writeOut(out string, text []byte) error {
	if out == "-" {
		_, err := a.Stdout.Write(text)
		return err
	}
	var err error
	switch info, missing := os.Stat(out); {
	case missing == nil && !info.Mode().IsRegular():
		err = os.WriteFile(out, text, 0o644)
	default:
		if target, unknown := filepath.EvalSymlinks(out); unknown == nil {
			out = target
		}
		err = renameio.WriteFile(out, text, 0o644, renameio.WithStaticPermissions(0o644))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	return nil
}

// checkAlerts says what a file of rules has too many, too few, or otherwise.
func (a *App) checkAlerts(path string, rules alert.Rules, want []byte) error {
	have, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read rules: %w", err)
	}
	if bytes.Equal(have, want) {
		fmt.Fprintf(a.Stdout, "%s is up to date.\n", path)
		return nil
	}
	fmt.Fprintf(a.Stdout, "%s differs from the policy.\n", path)
	difference, err := rules.Compare(have)
	if err != nil {
		return err
	}
	for _, line := range []struct {
		what  string
		names []string
	}{{"missing", difference.Missing}, {"different", difference.Changed}, {"not from the policy", difference.Foreign}} {
		if len(line.names) > 0 {
			fmt.Fprintf(a.Stdout, "  %s: %s\n", line.what, escape(strings.Join(line.names, ", ")))
		}
	}
	return errChanges
}
