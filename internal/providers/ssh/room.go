package ssh

import (
	"fmt"
	"slices"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
)

// checkRoom looks whether so many bytes more leave as much free as must stay. What says of
// which they are, and is a clause of which they are the subject.
func (j job) checkRoom(v view, added int64, what string) error {
	free := v.system.Free
	if j.Copy.MinFree == 0 || added == 0 || free-added >= j.Copy.MinFree {
		return nil
	}
	size := func(n int64) string { return quantity.Size(n).Human() }
	return fmt.Errorf("%s: %s %s, %q has %s free, and %s must stay free: nothing was changed; make room there, or change `min_free` of the destination",
		j.host(), size(added), what, j.root(), size(free), size(j.Copy.MinFree))
}

// checkFits refuses a version that is not expected to fit: its plan may not have known how
// large it is. How much is there of one that was begun is not known. Of one that is
// compared as a whole all is there.
func (v version) checkFits(linked bool) error {
	begun := v.seen.kinds[v.built()] != isMissing || v.seen.kinds[v.earlier()] != isMissing
	if begun || v.Copy.Full {
		return nil
	}
	return v.checkRoom(v.seen, v.expected(linked), fmt.Sprintf("of version %q are new there", v.path))
}

// expected is what a version adds over there, by receipts: all of it, unless it is linked
// to another one. Then it is what is new in it since the version before or, where it is
// linked to a later one, what it does not share with that.
func (v version) expected(linked bool) int64 {
	r := v.from.receipt
	all, fresh := max(0, r.Bytes), max(0, r.NewBytes)
	if !linked {
		return all
	}
	later := slices.IndexFunc(v.seen.receipts, func(o plan.Receipt) bool {
		return o.Path == v.previous && o.Source.Taken.After(r.Source.Taken)
	})
	if later >= 0 && v.seen.kinds[v.path] != isFolder {
		after := v.seen.receipts[later]
		fresh = all - max(0, after.Bytes-max(0, after.NewBytes))
	}
	return min(all, max(0, fresh))
}
