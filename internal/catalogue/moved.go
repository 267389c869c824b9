package catalogue

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// moved finds the folders that may have been away while a sync ran that began after the
// listing: rsync may not have seen them then, and nothing that lies in one changes when
// it comes back. Such a folder has changed, or is gone, and so has the one that it lies
// in. Those in others that were found are left out.
func (c *Catalogue) moved() ([]string, error) {
	listing, err := openListing(c.path())
	if err != nil {
		return nil, fmt.Errorf("read catalogue: %w", err)
	}
	defer listing.Close()
	tree, err := unix.Open(c.next.Tree, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", c.next.Tree, err)
	}
	defer func() { _ = unix.Close(tree) }()
	var found []string
	changed, outer := map[string]bool{}, ""
	for !listing.over {
		e, inFolder, err := listing.next()
		if err != nil {
			return nil, fmt.Errorf("read catalogue: %w", err)
		}
		if !inFolder || !e.stat.isFolder() || within(listing.path, outer) {
			continue
		}
		name := below(listing.path, e.name)
		now, there := lookAt(tree, name)
		if there && now == e.stat {
			continue
		}
		changed[name] = true
		// The tree lies in no other folder: of it the times tell.
		if name != root && changed[listing.path] || name == root && (!there || now.modified == e.stat.modified) {
			found, outer = append(found, name), name
		}
	}
	return found, nil
}

// lookAt looks at a name in an open tree. What cannot be looked at is taken for one
// that is not there.
func lookAt(tree int, name string) (stat, bool) {
	var found unix.Statx_t
	err := statx(tree, name, &found)
	return newStat(&found), err == nil
}
