package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
)

// command runs a program with the notice as JSON on its stdin. What the program prints
// is thrown away, but for the end of stderr where it fails.
type command struct {
	runner execx.Runner
	plan.Notification
}

func (c command) tell(ctx context.Context, n Notice) error {
	text, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("encode notice: %w", err)
	}
	_, err = c.runner.Run(ctx, execx.Command{
		Argv: c.Command, Stdin: append(text, '\n'), Stdout: io.Discard, Contained: true,
		Env: []string{"BKPLAN_EVENT=" + n.Event, "BKPLAN_RUN=" + n.Run.ID, "BKPLAN_OUTCOME=" + string(n.Run.Outcome)},
	})
	return err
}
