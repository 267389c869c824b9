package ssh

import (
	"context"
	"fmt"
	"slices"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

// compare compares the tree with the catalogue of the last sync, where the journal
// proves nothing, or everything is to be compared anyway.
func (p *Provider) compare(ctx context.Context, m mirror, t trail, journal providers.TreeChanges) (_ trail, err error) {
	found := providers.TreeChanges{Why: "no catalogues are kept"}
	if p.Catalogues != nil {
		var last plan.Receipt
		if m.proof != nil {
			last = *m.proof
		}
		found, t.kept, err = p.Catalogues.Compare(ctx, m.treeSync(last), m.treeSync(m.next()))
		if err != nil {
			return trail{}, fmt.Errorf("compare with the catalogue of the last sync: %w", err)
		}
	}
	c := *m.Copy
	why := ""
	if c.Since != nil {
		why = m.whyNoJournal(journal)
	}
	if c.Since == nil && c.Catalogue.IsZero() {
		t.why = whyLess(t, journal.Why, found.Why)
		return t, nil
	}
	missing := m.whyNoCatalogue(found)
	switch {
	case why != "" && (c.Catalogue.IsZero() || missing == why):
		return t.all(why), nil
	case missing != "" && why != "":
		return t.all(why + ", and " + missing), nil
	case missing != "":
		return t.all(missing), nil
	case why != "":
		t.why = "everything here was compared with the catalogue of the last sync: " + why
	}
	t.goesBy, t.told = byCatalogue, found
	return t, nil
}

// whyLess says why the next sync after one of everything will know less than it might.
func whyLess(t trail, journal, catalogue string) string {
	switch {
	case t.until == nil && t.kept == nil:
		return "the next sync compares everything, too: " + journal
	case t.until == nil:
		return "the next sync does not go by the change journal: " + journal
	case t.kept == nil && catalogue != "":
		return "no catalogue is kept: " + catalogue
	}
	return ""
}

// next is this sync, as its receipt will have it.
func (m mirror) next() plan.Receipt {
	return plan.Receipt{Started: m.started, Exclude: m.Copy.Exclude, Source: plan.ReceiptSource{MountPoint: m.mount}}
}

func (m mirror) treeSync(r plan.Receipt) providers.TreeSync {
	return providers.TreeSync{
		Layer: m.Layer, Tree: m.Copy.From.Paths[0], MountPoint: r.Source.MountPoint, Exclude: r.Exclude, Started: r.Started,
	}
}

// whyNoCatalogue says the same of what differs from the catalogue.
func (m mirror) whyNoCatalogue(found providers.TreeChanges) string {
	switch why := m.whyAll(); {
	case why != "":
		return why
	case !m.proof.Started.Equal(m.Copy.Catalogue):
		return "the last sync is another one than when the plan was made"
	case m.proof.Source.MountPoint != m.mount:
		return fmt.Sprintf("%q lay on another mount when it was last synced", m.Copy.From.Paths[0])
	case found.Why != "":
		return found.Why
	case slices.Contains(found.Subtrees, "."):
		return "the last try of a sync was cut off, and what it did cannot be told"
	}
	return ""
}

// keep keeps the catalogue of a sync that has succeeded, or says why there is none.
func (t trail) keep(l *listing) (why string) {
	if t.kept == nil {
		return ""
	}
	if err := t.kept.Keep(l.deleted.told()); err != nil {
		return "no catalogue is kept: " + err.Error()
	}
	return ""
}
