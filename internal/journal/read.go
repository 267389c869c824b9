package journal

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Journal is what lies on the disk of the journal of a tree. Reading changes
// nothing and holds no lock: a segment that is consumed by somebody else
// meanwhile is noticed.
type Journal struct {
	folder string
	tree   string
	host   string
	alive  bool // somebody writes it
	files  []segmentFile
}

// Read looks at the journal of a tree on the host it is read on. An error is one
// of reading; that there is no journal, or none that can be used, is what Since
// says.
func Read(stateDir, tree, host string) (Journal, error) {
	j := Journal{folder: Folder(stateDir, tree), tree: filepath.Clean(tree), host: host}
	var err error
	// The lock first: a writer that ends in between has ended its span.
	if j.alive, err = watched(j.folder); err != nil {
		return Journal{}, err
	}
	j.files, err = listSegments(j.folder)
	return j, err
}

// Watched says whether somebody watches the tree right now.
func (j Journal) Watched() bool { return j.alive }

// Since returns all that changed between two points. The first one is where the
// last sync that succeeded stood; the second one is what the watcher answered
// when it was asked to write down all that it knows, before this sync began, and
// a zero one stands for what is written down now, which is good enough for a look
// but no proof that nothing is missing. Exclude are folders, as they were given
// to Begin, that the sync leaves out too.
//
// Where the journal does not prove to be complete, reason says why, in one
// sentence for people without a full stop, and everything is to be compared.
func (j Journal) Since(from, until Point, exclude []string) (changes Changes, reason string) {
	switch {
	case from.IsZero():
		return Changes{}, "there has been no sync yet that the change journal could go on from"
	case len(j.files) == 0:
		return Changes{}, "there is no change journal of " + j.tree + ": \"bkplan watch\" has not followed it"
	case until.IsZero() && !j.alive:
		return Changes{}, j.whyOver(from, "\"bkplan watch\" is not running")
	case !until.IsZero() && until.Span != from.Span, !j.has(from.Span):
		return Changes{}, j.whyOver(from, "the change journal was begun again")
	case !until.IsZero() && until.Segment < from.Segment:
		return Changes{}, "the last sync stands at a later point than the change journal"
	}
	changes, reason = j.collect(from, until, exclude)
	if reason != "" {
		return Changes{}, reason
	}
	changes.compact()
	return changes, ""
}

func (j Journal) has(span string) bool {
	return slices.ContainsFunc(j.files, func(f segmentFile) bool { return f.span == span })
}

// collect reads the segments after a point, which must all be there.
func (j Journal) collect(from, until Point, exclude []string) (Changes, string) {
	changes := Changes{Until: from}
	if !until.IsZero() {
		changes.Until = until
	}
	next, checked := from.Segment+1, false
	needed := func(f segmentFile) bool { return f.span == from.Span && f.number >= next }
	newer := slices.ContainsFunc(j.files, needed)
	for _, f := range j.files {
		if f.span != from.Span || !needed(f) && (newer || checked) {
			continue
		}
		if !until.IsZero() && f.number > until.Segment && checked {
			break
		}
		s, err := readSegment(j.folder, f)
		if err != nil {
			return Changes{}, "the change journal is damaged: " + err.Error()
		}
		if why := j.unfit(s, exclude); why != "" {
			return Changes{}, why
		}
		checked = true
		switch {
		case f.number < next || !until.IsZero() && f.number > until.Segment:
			continue // only looked at for its header
		case f.number > next:
			return Changes{}, fmt.Sprintf("segment %d of the change journal is missing", next)
		case s.end != nil && until.IsZero():
			return Changes{}, ended(*s.end)
		case !s.sealed && !until.IsZero():
			return Changes{}, fmt.Sprintf("segment %d of the change journal is not complete", f.number)
		}
		changes.add(s)
		next++
		if s.sealed && until.IsZero() {
			changes.Until = Point{Span: f.span, Segment: f.number, Time: s.covered}
		}
	}
	if !until.IsZero() && next <= until.Segment {
		return Changes{}, fmt.Sprintf("segment %d of the change journal is missing", next)
	}
	if !until.IsZero() {
		changes.Covered = until.Time
	}
	return changes, ""
}

// unfit says why a segment is not of this tree on this host.
func (j Journal) unfit(s segment, exclude []string) string {
	if s.header.Host != j.host {
		return "the change journal was written on another machine"
	}
	if s.header.Tree != j.tree {
		return fmt.Sprintf("the change journal is that of %q", s.header.Tree)
	}
	for _, folder := range s.header.Exclude {
		if !slices.Contains(exclude, folder) {
			return fmt.Sprintf("\"bkplan watch\" did not follow %q, which the sync does not exclude; restart it", folder)
		}
	}
	identity, err := Identify(j.tree)
	if err != nil {
		return "the tree cannot be looked at: " + err.Error()
	}
	if identity != s.header.Identity {
		return j.tree + " is another directory than the one that was followed"
	}
	return ""
}

// whyOver says why nothing can be concluded from the span of a point.
func (j Journal) whyOver(p Point, otherwise string) string {
	list, err := endings(j.folder)
	if err != nil {
		return otherwise
	}
	for _, e := range list {
		if e.Span == p.Span {
			return ended(e)
		}
	}
	return otherwise
}

func ended(e ending) string {
	if e.Time.IsZero() {
		return e.Reason
	}
	return fmt.Sprintf("the change journal has a gap since %s: %s", e.Time.Format(time.RFC3339), e.Reason)
}

// killed is why a span is over that has no end.
const killed = "\"bkplan watch\" ended without a word, as when it is killed or the power fails"

// endings tells of each span in a folder why it is over, provided that nobody
// writes it any more. A segment that cannot be read is a reason, not an error.
func endings(folder string) ([]ending, error) {
	files, err := listSegments(folder)
	if err != nil {
		return nil, err
	}
	var list []ending
	for i, f := range files {
		if i+1 < len(files) && files[i+1].span == f.span {
			continue
		}
		s, err := readSegment(folder, f)
		for _, e := range s.header.Before {
			if !slices.ContainsFunc(list, func(known ending) bool { return known.Span == e.Span }) {
				list = append(list, e)
			}
		}
		switch {
		case err != nil:
			list = append(list, ending{Span: f.span, Time: s.covered, Reason: "it is damaged: " + strings.TrimPrefix(err.Error(), "read journal: ")})
		case s.end != nil:
			list = append(list, *s.end)
		default:
			list = append(list, ending{Span: f.span, Time: s.covered, Reason: killed})
		}
	}
	return list, nil
}
