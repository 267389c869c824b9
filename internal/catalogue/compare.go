package catalogue

import (
	"fmt"

	"github.com/bkplan/bkplan/internal/tree"
)

// comparison takes what a walk tells, and finds what is not as a listing has it.
type comparison struct {
	old  *reader
	peek *entry // the next of the current folder of old; nil is that it has no more
	held entry  // what peek leads to
	// tried says that a sync was cut off since: folders that were moved away and back
	// may be missing over there.
	tried bool
	// folders are those that have changed, and whole those that are compared with all
	// below them; current is the one of these that the walk is in.
	folders map[string]bool
	whole   map[string]bool
	current string
	path    string // the folder that the walk is in
	known   bool   // it is the current one of old, too
	found   Differences
	many    bool
}

func newComparison(old *reader, tried bool) (*comparison, error) {
	c := &comparison{old: old, tried: tried, folders: map[string]bool{}, whole: map[string]bool{}}
	return c, c.advance()
}

// advance reads the next entry of the current folder of old; after the last one old.path
// is the folder that follows.
func (c *comparison) advance() error {
	c.peek = nil
	var inFolder bool
	var err error
	if c.held, inFolder, err = c.old.next(); err == nil && inFolder {
		c.peek = &c.held
	}
	return err
}

// take takes entries of a folder, as a walk tells them.
func (c *comparison) take(path string, entries []entry) error {
	if path != c.path {
		if err := c.enter(path); err != nil {
			return err
		}
	}
	for i := range entries {
		if err := c.entry(&entries[i]); err != nil {
			return err
		}
	}
	return nil
}

// enter goes on to another folder. What old has of folders that are not walked any more
// is told by what became of these.
func (c *comparison) enter(path string) error {
	if err := c.leave(); err != nil {
		return err
	}
	c.path, c.known = path, false
	for !c.old.over && (c.peek != nil || tree.Compare(c.old.path, path) < 0) {
		if err := c.advance(); err != nil {
			return err
		}
	}
	if !c.old.over && c.old.path == path {
		c.known = true
		if err := c.advance(); err != nil {
			return err
		}
	}
	if within(path, c.current) {
		return nil
	}
	if c.whole[path] {
		c.current = path
	} else if !c.known {
		c.current = path
		c.tell(&c.found.Subtrees, path)
	}
	return nil
}

// leave tells what is gone of the folder that the walk was in.
func (c *comparison) leave() error {
	for c.known && c.peek != nil {
		c.gone()
		if err := c.advance(); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) gone() {
	if !within(c.path, c.current) {
		c.tell(&c.found.Names, below(c.path, c.peek.name))
	}
}

func (c *comparison) entry(e *entry) error {
	for c.known && c.peek != nil {
		order := compareNames(c.peek.name, e.name)
		if order > 0 {
			break
		}
		if order == 0 {
			if c.peek.unknown || c.peek.mount || e.mount || c.peek.stat != e.stat {
				c.differs(e)
			}
			return c.advance()
		}
		c.gone()
		if err := c.advance(); err != nil {
			return err
		}
	}
	c.differs(e)
	return nil
}

// differs tells an entry that is new or not what it was.
func (c *comparison) differs(e *entry) {
	if within(c.path, c.current) {
		return
	}
	name := below(c.path, e.name)
	c.tell(&c.found.Names, name)
	if !e.stat.isFolder() {
		return
	}
	if e.mount {
		c.tell(&c.found.Subtrees, name)
		return
	}
	c.tell(&c.found.Folders, name)
	if c.tried && (name == root || c.folders[c.path]) {
		c.whole[name] = true
		c.tell(&c.found.Subtrees, name)
	}
	if !c.many {
		c.folders[name] = true
	}
}

func (c *comparison) tell(list *[]string, name string) {
	if c.many = c.many || c.found.count() >= Most; !c.many {
		*list = append(*list, name)
	}
}

// end gives what was found, once the walk is over.
func (c *comparison) end() (Differences, error) {
	err := c.leave()
	for err == nil && !c.old.over {
		err = c.advance()
	}
	if err != nil {
		return Differences{}, err
	}
	if c.many {
		return Differences{Why: fmt.Sprintf("more than %d names differ from the catalogue of the last sync", Most)}, nil
	}
	return c.found, nil
}
