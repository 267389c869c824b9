package plan

import (
	"path"
	"slices"
)

// growth is what sending a version adds over there, by the receipts here: all of it, but
// for what it shares with the version that it is linked beside. It is not known where
// what lies between the two is not: all of it would then block for good what may well
// fit, and what is known alone would promise room that nobody has seen. What went here
// between two versions that stayed no receipt tells.
func (t *offsiteTurn) growth(c copyVersion, beside string) *Estimate {
	i := t.indexOf(c.path)
	r := t.sizeOf(i)
	if r == nil {
		return nil
	}
	e := whole(r)
	added, known := e.Bytes, true
	switch there, found := t.find(c); {
	case found:
		added, known = t.changed(i, there)
	case beside != "":
		added, known = t.apart(i, beside)
	}
	if !known {
		return nil
	}
	e.Bytes = min(e.Bytes, added)
	return &e
}

// whole is all of a version.
func whole(r *Receipt) Estimate {
	return Estimate{Bytes: max(0, r.Bytes), Inodes: max(0, r.Directories), Files: max(0, r.Files), Size: max(0, r.Bytes)}
}

// apart is how much of a version the one that it is linked beside does not have: beside
// an older one all that was new since, beside a newer one all that was replaced since.
func (t *offsiteTurn) apart(i int, beside string) (bytes int64, known bool) {
	k := t.indexOf(beside)
	if k < 0 {
		return 0, false
	}
	known = true
	add := func(n int64, told bool) { bytes, known = bytes+n, known && told }
	step := t.fresh
	if k < i {
		step = t.replaced
	}
	for j := min(i, k); j < max(i, k); j++ {
		add(step(j))
	}
	if there, found := t.find(t.v.held[k]); found && t.isOutdated(t.v.held[k]) {
		add(t.changed(k, there))
	}
	return bytes, known
}

// isOutdated says whether a version over there is not what it is here, and none that this
// plan sends before.
func (t *offsiteTurn) isOutdated(c copyVersion) bool {
	return !t.sameContent(c) && !slices.ContainsFunc(t.sending, func(o copyVersion) bool { return o.path == c.path })
}

// fresh is how much of a version the one before it here does not have.
func (t *offsiteTurn) fresh(i int) (bytes int64, known bool) {
	r, a := t.proof(i), t.pendingAt(i)
	switch {
	case a == nil && r == nil, a != nil && a.Copy.Estimate == nil, a != nil && a.Kind != Create && r == nil:
		return 0, false
	case a == nil:
		return r.fresh(), true
	case a.Kind == Create:
		return a.Copy.Estimate.Bytes, true
	}
	return r.fresh() + a.Copy.Estimate.Bytes, true
}

// replaced is how much the version before one here has that this one does not.
func (t *offsiteTurn) replaced(i int) (bytes int64, known bool) {
	r, before := t.sizeOf(i), t.sizeOf(i+1)
	n, known := t.fresh(i)
	if r == nil || before == nil || !known {
		return 0, false
	}
	return max(0, before.Bytes-max(0, r.Bytes-n)), true
}

// changed is how much of a version is new beside what is over there in its place.
func (t *offsiteTurn) changed(i int, there copyVersion) (bytes int64, known bool) {
	r, a := t.proof(i), t.pendingAt(i)
	if r == nil || there.receipt == nil || a != nil && a.Copy.Estimate == nil {
		return 0, false
	}
	bytes, known = r.NewSince(*there.receipt)
	if a != nil {
		bytes += a.Copy.Estimate.Bytes
	}
	return bytes, known
}

// indexOf finds a version of the disk; -1 is none.
func (t *offsiteTurn) indexOf(p string) int {
	return slices.IndexFunc(t.v.held, func(o copyVersion) bool { return o.path == p })
}

// pendingAt is the action of this plan that makes a version; nil where none does.
func (t *offsiteTurn) pendingAt(i int) *Action {
	if a, pending := t.pending[t.pathOf(i)]; pending {
		return &a
	}
	return nil
}

// proof is the receipt of a version as it is here now, whatever this plan makes of it.
func (t *offsiteTurn) proof(i int) *Receipt {
	if c := t.v.held[i]; c.receipt != nil || t.pendingAt(i) == nil {
		return c.receipt
	}
	at := t.pathOf(i)
	k := slices.IndexFunc(t.here.Receipts, func(r Receipt) bool { return r.Layer == t.v.of.Name && r.Path == at })
	if k < 0 {
		return nil
	}
	return &t.here.Receipts[k]
}

// sizeOf is the receipt that tells best how large a version is: its own, and of one that
// has none yet that of the one before it.
func (t *offsiteTurn) sizeOf(i int) *Receipt {
	for ; i < len(t.v.held); i++ {
		if r := t.proof(i); r != nil {
			return r
		}
	}
	return nil
}

// pathOf is the path of a version below the disk.
func (t *offsiteTurn) pathOf(i int) string { return path.Join(t.v.of.Directory, t.v.held[i].path) }

// NewSince is how many bytes of a version are new since it was as another receipt of it
// says, at most, or, where that is not known, how many there are at least. The version may
// be gone and made anew since: then what was new in it is told beside another version, and
// is less for once. Of a synced tree all is told to be new each time.
func (r Receipt) NewSince(old Receipt) (bytes int64, known bool) {
	grown := max(0, r.Bytes-old.Bytes)
	switch fresh := r.NewBytes - old.NewBytes; {
	case r.Digest == old.Digest:
		return 0, true
	case fresh < 0, r.Version == "":
		return grown, false
	default:
		return max(grown, min(fresh, r.Bytes)), true
	}
}

// fresh is how much of a version no earlier one has.
func (r Receipt) fresh() int64 { return max(0, min(r.NewBytes, r.Bytes)) }
