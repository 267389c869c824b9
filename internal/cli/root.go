package cli

import (
	"github.com/spf13/cobra"
)

func newRoot(app *App) *cobra.Command {
	root := &cobra.Command{
		Use:   "bkplan",
		Short: "Plan and apply backups from one policy",
		Long: `bkplan reads a policy that says how every volume must be protected, looks at
what is really there, shows what would change, and does just that.

  bkplan validate      check the policy
  bkplan plan          show what would change; changes nothing
  bkplan apply         do it
  bkplan drift         name what nobody protects
  bkplan verify        look whether versions are what they were

The policy is the file or folder given with -f, else $BKPLAN_POLICY, else
./bkplan.hcl, else /etc/bkplan/bkplan.hcl.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		newValidate(app), newFmt(app), newSchedule(app), newRetention(app),
		newObserve(app), newPlan(app), newShow(app), newApply(app), newDrift(app), newVerify(app), newRestore(app), newDrill(app),
		newWatch(app), newTimers(app), newRuns(app), newMetrics(app), newAlerts(app), newDashboard(app),
		newSchema(app), newVersion(app),
	)
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() != "completion" {
			continue
		}
		for _, shell := range append(cmd.Commands(), cmd) {
			exitCodes(shell, "printed", "")
		}
	}
	return exitCodes(root, "fine, or nothing to do", "changes or drift were found, where a command says so")
}
