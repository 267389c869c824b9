package disk

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

// Patience is how long to wait for what may never answer. What is zero is as long
// as it is in earnest.
type Patience struct {
	// Look is for one look at a source or a destination.
	Look time.Duration
	// Copy bounds what a layer allows its copies, and Stop how long one that is
	// over its time may take to end.
	Copy, Stop time.Duration
}

// What lies on a server that is gone keeps a process for ever. A first copy of some
// terabytes takes its time.
const (
	defaultLook = 2 * time.Minute
	defaultCopy = 12 * time.Hour
	defaultStop = time.Minute
)

func (p Patience) look() time.Duration { return cmp.Or(p.Look, defaultLook) }

func (p Patience) stop() time.Duration { return cmp.Or(p.Stop, defaultStop) }

// copy is how long the content of a copy may take.
func (p Patience) copy(c plan.CopyAction) time.Duration {
	most := cmp.Or(c.Timeout.Approx(), defaultCopy)
	if p.Copy > 0 {
		most = min(most, p.Copy)
	}
	return most
}

// within gives up on a look that does not come back. The look itself cannot be
// ended: it waits in the kernel.
func within[T any](ctx context.Context, limit time.Duration, path string, look func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		value, err := look()
		answers <- answer{value, err}
	}()
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var none T
	select {
	case a := <-answers:
		return a.value, a.err
	case <-limited.Done():
		if err := context.Cause(ctx); err != nil {
			return none, err
		}
		return none, fmt.Errorf("%q does not answer within %s: is what serves it gone? `umount -f -l` frees whoever waits for it", path, limit)
	}
}
