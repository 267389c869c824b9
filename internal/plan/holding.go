package plan

import (
	"slices"
	"time"
)

// Holding is what a layer holds of one volume that it covers, as observed. Of a layer
// that is blocked there are none: what it holds is not known.
type Holding struct {
	Layer, Volume string
	Versions      int
	// Newest is the age of the newest complete version's data, Oldest that of the oldest
	// one; both are zero where there is none, or where it lies in the future.
	Newest, Oldest time.Time
	// Proven says that the newest has a receipt; Files and Bytes are the receipt's.
	Proven       bool
	Files, Bytes int64
}

// hold notes what a layer holds of a volume. Several parts of one name are one volume,
// which is as old as the oldest of them.
func (b *builder) hold(h Holding) {
	key := layerVolume{h.Layer, h.Volume}
	at, known := b.holdingAt[key]
	if !known {
		b.holdingAt[key] = len(b.holdings)
		b.holdings = append(b.holdings, h)
		return
	}
	was := &b.holdings[at]
	was.Newest, was.Oldest = earlier(was.Newest, h.Newest), earlier(was.Oldest, h.Oldest)
	was.Versions, was.Files, was.Bytes = was.Versions+h.Versions, was.Files+h.Files, was.Bytes+h.Bytes
	was.Proven = was.Proven && h.Proven
}

// earlier is the earlier of two instants that are not zero.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// holdSnapshots notes what a snapshot layer holds of a volume; newest is zero where
// there is none.
func (b *builder) holdSnapshots(layer, volume string, versions []snapshot, newest time.Time) {
	h := Holding{Layer: layer, Volume: volume, Versions: len(versions), Newest: newest}
	for _, s := range versions {
		if s.lv.Health == "" && !s.preRestore && !InFuture(s.time, b.now) {
			h.Oldest = earlier(h.Oldest, s.time)
		}
	}
	b.hold(h)
}

// holdCopies notes what a layer on a disk holds of a volume.
func (b *builder) holdCopies(layer, volume string, versions []copyVersion) {
	history := newCopyHistory(versions, b.now)
	h := Holding{Layer: layer, Volume: volume, Versions: len(versions), Newest: history.age()}
	for _, v := range history.regular {
		h.Oldest = earlier(h.Oldest, v.taken())
	}
	if history.newest != nil {
		h.prove(history.newest.receipt)
	}
	b.hold(h)
}

// holdMirror notes the one copy that a sync has of its source.
func (b *builder) holdMirror(layer, volume string, receipt *Receipt) {
	h := Holding{Layer: layer, Volume: volume}
	if receipt.isWhole() {
		h.Versions, h.Newest, h.Oldest = 1, receipt.Started, receipt.Started
		h.prove(receipt)
	}
	b.hold(h)
}

func (h *Holding) prove(r *Receipt) {
	if r != nil {
		h.Proven, h.Files, h.Bytes = true, r.Files, r.Bytes
	}
}

// wholeSince is up to when a copy of a disk is whole: when it was last synced, unless it
// lacks a version that was made before that.
func (l *offsiteLayer) wholeSince() time.Time {
	if l.last == nil || InFuture(l.last.Started, l.now) {
		return time.Time{}
	}
	whole := l.last.Started
	for _, a := range l.makes {
		if !a.Copy.Full {
			whole = earlier(whole, a.VersionTime)
		}
	}
	return whole
}

// LastSuccess is when the layer was last as it should be: of a sync the start of the last
// whole one, else the age of the volume whose newest version is the oldest. Volumes
// without any version do not count; zero when no volume has one, or when that is not known.
func (p Plan) LastSuccess(layer string) time.Time {
	i := slices.IndexFunc(p.Layers, func(l LayerStatus) bool { return l.Name == layer })
	if i >= 0 && !p.Layers[i].Whole.IsZero() {
		return p.Layers[i].Whole
	}
	var oldest time.Time
	for _, h := range p.Holdings {
		if h.Layer == layer {
			oldest = earlier(oldest, h.Newest)
		}
	}
	return oldest
}
