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
// large it is. How much is there of one that was begun, or that has no receipt yet, is not
// known: it goes on where that is more than a beginning. Of one that is compared as a whole
// all is there.
func (v version) checkFits(ctx context.Context, links basis) error {
	added := v.expected(links)
	if v.Copy.Full || v.hasRoom(v.seen, added) {
		return nil
	}
	if folder := v.begunIn(links); folder != "" {
		there, err := v.takes(ctx, folder)
		if err != nil || there >= added/beginning {
			return err
		}
		added -= there
	}
	return v.checkRoom(v.seen, added, fmt.Sprintf("of version %q are new there", v.path))
}

// beginning is which part of a version is too little to say that it is there: the names of
// what it is linked to take up room, too. What it is linked to counts as well, for no
// receipt tells it from what was sent.
const beginning = 10

// wasBegun says whether an earlier run has begun to send the version.
func (v version) wasBegun() bool {
	return v.seen.kinds[v.built()] != isMissing || v.seen.kinds[v.earlier()] != isMissing
}

// begunIn is where there may be some of the version that no receipt tells of; empty where
// there is none.
func (v version) begunIn(links basis) string {
	switch {
	case v.wasBegun():
		return v.workFolder()
	case slices.Contains(links.folders, v.path) && v.proofThere() == nil:
		return v.path
	}
	return ""
}

// proofThere is the receipt over there of the version that has the name.
func (v version) proofThere() *plan.Receipt {
	return v.seen.receipt(v.from.Layer, v.from.Version, v.from.Volume)
}

// takes asks how much is in a folder over there, in bytes. It is a lot where that cannot be
// told in time.
func (v version) takes(ctx context.Context, folder string) (int64, error) {
	a, err := v.ask(ctx, lookLimit, takesScript, v.base, []string{v.rel, folder}, nil)
	if failure := (*execx.Error)(nil); errors.As(err, &failure) && failure.Reason == execx.ReasonTimeout {
		return math.MaxInt64, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look how much is there already: %w", err)
	}
	kibibytes, err := strconv.ParseInt(a.get("takes"), 10, 64)
	if err != nil {
		return math.MaxInt64, nil
	}
	return kibibytes * 1024, nil
}

// expected is what a version adds over there: all of it, unless it is linked to another one.
// Then manifests tell what is new in it or, where there is none, receipts.
func (v version) expected(links basis) int64 {
	all, added := max(0, v.from.receipt.Bytes), int64(0)
	switch {
	case len(links.folders) == 0:
		return all
	case links.fresh != nil:
		added = *links.fresh
	default:
		added = v.byReceipts(links)
	}
	return min(all, max(0, added))
}

// byReceipts is what is new in a version since it was sent, or since the version before or,
// where it is linked to a later one, what it does not share with that. What is there without
// a receipt tells nothing.
func (v version) byReceipts(links basis) int64 {
	r, old := v.from.receipt, v.proofThere()
	later := slices.IndexFunc(v.seen.receipts, func(o plan.Receipt) bool {
		return o.Path == v.previous && o.Source.Taken.After(r.Source.Taken)
	})
	switch replaced := slices.Contains(links.folders, v.path); {
	case replaced && old == nil:
		return r.Bytes
	case replaced:
		added, _ := r.NewSince(*old)
		return added
	case later >= 0:
		after := v.seen.receipts[later]
		return r.Bytes - max(0, after.Bytes-max(0, after.NewBytes))
	}
	return r.NewBytes
}
