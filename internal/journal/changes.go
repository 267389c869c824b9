package journal

import (
	"slices"
	"strings"
	"time"
)

// Changes are the names of a tree at which something may have changed. There may
// be more than have, and never fewer. A name is relative to the tree and of any
// bytes; what has become of it, the tree says.
type Changes struct {
	// Names are files, folders and whatever else was changed, made or removed;
	// what is below a folder has not changed for that. In order, each once.
	Names []string
	// Subtrees are names at and below which everything is to be compared. In
	// order, none of them or of Names is below another; Whole is the tree.
	Subtrees []string
	// Until is the point from which the next sync may go on, once this one has
	// succeeded.
	Until Point
	// Covered is the time up to which nothing is missing, for people.
	Covered time.Time
}

// add takes over names and subtrees.
func (c *Changes) add(s segment) {
	c.Names = append(c.Names, s.names...)
	c.Subtrees = append(c.Subtrees, s.subtrees...)
	c.Covered = s.covered
}

// compact sorts, and leaves out what is there twice or is in a subtree.
func (c *Changes) compact() {
	c.Subtrees = outermost(c.Subtrees)
	slices.Sort(c.Names)
	c.Names = slices.Compact(c.Names)
	if len(c.Subtrees) == 0 {
		return
	}
	c.Names = slices.DeleteFunc(c.Names, func(name string) bool { return Within(c.Subtrees, name) })
}

// outermost sorts subtrees, and leaves out those in others.
func outermost(subtrees []string) []string {
	slices.Sort(subtrees)
	subtrees = slices.Compact(subtrees)
	if _, whole := slices.BinarySearch(subtrees, Whole); whole {
		return []string{Whole}
	}
	known := make(map[string]bool, len(subtrees))
	for _, s := range subtrees {
		known[s] = true
	}
	return slices.DeleteFunc(subtrees, func(s string) bool {
		for parent, ok := above(s); ok; parent, ok = above(parent) {
			if known[parent] {
				return true
			}
		}
		return false
	})
}

// Within says whether a name is one of sorted subtrees or below one.
func Within(subtrees []string, name string) bool {
	if len(subtrees) > 0 && subtrees[0] == Whole {
		return true
	}
	for ok := true; ok; name, ok = above(name) {
		if _, found := slices.BinarySearch(subtrees, name); found {
			return true
		}
	}
	return false
}

// above is the folder that a name lies in, unless that is the tree.
func above(name string) (string, bool) {
	i := strings.LastIndexByte(name, '/')
	return name[:max(i, 0)], i > 0
}
