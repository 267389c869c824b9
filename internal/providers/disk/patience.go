package disk

import (
	"cmp"
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
