package ssh

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/rsync"
	"github.com/bkplan/bkplan/internal/selection"
)

// guide is what a sync knows by what has changed.
type guide string

// What a sync goes by; without any it compares everything.
const (
	nothing     guide = ""
	byJournal   guide = "the change journal"
	byCatalogue guide = "the catalogue of the last sync"
)

// trail is what is known of the source of a mirror.
type trail struct {
	// until is where the journal stood before anything was looked at; nil is that nobody
	// watches.
	until  *plan.JournalPoint
	goesBy guide
	told   providers.TreeChanges // all that need be looked at
	looked int                   // names that were given to rsync
	// kept is the catalogue of this sync; nil is none.
	kept providers.Catalogue
	// why the sync goes by less than the plan says, or the next one will; for people.
	why string
}

func (t trail) notes() []string {
	if t.why == "" {
		return nil
	}
	return []string{t.why}
}

// all gives up on what is known: everything is compared.
func (t trail) all(why string) trail {
	return trail{until: t.until, kept: t.kept, why: "everything was compared: " + why}
}

// follow asks the change journal for what has changed since the last sync, and proves
// that this is all; where it is not, the tree is compared with the catalogue of the last
// sync. Both are asked before a sync of everything, too: the next one goes on from there.
func (p *Provider) follow(ctx context.Context, m mirror) (trail, error) {
	c := *m.Copy
	if !c.TrackChanges || p.Tracker == nil {
		return trail{}, nil
	}
	if !c.From.Whole || len(c.From.Paths) != 1 || c.Directory == "." || len(c.Only) > 0 {
		return trail{}, errors.New("the action follows the change journal of something that is not one directory as a whole")
	}
	var since plan.JournalPoint
	if c.Since != nil {
		since = *c.Since
	}
	told, err := p.Tracker.Prove(ctx, c.From.Paths[0], since, c.Exclude)
	if err != nil {
		return trail{}, fmt.Errorf("ask the change journal: %w", err)
	}
	t := trail{}
	if told.Until != (plan.JournalPoint{}) {
		t.until = &told.Until
	}
	if c.Since == nil || m.whyNoJournal(told) != "" {
		return p.compare(ctx, m, t, told)
	}
	t.goesBy, t.told = byJournal, told
	if p.Catalogues != nil {
		t.kept, err = p.Catalogues.Continue(ctx, m.treeSync(*m.proof), m.treeSync(m.next()), told)
	}
	return t, err
}

// whyAll says why everything is compared, whatever is known of what changed here; empty
// if it need not be.
func (m mirror) whyAll() string {
	switch {
	case m.proof == nil || !slices.Equal(m.proof.Exclude, m.Copy.Exclude):
		return "the last sync is another one than when the plan was made"
	case m.whyNotTold() != "":
		return m.whyNotTold()
	case keepsMore(m.seen, m.proof.Notes):
		return "more of what files have can be kept over there than at the last sync"
	case m.seen.kinds[m.directory] != isFolder:
		return fmt.Sprintf("%q is gone over there", m.directory)
	}
	return ""
}

// whyNoJournal says why the sync cannot go by what the journal told, though the plan
// says so; empty if it can.
func (m mirror) whyNoJournal(told providers.TreeChanges) string {
	switch why := m.whyAll(); {
	case told.Why != "":
		return told.Why
	case why != "":
		return why
	case m.proof.Journal == nil || *m.proof.Journal != *m.Copy.Since:
		return "the last sync is another one than when the plan was made"
	case slices.Contains(told.Subtrees, "."):
		return "by the change journal all of it may have changed"
	}
	return ""
}

// lookAgain is how often it is looked at what has changed while that changes.
const lookAgain = 5

// sendChanges runs rsync over what has changed, unless that would delete more than it
// may. Where it cannot be told what to send, the trail goes by nothing any more, and says
// why; then nothing was sent.
func (p *Provider) sendChanges(ctx context.Context, m *mirror) (*listing, []string, error) {
	if err := m.recount(ctx, m.isCut()); err != nil {
		return nil, nil, err
	}
	var l *listing
	for try := 1; ; try++ {
		selected, err := p.selected(ctx, *m)
		if cause := context.Cause(ctx); cause != nil {
			return nil, nil, cause
		}
		if err != nil {
			m.trail = m.trail.all(err.Error())
			return nil, nil, nil
		}
		m.trail.looked = selected.Len()
		var notes []string
		l, notes, err = m.sendSelected(ctx, selected, l)
		if err == nil {
			err = m.recount(ctx, l.deleted.more)
		}
		if err == nil || !changedKind(err) || try == lookAgain {
			return l, notes, err
		}
	}
}

func (p *Provider) selected(ctx context.Context, m mirror) (selection.Selection, error) {
	s, err := selection.Of(ctx, m.Copy.From.Paths[0], m.trail.told.Names, m.trail.told.Subtrees)
	if err != nil {
		return s, err
	}
	s.List(m.trail.told.Folders)
	return s.Without(ctx, p.Runner, m.Copy.Exclude)
}

// sendSelected gives rsync names. What vanishes meanwhile is told the next time.
func (m mirror) sendSelected(ctx context.Context, selected selection.Selection, before *listing) (*listing, []string, error) {
	options, notes := keep(m.seen, noOwners)
	if selected.IsEmpty() {
		return newListing(before), notes, nil
	}
	words := slices.Concat(options, selection.Words(), excludes(*m.Copy), []string{m.partial()})
	sources, names := []string{filepath.Clean(m.Copy.From.Paths[0]) + "/"}, selected.Names()
	most, err := m.rehearse(ctx, words, sources, names)
	if err == nil {
		err = m.checkSource(ctx)
	}
	if err != nil && before == nil {
		err = &unsentError{err}
	}
	if err != nil {
		return before, nil, err
	}
	l, more, err := m.fill(ctx, words, most, sources, names, before)
	return l, append(notes, more...), err
}

// changedKind says that rsync failed for nothing but files that have taken the place
// of folders since they were looked at.
func changedKind(err error) bool {
	files := (*rsync.FilesError)(nil)
	return errors.As(err, &files) && !slices.ContainsFunc(files.Lines, func(line string) bool {
		return !strings.HasSuffix(line, "Not a directory (20)")
	})
}
