package plan

import (
	"cmp"
	"path"
	"slices"
	"time"

	"github.com/bkplan/bkplan/internal/retention"
)

// planVolume sends what the copy lacks or has differently, newest first, and prunes
// what its own retention does not keep.
func (l *offsiteLayer) planVolume(v offsiteVolume) {
	l.status.Versions += len(v.there)
	if e, excluded := l.excludes(l.layer, v.volume); excluded {
		skipped := Skipped{l.layer.Name, v.name, e.Name, e.Reason, e.Accept}
		if len(v.here) > 0 && !slices.Contains(l.excluded, skipped) {
			l.excluded = append(l.excluded, skipped)
		}
		if len(v.there) > 0 {
			l.orphans(v, "the volume is excluded from "+l.layer.Address()+" now")
		}
		return
	}
	l.kept += len(v.there)
	if len(v.here) > 0 {
		l.status.Volumes++
		l.holdCopies(l.layer.Name, v.name, v.there)
	}
	t := offsiteTurn{offsiteLayer: l, v: v, regular: newCopyHistory(v.there, l.now).regular}
	if l.isGone(v) {
		l.orphans(v, "its volume is gone, and the disk has no version of it")
		t.ref, t.clock = l.now, l.apart
	}
	t.goesNow = t.going(t.regular)
	t.send()
	t.prune()
}

// offsiteTurn is the planning of one volume.
type offsiteTurn struct {
	*offsiteLayer
	v       offsiteVolume
	ref     time.Time     // from which versions age; zero is the newest of them
	clock   *Block        // the time from which they age is doubtful
	regular []copyVersion // over there, not in the future
	goesNow map[string]retention.Reason
	sent    []Action      // not blocked
	sending []copyVersion // what they send
}

// send makes an action for each version that the copy should have and has not.
func (t *offsiteTurn) send() {
	wanted := keep(t.v.here, func(c copyVersion) bool {
		return !InFuture(c.time, t.now) && !t.leaving[path.Join(t.v.of.Directory, c.path)] && (t.sameThere(c) || t.isDue(c))
	})
	going := t.going(merge(t.regular, wanted))
	for _, c := range wanted {
		if _, goes := going[c.path]; goes || t.sameThere(c) && t.full == "" {
			continue
		}
		a := t.transfer(c)
		t.makes = append(t.makes, a)
		if a.Blocked == nil {
			t.sent, t.sending = append(t.sent, a), append(t.sending, c)
		}
	}
}

// going is what the layer's own retention does not keep of such versions, by path.
func (t *offsiteTurn) going(versions []copyVersion) map[string]retention.Reason {
	return retainedCopies(versions, t.layer.Retention, t.ref, t.zone())
}

// merge is what there will be when the second are sent, newest first.
func merge(there, sent []copyVersion) []copyVersion {
	rest := keep(there, func(c copyVersion) bool {
		return !slices.ContainsFunc(sent, func(s copyVersion) bool { return s.path == c.path })
	})
	all := append(slices.Clone(sent), rest...)
	slices.SortStableFunc(all, func(a, b copyVersion) int { return cmp.Or(b.time.Compare(a.time), b.start.Compare(a.start)) })
	return all
}

// find is the version of the same name over there.
func (t *offsiteTurn) find(c copyVersion) (copyVersion, bool) {
	i := slices.IndexFunc(t.v.there, func(o copyVersion) bool { return o.path == c.path })
	if i < 0 {
		return copyVersion{}, false
	}
	return t.v.there[i], true
}

// sameThere says that nothing is to be sent; sameContent that no file is.
func (t *offsiteTurn) sameThere(c copyVersion) bool {
	there, _ := t.find(c)
	return t.sameContent(c) && there.receipt.Started.Equal(c.receipt.Started)
}

func (t *offsiteTurn) sameContent(c copyVersion) bool {
	there, found := t.find(c)
	return found && c.receipt != nil && there.receipt != nil && there.receipt.Digest == c.receipt.Digest
}

// isDue says whether a version should be over there by now: the slot has come and
// nothing was synced since, or the version was there to be synced at the slot.
func (t *offsiteTurn) isDue(c copyVersion) bool {
	slot := t.status.Slot
	return !slot.IsZero() && (t.due || c.receipt != nil && c.receipt.Ended.Before(slot))
}

func (t *offsiteTurn) transfer(c copyVersion) Action {
	l := t.offsiteLayer
	directory, at := t.v.of.Directory, path.Join(t.v.of.Directory, c.path)
	below := c.path
	if t.v.of.Kind == LayerSync { // its directory is the version
		directory, below = path.Split(at)
		directory = path.Clean(directory)
	}
	a := Action{
		Kind: Create, Layer: l.layer.Name, Volume: t.v.name, Version: path.Join(t.v.of.Name, c.name), VersionTime: c.time,
		Copy: &CopyAction{
			Remote: l.remote(l.to), Destination: l.there.Path, RequireMount: l.to.RequireMount, Directory: directory, Path: below, Slot: l.status.Slot, Timeout: l.layer.Timeout,
			MinFree: l.to.MinFree.Bytes(l.there.FileSystem.Size), StartBefore: l.startBefore(l.to),
			From: &Access{Version: &VersionAccess{
				Root: l.from.Path, RequireMount: l.from.RequireMount, Layer: t.v.of.Name, Volume: cmp.Or(l.volumeIn(t.v.of, c), t.v.name), Version: c.name, Path: at,
			}},
		},
	}
	a.ID = a.Address() + "@" + a.Version
	a.Reason = Reason{ReasonNoVersion, "not there yet"}
	if there, found := t.find(c); found {
		a.Kind, a.Reason = Refresh, Reason{ReasonDiffers, "it has changed since it was sent"}
		switch {
		case there.receipt == nil:
			a.Reason.Detail = "what is there has no receipt"
		case t.sameContent(c) && t.full != "":
			a.Reason, a.Copy.Full = Reason{ReasonDue, t.full}, true
		case t.sameContent(c):
			a.Reason.Detail = "it is the same, and was made anew since"
		}
	}
	if pending := l.pending[at]; pending.ID != "" {
		a.DependsOn = append(a.DependsOn, pending.ID)
	} else {
		a.Copy.From.Version.Digest = c.receipt.Digest
	}
	switch there, found := t.find(c); {
	case a.Copy.Full:
		a.Copy.Previous = cmp.Or(t.after(c), below)
	case found && there.receipt != nil:
		a.Copy.Previous = below
		t.linkToNewer(&a, c)
	default:
		t.link(&a, c)
	}
	switch {
	case a.Copy.Full:
	case t.sameContent(c):
		a.Copy.Estimate = &Estimate{}
	case a.begun(l.there) != "": // how much is left of it is not known, and it must not be refused for all of it
	default:
		a.Copy.Estimate = t.growth(c, a.Copy.Previous)
	}
	if a.Blocked = l.noStart; a.Blocked == nil {
		a.Blocked = l.guard().fit(a)
	}
	a.tellBegun(l.there)
	return a
}

