package execx

import (
	"context"
	"path/filepath"
	"slices"
)

// ReadOnly lets only the allowed programs through to r, by the base name of
// Argv[0], and answers all others with a *RefusedError: whoever holds it
// cannot change anything, given that the allowed programs cannot.
func ReadOnly(r Runner, allowed ...string) Runner {
	return readOnly{r, slices.Clone(allowed)}
}

type readOnly struct {
	runner  Runner
	allowed []string
}

func (r readOnly) Run(ctx context.Context, command Command) (Output, error) {
	if len(command.Argv) == 0 || !slices.Contains(r.allowed, filepath.Base(command.Argv[0])) {
		return Output{}, &RefusedError{Argv: command.failure(Error{}).Argv}
	}
	return r.runner.Run(ctx, command)
}
