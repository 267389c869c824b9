package ssh

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/receipt"
)

// A sync that goes by what has changed relies on the receipt over there: that the
// mirror is what the source was. A comparison of everything may make it something else,
// and be cut off in the middle. So before it changes anything, every receipt that says
// something of the directory, or of what is above or below it, is taken back: those of
// other layers and volumes go, and its own stays for what it knows beside that, such as
// the mount point, but says of no source that it is in the mirror. Only a comparison of
// everything follows, until one has ended.
//
// A sync by the journal or the catalogue takes nothing back: it makes nothing but what
// the source is, and the next one looks at the same names again.

// whyNotTold says why the receipt does not say that the source is in the mirror; empty
// if it does.
func (m mirror) whyNotTold() string {
	paths := m.proof.Source.Paths
	switch {
	case m.proof.Path != m.directory:
		return fmt.Sprintf("it was last synced to %q", m.proof.Path)
	case len(paths) == 0:
		return "a sync of everything did not end"
	case !slices.Equal(paths, m.Copy.From.Paths):
		return fmt.Sprintf("%q was last synced to %q", paths[0], m.directory)
	}
	return ""
}

// takeBack takes back what receipts say of the directory.
func (m *mirror) takeBack(ctx context.Context) error {
	if m.directory == "." { // what is not named there is another's, and nothing goes by this receipt
		return nil
	}
	own := m.receiptFile()
	var gone []string
	for _, r := range m.seen.receipts {
		if at := receipt.File(r.Layer, r.Version, r.Volume); at != own && m.touches(r) {
			gone = append(gone, at)
		}
	}
	var text []byte
	switch {
	case m.proof != nil && m.touches(*m.proof):
		var err error
		if text, err = receipt.Encode(between(*m.proof, m.started)); err != nil {
			return err
		}
		m.stands = string(text)
	case m.proof == nil && m.stands != "": // another bkplan may be able to read it
		gone = append(gone, own)
		m.stands = ""
	}
	if len(text) == 0 && len(gone) == 0 {
		return nil
	}
	arguments := append([]string{m.rel, m.work, own, strconv.Itoa(len(text)), strconv.Itoa(len(gone))}, gone...)
	if _, err := m.ask(ctx, sealLimit, takeBackScript, m.base, arguments, text); err != nil {
		return fmt.Errorf("take back what receipts say of %q: %w", filepath.Join(m.root(), m.directory), err)
	}
	return nil
}

// touches says whether a receipt says something of what may be changed.
func (m mirror) touches(r plan.Receipt) bool {
	return r.Path != "." && (below(r.Path, m.directory) || below(m.directory, r.Path))
}

// between is the receipt of a mirror that is neither what it was nor what it will be.
func between(r plan.Receipt, began time.Time) plan.Receipt {
	r.Journal, r.Source.Paths, r.Digest = nil, nil, ""
	r.Notes = []string{fmt.Sprintf("a sync that began %s has not ended: the mirror is between two states", began.UTC().Format(time.RFC3339Nano))}
	return r
}

// checkAlone looks whether the receipt is as this sync has left it: nobody else has
// synced meanwhile. Nothing holds others off, so that is seen when both have written, and
// what the other one says is taken back, too.
func (m *mirror) checkAlone(ctx context.Context) error {
	at := m.receiptFile()
	now, err := m.look(ctx, question{texts: []string{at}})
	if err != nil {
		return err
	}
	if strings.TrimRight(m.stands, "\n") == now.texts[at] {
		return nil
	}
	theirs := now.receipt(m.Layer, "", m.Volume)
	if theirs != nil && !m.touches(*theirs) { // a layer of the same name, of another machine
		return nil
	}
	m.proof, m.stands = theirs, now.texts[at]
	return errors.Join(fmt.Errorf("%s: another run has synced to %q meanwhile, and what is there now nobody knows: is it the destination of one layer on one machine only?",
		m.host(), filepath.Join(m.root(), m.directory)), m.takeBack(ctx))
}

func (m mirror) receiptFile() string { return receipt.File(m.Layer, "", m.Volume) }
