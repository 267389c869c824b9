package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/policy"
)

func newValidate(app *App) *cobra.Command {
	var options policyOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "validate [FILE|FOLDER]",
		Short: "Check the policy; look at nothing else",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				options.path = args[0]
			}
			return app.validate(options, asJSON)
		},
	}
	options.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was found as JSON (schema: validate)")
	return exitCodes(cmd, "the policy is valid", "")
}

func (a *App) validate(options policyOptions, asJSON bool) error {
	p, diagnostics, err := a.diagnose(options)
	if err != nil {
		return err
	}
	if asJSON {
		if err := a.printDiagnostics(diagnostics); err != nil {
			return err
		}
	} else if len(diagnostics) > 0 {
		fmt.Fprint(a.Stderr, diagnostics.Text(width(a.Stderr)))
	}
	if diagnostics.HasErrors() {
		if !asJSON {
			fmt.Fprintf(a.Stderr, "\n%s\n", countErrors(diagnostics))
		}
		return errShown
	}
	if !asJSON {
		fmt.Fprintf(a.Stdout, "The policy is valid: %d sources, %d destinations, %d layers.\n", len(p.Sources), len(p.Destinations), len(p.Layers))
	}
	return nil
}

func countErrors(diagnostics policy.Diagnostics) string {
	n := 0
	for _, d := range diagnostics {
		if d.Severity == policy.Error {
			n++
		}
	}
	if n == 1 {
		return "1 error."
	}
	return fmt.Sprintf("%d errors.", n)
}

func (a *App) printDiagnostics(diagnostics policy.Diagnostics) error {
	if diagnostics == nil {
		diagnostics = policy.Diagnostics{}
	}
	encoder := json.NewEncoder(a.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Valid       bool               `json:"valid"`
		Diagnostics policy.Diagnostics `json:"diagnostics"`
	}{!diagnostics.HasErrors(), diagnostics})
}
