package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Where SQLite's locks lie. See "File Locking And Concurrency" and "The WAL-Mode
// File Format" in its documentation.
const (
	sharedFirst    = 0x40000002 // in the database: held by whoever reads
	sharedSize     = 510
	checkpointLock = 121 // in the -shm: held by whoever moves the log into the database
	readLock       = 127 // in the -shm: the last of those that keep the log from starting anew
)

// How often and how long a lock is waited for.
const (
	lockPause = 50 * time.Millisecond
	lockTries = 400
)

// errBusy says that a writer did not let go of a database.
var errBusy = errors.New("a writer keeps it locked")

// holdDatabase keeps everyone from writing into the file of a database until it
// is closed: writers that use a rollback journal wait, those that use a log may
// go on and append to that. On a snapshot nobody is there.
func holdDatabase(ctx context.Context, db *os.File) error {
	return share(ctx, db, sharedFirst, sharedSize)
}

// holdLog keeps the log from being moved into the database, and from being
// begun anew, until shm is closed.
func holdLog(ctx context.Context, shm *os.File) error {
	if err := share(ctx, shm, checkpointLock, 1); err != nil {
		return err
	}
	return share(ctx, shm, readLock, 1)
}

// share takes a read lock that belongs to the open file, not to the process.
func share(ctx context.Context, file *os.File, start, size int64) error {
	pause := time.NewTicker(lockPause)
	defer pause.Stop()
	for range lockTries {
		lock := unix.Flock_t{Type: unix.F_RDLCK, Start: start, Len: size}
		err := unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, &lock)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("lock database: %w", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-pause.C:
		}
	}
	return errBusy
}
