package plan

import (
	"fmt"
	"slices"
	"time"
)

// JournalPoint is a place in the change journal of a tree: all that changed before
// it has been synced.
type JournalPoint struct {
	Span    string `json:"span"`
	Segment uint64 `json:"segment"`
}

// Changes is what is known of a source's directory since a layer's last sync: by the
// change journal, and whether there is a catalogue. Where Why is set the journal proves
// nothing, and says why; NoCatalogue is why there is no catalogue of that sync.
type Changes struct {
	Layer    string       `json:"layer"`
	Since    JournalPoint `json:"since,omitzero"` // of the last sync
	Names    int          `json:"names"`          // changed, made or removed
	Subtrees int          `json:"subtrees"`       // to be compared as a whole
	Why      string       `json:"why,omitempty"`
	// Amount is the most that sending them can add; nil where that was not looked at.
	Amount *Estimate `json:"amount,omitempty"`
	// Catalogue is when the sync began of which there is one; zero is none.
	Catalogue   time.Time `json:"catalogue,omitzero"`
	NoCatalogue string    `json:"no_catalogue,omitempty"`
}

// ChangesOf finds what a layer's journal says.
func (o Observation) ChangesOf(layer string) (Changes, bool) {
	i := slices.IndexFunc(o.Changes, func(c Changes) bool { return c.Layer == layer })
	if i < 0 {
		return Changes{}, false
	}
	return o.Changes[i], true
}

// LastSync is the receipt of a layer's last sync, at its destination; nil where there
// is none, or the destination was not seen.
func (o Observation) LastSync(p Policy, l Layer) *Receipt {
	to, found := p.Destination(l.To)
	if disk, seen := o.Disk(to.Place()); found && seen {
		return disk.receiptOf(l.Name, l.Directory)
	}
	return nil
}

// follow lets a sync go by the change journal, where that is proven to be complete,
// or by the catalogue of the last sync; else everything is compared, and the reason says
// why.
func (l *syncLayer) follow(a *Action, last *Receipt) {
	if !l.layer.TrackChanges {
		return
	}
	if why := l.whyNever(a); why != "" {
		a.Reason.Detail += "; everything is compared: " + why
		return
	}
	a.Copy.TrackChanges = true
	if last == nil {
		return
	}
	if why := l.whyBothEnds(a, last); why != "" {
		a.Reason.Detail += "; everything is compared: " + why
		return
	}
	c, known := l.observation.ChangesOf(l.layer.Name)
	noCatalogue := whyNoCatalogue(c, last)
	if noCatalogue == "" {
		a.Copy.Catalogue = last.Started
	}
	switch why := whyNoJournal(c, known, last); {
	case why == "":
		a.Copy.Since, a.Copy.Estimate = last.Journal, c.Amount
		a.Reason.Detail += "; by the change journal " + count(c.Names, "name") + " changed"
		switch {
		case c.Subtrees == 1:
			a.Reason.Detail += ", and one directory is compared as a whole"
		case c.Subtrees > 1:
			a.Reason.Detail += fmt.Sprintf(", and %d directories are compared as a whole", c.Subtrees)
		}
	case noCatalogue == "":
		a.Reason.Detail += "; everything here is compared with the catalogue of the last sync: " + why
	default:
		a.Reason.Detail += "; everything is compared: " + why + ", and " + noCatalogue
	}
}

// whyNever says why a sync does not go by the change journal, whatever that says.
func (l *syncLayer) whyNever(a *Action) string {
	switch {
	case l.source.Directory == nil:
		return "a change journal is kept of a source \"directory\" only"
	case a.Copy.Remote == nil:
		return "a mirror on a disk of this machine does not go by the change journal"
	}
	return ""
}

// whyBothEnds says why all that is here and over there must be compared, whatever is
// known of what changed here; empty if it need not.
func (l *syncLayer) whyBothEnds(a *Action, last *Receipt) string {
	full, hasFull := l.layer.FullSchedule.Prev(l.now, l.zone())
	switch {
	case hasFull && InFuture(last.Full, l.now):
		return fmt.Sprintf("last done %s, which is in the future", l.clockText(last.Full))
	case hasFull && last.Full.Before(full.Truncate(time.Second)):
		return fmt.Sprintf("last done %s, before the slot %s", l.clockText(last.Full), l.clockText(full))
	case !slices.Equal(last.Exclude, a.Copy.Exclude):
		return "what is left out is not what it was"
	case last.Source.MountPoint != "" && last.Source.MountPoint != a.Copy.From.MountPoint:
		return "the source lies on another mount than when it was last synced"
	}
	return ""
}

// whyNoJournal says why a sync cannot go by the change journal; empty if it can.
func whyNoJournal(c Changes, known bool, last *Receipt) string {
	switch {
	case last.Journal == nil:
		return "the last sync did not go by a change journal"
	case !known:
		return "the observation says nothing of the change journal"
	case c.Why != "":
		return c.Why
	case c.Since != *last.Journal:
		return "the change journal was looked at from another sync on"
	}
	return ""
}

// whyNoCatalogue says why a sync cannot go by the catalogue of the last one; empty if it
// can.
func whyNoCatalogue(c Changes, last *Receipt) string {
	switch {
	case c.NoCatalogue != "":
		return c.NoCatalogue
	case !c.Catalogue.Equal(last.Started):
		return "there is no catalogue of the last sync"
	}
	return ""
}
