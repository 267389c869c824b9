// Package journal keeps, below the state directory, which names of a tree have
// changed, so that a sync need not compare all of them. Start at Read and
// Journal.Since, which a sync calls; Writer is for the one who watches the tree.
//
// A journal proves that it is complete, or says why it does not. It is made of
// spans: within one, nothing that changed is left out. A span has a random name
// and is cut into numbered segments, each a file. Where a sync stands is a Point:
// a span and the number of a segment. All that changed after it is in the
// segments that follow, up to another Point of the same span; there is no such
// thing as two spans without a gap between them. No clock is compared with
// another one: times are for people.
package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"time"
)

// Point is a place in a journal, between two segments. The zero Point is none.
type Point struct {
	Span    string `json:"span"`
	Segment uint64 `json:"segment"` // the last one before the point
	// Time is when the point was made, by the clock of the one who watched. It is
	// for people: nothing is concluded from it.
	Time time.Time `json:"time"`
}

// IsZero says that there is no point.
func (p Point) IsZero() bool { return p.Span == "" }

// Whole is the tree itself, among names and subtrees.
const Whole = "."

// Folder is where the journal of a tree lies. The path of the tree is absolute
// and free of links.
func Folder(stateDir, tree string) string {
	digest := sha256.Sum256([]byte(filepath.Clean(tree)))
	return filepath.Join(stateDir, "journal", hex.EncodeToString(digest[:8]))
}

// header is the first record of each segment.
type header struct {
	Tree     string    `json:"tree"`
	Host     string    `json:"host"`
	Identity Identity  `json:"identity"`
	Span     string    `json:"span"`
	Segment  uint64    `json:"segment"`
	Started  time.Time `json:"started"` // of the span
	// Exclude are folders below which nothing is followed, relative to the tree.
	Exclude []string `json:"exclude,omitempty"`
	// Before are earlier spans and why they ended, the newest last.
	Before []ending `json:"before,omitempty"`
}

// ending is why a span ended.
type ending struct {
	Span   string    `json:"span"`
	Time   time.Time `json:"time,omitzero"`
	Reason string    `json:"reason"`
}
