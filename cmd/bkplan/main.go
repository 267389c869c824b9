// Command bkplan plans and applies backups from a policy.
package main

import (
	"os"
	_ "time/tzdata" // a minimal host may have no time zones of its own

	"github.com/bkplan/bkplan/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.System()))
}
