package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/schema"
)

func newSchema(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema [NAME]",
		Short: "Print the JSON Schema of a machine-readable output",
		Long:  "Print the JSON Schema of a machine-readable output, or the names of all.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				_, err := fmt.Fprintln(app.Stdout, strings.Join(schema.Names(), "\n"))
				return err
			}
			text, ok := schema.Get(args[0])
			if !ok {
				return fail("there are: "+strings.Join(schema.Names(), ", "), "there is no schema %q", args[0])
			}
			_, err := app.Stdout.Write(text)
			return err
		},
	}
	return exitCodes(cmd, "printed", "")
}
