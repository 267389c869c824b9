package ssh

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
)

// hasRoom says whether so many bytes more leave as much free as must stay.
func (j job) hasRoom(v view, added int64) bool {
	return j.Copy.MinFree == 0 || added == 0 || v.system.Free-added >= j.Copy.MinFree
}

// checkRoom is hasRoom as an error. What says of which bytes they are, and is a clause of
// which they are the subject.
func (j job) checkRoom(v view, added int64, what string) error {
	if j.hasRoom(v, added) {
		return nil
	}
	size := func(n int64) string { return quantity.Size(n).Human() }
	return fmt.Errorf("%s: %s %s, %q has %s free, and %s must stay free: nothing was changed; make room there, or change `min_free` of the destination",
		j.host(), size(added), what, j.root(), size(v.system.Free), size(j.Copy.MinFree))
}

// checkFits refuses a version that is not expected to fit: its plan may not have known how
// large it is. How much is there of one that was begun is not known: it goes on where that
// is more than a beginning. Of one that is compared as a whole all is there.
func (v version) checkFits(ctx context.Context, linked bool) error {
	if v.Copy.Full {
		return nil
	}
	added := v.expected(linked)
	if v.wasBegun() && !v.hasRoom(v.seen, added) {
		there, err := v.takes(ctx)
		if err != nil || there >= added/beginning {
			return err
		}
	}
	return v.checkRoom(v.seen, added, fmt.Sprintf("of version %q are new there", v.path))
}

// beginning is which part of a version is too little for that: as much may come of what
// can be linked to, or be the names alone.
const beginning = 10

// wasBegun says whether an earlier run has begun to send the version.
func (v version) wasBegun() bool {
	return v.seen.kinds[v.built()] != isMissing || v.seen.kinds[v.earlier()] != isMissing
}

// takes asks how much an earlier run has sent, in bytes. It is a lot where that cannot be
// told in time.
func (v version) takes(ctx context.Context) (int64, error) {
	a, err := v.ask(ctx, lookLimit, takesScript, v.base, []string{v.rel, v.work}, nil)
	if failure := (*execx.Error)(nil); errors.As(err, &failure) && failure.Reason == execx.ReasonTimeout {
		return math.MaxInt64, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look how much was sent before: %w", err)
	}
	kibibytes, err := strconv.ParseInt(a.get("takes"), 10, 64)
	if err != nil {
		return math.MaxInt64, nil
	}
	return kibibytes * 1024, nil
}

// expected is what a version adds over there, by receipts: all of it, unless it is linked
// to another one. Then it is what is new in it since it was sent, or since the version
// before or, where it is linked to a later one, what it does not share with that. Of a
// folder that has no receipt yet all may be what is sent.
func (v version) expected(linked bool) int64 {
	r := v.from.receipt
	all := max(0, r.Bytes)
	if !linked {
		return all
	}
	if v.seen.kinds[v.path] == isFolder {
		old := v.seen.receipt(r.Layer, r.Version, r.Volume)
		if old == nil {
			return 0
		}
		added, _ := r.NewSince(*old)
		return added
	}
	fresh := max(0, r.NewBytes)
	later := slices.IndexFunc(v.seen.receipts, func(o plan.Receipt) bool {
		return o.Path == v.previous && o.Source.Taken.After(r.Source.Taken)
	})
	if later >= 0 {
		after := v.seen.receipts[later]
		fresh = all - max(0, after.Bytes-max(0, after.NewBytes))
	}
	return min(all, max(0, fresh))
}
