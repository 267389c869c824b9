package watch

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// bell ends a wait for events from another goroutine.
type bell struct {
	mu sync.Mutex
	fd int // an eventfd; negative once it is closed
}

func newBell() (*bell, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open eventfd: %w", err)
	}
	return &bell{fd: fd}, nil
}

// ring may be called at any time.
func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fd >= 0 {
		_, _ = unix.Write(b.fd, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

func (b *bell) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = unix.Close(b.fd)
	b.fd = -1
}

// wait returns when fd is readable, the bell was rung or the limit is over, and
// says whether it was one of the first two.
func (b *bell) wait(fd int, limit time.Duration) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(b.fd), Events: unix.POLLIN}, {Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, int(limit.Milliseconds()))
	if errors.Is(err, unix.EINTR) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("wait for events: %w", err)
	}
	var count [8]byte
	_, _ = unix.Read(b.fd, count[:])
	return n > 0, nil
}
