package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// ErrLocked is returned when another run holds the lock.
var ErrLocked = errors.New("another run holds the lock")

// Holder is who holds the lock of a state directory.
type Holder struct {
	PID     int       `json:"pid"`
	Command []string  `json:"command"`
	Started time.Time `json:"started"`
}

func (h Holder) String() string {
	return fmt.Sprintf("pid %d, %q, since %s", h.PID, strings.Join(h.Command, " "), h.Started.Format(time.RFC3339))
}

// LockedError says who holds the lock; it is an ErrLocked.
type LockedError struct {
	Path   string
	Holder Holder // zero when it cannot be told
}

func (e *LockedError) Error() string {
	if e.Holder.PID == 0 {
		return fmt.Sprintf("%v: %s", ErrLocked, e.Path)
	}
	return fmt.Sprintf("%v: %s (%s)", ErrLocked, e.Holder, e.Path)
}

// Is makes it an ErrLocked.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// lockPoll is how often a waiting run tries again.
const lockPoll = 100 * time.Millisecond

// Lock takes the lock of a state directory, waiting for it at most as long as
// wait; waiting is told once for whom. The kernel frees it when the process ends, however it ends.
func Lock(ctx context.Context, stateDir string, wait time.Duration, holder Holder, waiting func(Holder)) (unlock func() error, err error) {
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return nil, fmt.Errorf("make state directory: %w", err)
	}
	path := filepath.Join(stateDir, "lock")
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err == nil && !locked && wait > 0 {
		waiting(readHolder(path))
		limited, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		locked, err = lock.TryLockContext(limited, lockPoll)
	}
	if ctx.Err() != nil {
		return nil, errors.Join(ctx.Err(), lock.Unlock())
	}
	if !locked {
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("lock state directory: %w", err)
		}
		return nil, &LockedError{Path: path, Holder: readHolder(path)}
	}
	if err := writeHolder(path, holder); err != nil {
		return nil, errors.Join(fmt.Errorf("write holder of the lock: %w", err), lock.Unlock())
	}
	return lock.Unlock, nil
}

// writeHolder writes into the locked file itself: a rename would leave the
// lock on a file that has no name any more.
func writeHolder(path string, h Holder) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}

func readHolder(path string) Holder {
	var h Holder
	text, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(text, &h) != nil {
		return Holder{}
	}
	return h
}
