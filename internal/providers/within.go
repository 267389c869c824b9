package providers

import (
	"context"
	"fmt"
	"time"
)

// Within gives up on a look that does not come back. The look itself cannot be
// ended: it waits in the kernel.
func Within[T any](ctx context.Context, limit time.Duration, path string, look func() (T, error)) (T, error) {
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
