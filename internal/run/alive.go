package run

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// keepAlive marks a record as one whose run is alive. The kernel lets go of it when the
// process ends, however it ends. It is a lock of its own: to look at the one of the
// state directory is to be in the way of a run that begins.
func keepAlive(record *os.File) error {
	for {
		switch err := unix.Flock(int(record.Fd()), unix.LOCK_EX); {
		case err == nil:
			return nil
		case !errors.Is(err, unix.EINTR):
			return fmt.Errorf("lock the file: %w", err)
		}
	}
}

// alive says whether the run of a record is alive.
func alive(record *os.File) bool {
	return errors.Is(unix.Flock(int(record.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}
