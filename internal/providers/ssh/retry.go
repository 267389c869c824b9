package ssh

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/openssh"
)

// patience is how often something is tried again that the network broke.
type patience struct {
	now   func() time.Time
	sleep func(context.Context, time.Duration) error
	limit time.Duration // of all waiting between tries
}

// The first wait, the longest one, and how long a try must have lasted for those
// before it to be forgotten.
const (
	firstWait = 5 * time.Second
	longWait  = 2 * time.Minute
	longTry   = 5 * time.Minute
)

// retry does something until it works, or fails in a way that no second try mends,
// or patience ends.
func (p patience) retry(ctx context.Context, do func() error) error {
	wait, waited := firstWait, time.Duration(0)
	for {
		began := p.now()
		err := do()
		if err == nil || !passing(err) || ctx.Err() != nil {
			return err
		}
		if p.now().Sub(began) >= longTry {
			wait, waited = firstWait, 0
		}
		if waited += wait; waited > p.limit {
			return err
		}
		if p.sleep(ctx, wait) != nil {
			return err
		}
		wait = min(2*wait, longWait)
	}
}

// networkExits are exits of rsync by which it says that the connection broke.
var networkExits = []int{10, 12, 30, 35}

// passing says whether an error may be gone after a while: the network's.
func passing(err error) bool {
	failure := (*execx.Error)(nil)
	if !errors.As(err, &failure) || failure.Reason != execx.ReasonExit || hopeless(failure.Stderr) {
		return false
	}
	return openssh.Failed(failure) || failure.Argv[0] == "rsync" && slices.Contains(networkExits, failure.Exit)
}

// pause waits, unless the context ends before.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