// link finds the version over there that is nearest in time: what has not changed
// becomes a link to it. One that this plan sends must have come first. One that it is to
// replace will do for the first that goes: then those link to one another.
func (t *offsiteTurn) link(a *Action, c copyVersion) {
	var best *copyVersion
	first := slices.Clone(a.DependsOn)
	nearer := func(o copyVersion) bool {
		return best == nil || o.time.Sub(c.time).Abs() < best.time.Sub(c.time).Abs()
	}
	for _, o := range t.regular {
		_, goes := t.goesNow[o.path]
		here := t.hereOf(o)
		stays := here == nil || t.sameContent(*here) || len(t.sending) == 0
		if !goes && stays && o.path != c.path && o.receipt != nil && nearer(o) {
			best = &o
		}
	}
	for i, o := range t.sending {
		if nearer(o) {
			best = &o
			a.DependsOn = append(slices.Clone(first), t.sent[i].ID)
		}
	}
	if best != nil {
		a.Copy.Previous = best.path
	}
}

// linkToNewer lets a version that has changed since it was sent share its files with
// the one after it, which goes first and holds most of them. What was there before is
// linked to in any case.
func (t *offsiteTurn) linkToNewer(a *Action, c copyVersion) {
	if last := len(t.sending) - 1; last >= 0 && !t.sameContent(c) {
		a.Copy.Previous = t.sending[last].path
		a.DependsOn = append(slices.Clone(a.DependsOn), t.sent[last].ID)
	}
}

// after is the path of the version after one over there, which is compared before it:
// what must be replaced in both goes once, and stays one file.
func (t *offsiteTurn) after(c copyVersion) string {
	newer := ""
	for _, o := range t.regular {
		if o.path == c.path {
			return newer
		}
		_, goes := t.goesNow[o.path]
		if here := t.hereOf(o); !goes && here != nil && t.sameContent(*here) {
			newer = o.path
		}
	}
	return ""
}

func (t *offsiteTurn) hereOf(c copyVersion) *copyVersion {
	i := slices.IndexFunc(t.v.here, func(o copyVersion) bool { return o.path == c.path })
	if i < 0 {
		return nil
	}
	return &t.v.here[i]
}

// prune removes what the layer's own retention lets go, for the copy as it will be.
// What would stay without a transfer waits for it.
func (t *offsiteTurn) prune() {
	h := newCopyHistory(merge(t.regular, t.sending), t.now)
	going := t.going(h.regular)
	code := ReasonRetention
	if !t.ref.IsZero() {
		code = ReasonOrphan
	}
	there := newCopyHistory(t.regular, t.now)
	for _, c := range t.regular {
		reason, goes := going[c.path]
		_, goesAnyway := t.goesNow[c.path]
		waits := !goesAnyway || there.isNewest(c)
		if !goes || h.isNewest(c) || waits && len(t.sent) == 0 {
			continue
		}
		l := t.offsiteLayer
		a := Action{
			Kind: Prune, Layer: l.layer.Name, Volume: t.v.name, Version: path.Join(t.v.of.Name, c.name), VersionTime: c.time,
			Reason: Reason{code, reason.Detail}, Blocked: cmp.Or(l.clock, t.clock),
			Copy: &CopyAction{
				Remote: l.remote(l.to), Destination: l.there.Path, RequireMount: l.to.RequireMount, Directory: t.v.of.Directory, Path: c.path, Previous: there.newest.path, Timeout: l.layer.Timeout,
				Estimate: there.frees(c), AcceptLoss: slices.Contains(l.options.Acknowledge, l.layer.Name),
				From: &Access{Version: &VersionAccess{Root: l.from.Path, Layer: t.v.of.Name, Volume: cmp.Or(l.volumeIn(t.v.of, c), t.v.name), Version: c.name, Path: path.Join(t.v.of.Directory, c.path)}},
			},
		}
		a.ID = a.Address() + "@" + a.Version
		if waits {
			a.Copy.Previous = t.sending[0].path
			for _, s := range t.sent {
				a.DependsOn = append(a.DependsOn, s.ID)
			}
		}
		if h.shrunk != nil && !a.Copy.AcceptLoss {
			a.Blocked = &Block{BlockSuspect, l.shrunkText(t.v, h), "look at it; if so much was meant to go, run again with --acknowledge-prunes " + l.layer.Name}
		}
		t.prunes = append(t.prunes, a)
	}
}
