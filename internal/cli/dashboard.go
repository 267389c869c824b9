package cli

import (
	"bytes"

	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/dashboard"
)

func newDashboard(app *App) *cobra.Command {
	var o policyOptions
	var out string
	cmd := &cobra.Command{
		Use:   "dashboard",
		Short: "Write a Grafana dashboard",
		Long: `Write a Grafana dashboard: all layers, the age of their copies, volumes, drift,
capacity with its forecast, and runs. In Grafana it is imported as it is, and asks
which Prometheus to use. How old the copies of a layer may be is the policy's.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return app.dashboard(o, out) },
	}
	o.flags(cmd)
	cmd.Flags().StringVarP(&out, "out", "o", "-", "`file` to write; - is standard output")
	return exitCodes(cmd, "written", "")
}

func (a *App) dashboard(o policyOptions, out string) error {
	p, err := a.load(o)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := dashboard.Build(p).Encode(&text); err != nil {
		return err
	}
	return a.writeOut(out, text.Bytes())
}
