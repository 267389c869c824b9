package rsync

import (
	"context"
	"errors"
	"strings"

	"github.com/bkplan/bkplan/internal/execx"
)

// tries is how often Run starts rsync at most.
const tries = 3

// Run runs an rsync, and once more where it has stumbled over a hard link: where a
// folder was, rsync 3.2 to 3.5 with -H and -A puts a link to a file that is there
// already, and then asks for the default ACL of the folder that is no more. That is all it
// fails at; in the next run there is nothing to replace. command is called before each
// try.
func Run(ctx context.Context, runner execx.Runner, command func() execx.Command) (execx.Output, error) {
	for try := 1; ; try++ {
		output, err := runner.Run(ctx, command())
		if try == tries || !stumbled(err) {
			return output, err
		}
	}
}

func stumbled(err error) bool {
	failure := (*execx.Error)(nil)
	if !errors.As(err, &failure) || failure.Reason != execx.ReasonExit || failure.Exit != ExitPartial {
		return false
	}
	found := false
	for line := range strings.Lines(failure.Stderr) {
		text, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "rsync: ")
		if !ok {
			continue
		}
		if !strings.HasPrefix(text, "[generator] get_acl: sys_acl_get_file(") || !strings.HasSuffix(text, ", ACL_TYPE_DEFAULT): Permission denied (13)") {
			return false
		}
		found = true
	}
	return found
}
