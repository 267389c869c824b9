package ssh

import (
	"context"
	"fmt"
	"strings"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
)

// meter adds up what each rsync says that it has sent, also one that is followed by another
// pass. Of one that the network broke nothing is known; scripts and their answers are small,
// and not counted.
type meter struct {
	execx.Runner
	sent int64
}

// Run runs a command. It is called for one after the other.
func (m *meter) Run(ctx context.Context, c execx.Command) (execx.Output, error) {
	output, err := m.Runner.Run(ctx, c)
	if c.Argv[0] == "rsync" {
		m.sent += readStats(output.Stdout).sent
	}
	return output, err
}

// detail tells what was sent, for people.
func (m *meter) detail(r plan.Receipt, notes []string) string {
	text := fmt.Sprintf("%s, %s sent", count(r.Files, "file"), quantity.Size(m.sent).Human())
	return strings.Join(append([]string{text}, notes...), "; ")
}

// differences are the lines that rsync writes before its statistics.
func differences(stdout []byte) string {
	found, _, _ := strings.Cut("\n"+string(stdout), "\nNumber of files: ")
	return strings.TrimSpace(found)
}
