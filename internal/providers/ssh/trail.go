package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/rsync"
	"github.com/bkplan/bkplan/internal/selection"
)

// trail is what the change journal says of the source of a mirror.
type trail struct {
	// until is where the journal stood before anything was looked at; nil is that nobody
	// watches.
	until *plan.JournalPoint
	// goesBy says that names and subtrees are all that need be looked at.
	goesBy          bool
	names, subtrees []string
	looked          int // names that were given to rsync
	// why everything is compared although the plan says otherwise, or why there is no
	// point for the next sync; for people.
	why string
}

func (t trail) notes() []string {
	if t.why == "" {
		return nil
	}
	return []string{t.why}
}

// all gives up on the journal: everything is compared.
func (t trail) all(why string) trail {
	return trail{until: t.until, why: "everything was compared: " + why}
}

// follow asks the change journal for what has changed since the last sync, and proves
// that this is all. It asks before a sync of everything, too: the next one goes on
// from there. The error is that the context has ended.
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
	t := trail{names: told.Names, subtrees: told.Subtrees}
	if told.Until != (plan.JournalPoint{}) {
		t.until = &told.Until
	}
	switch why := m.whyAll(told.Why, told.Subtrees); {
	case c.Since != nil && why != "":
		return t.all(why), nil
	case c.Since != nil:
		t.goesBy = true
		return t, nil
	case t.until == nil:
		return trail{why: "the next sync compares everything, too: " + told.Why}, nil
	}
	return trail{until: t.until}, nil
}

// whyAll says why everything is compared, whatever the plan says; empty if it need
// not be.
func (m mirror) whyAll(journal string, subtrees []string) string {
	switch {
	case journal != "":
		return journal
	case m.proof == nil || m.proof.Journal == nil || *m.proof.Journal != *m.Copy.Since || !slices.Equal(m.proof.Exclude, m.Copy.Exclude):
		return "the last sync is another one than when the plan was made"
	case m.seen.kinds[m.directory] != isFolder:
		return fmt.Sprintf("%q is gone over there", m.directory)
	case slices.Contains(subtrees, "."):
		return "by the change journal all of it may have changed"
	}
	return ""
}

// lookAgain is how often it is looked at what has changed while that changes.
const lookAgain = 5

// sendChanges runs rsync over what has changed, unless that would delete more than it
// may. Where it cannot be told what to send, the trail does not go by the journal any
// more, and says why; then nothing was sent.
func (p *Provider) sendChanges(ctx context.Context, m *mirror) (*listing, []string, error) {
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
		if err == nil || !changedKind(err) || try == lookAgain {
			return l, notes, err
		}
	}
}

func (p *Provider) selected(ctx context.Context, m mirror) (selection.Selection, error) {
	s, err := selection.Of(ctx, m.Copy.From.Paths[0], m.trail.names, m.trail.subtrees)
	if err != nil {
		return s, err
	}
	return s.Without(ctx, p.Runner, m.Copy.Exclude)
}

// sendSelected gives rsync names. What vanishes meanwhile is told the next time.
func (m mirror) sendSelected(ctx context.Context, selected selection.Selection, before *listing) (*listing, []string, error) {
	options, notes := keep(m.seen)
	if selected.IsEmpty() {
		return newListing(before), notes, nil
	}
	words := slices.Concat([]string{"--delete-delay"}, options, selection.Words(), excludes(*m.Copy), []string{m.partial()})
	sources, names := []string{filepath.Clean(m.Copy.From.Paths[0]) + "/"}, selected.Names()
	most, err := m.maxDelete(ctx, words, sources, names)
	if err != nil {
		return before, nil, err
	}
	words = append(slices.Concat(words, most), "-ii", "--out-format="+listFormat)
	l := before
	_, err = m.transferNames(ctx, words, sources, names, literal(m.directory), func() io.Writer {
		l = newListing(l)
		return l
	})
	if vanished := (*VanishedError)(nil); errors.As(err, &vanished) {
		notes, err = append(notes, vanished.Error()), nil
	}
	return l, notes, err
}

// changedKind says that rsync failed for nothing but files that have taken the place
// of folders since they were looked at.
func changedKind(err error) bool {
	files := (*rsync.FilesError)(nil)
	return errors.As(err, &files) && !slices.ContainsFunc(files.Lines, func(line string) bool {
		return !strings.HasSuffix(line, "Not a directory (20)")
	})
}
