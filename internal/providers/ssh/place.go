package ssh

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/bkplan/bkplan/internal/plan"
)

// place is where a copy lies or will lie over there. Its names are safe: they stay
// below the root.
type place struct {
	base string // the folder that must be there
	rel  string // the root of the copy, relative to base; it may have to be made
	// directory, path and previous are relative to the root; the last two may be
	// empty.
	directory, path, previous string
	work                      string // name below plan.WorkFolder that is the action's own
}

// root is the absolute path of the copy's root.
func (p place) root() string { return filepath.Join(p.base, p.rel) }

// workFolder is the action's own folder, relative to the root.
func (p place) workFolder() string { return filepath.Join(plan.WorkFolder, p.work) }

// newPlace checks the names of an action: a plan is a file that may come from
// anywhere.
func newPlace(a plan.Action) (place, error) {
	c := a.Copy
	p := place{base: c.Destination, rel: ".", directory: c.Directory}
	if c.Remote.Path != "" {
		rel, err := filepath.Rel(c.Remote.Path, c.Destination)
		if err != nil || !filepath.IsLocal(rel) {
			return p, fmt.Errorf("%q is no place below the destination %q", c.Destination, c.Remote.Path)
		}
		p.base, p.rel = c.Remote.Path, rel
	}
	switch {
	case a.Layer == "":
		return p, errors.New("the action names no layer")
	case !filepath.IsAbs(c.Destination) || filepath.Clean(c.Destination) != c.Destination || strings.ContainsRune(c.Destination, 0):
		return p, fmt.Errorf("destination %q is not an absolute path", c.Destination)
	case strings.ContainsAny(c.Destination, `*?[\`):
		return p, fmt.Errorf("destination %q: rsync takes *, ?, [ and \\ in the name of a place over there for something else", c.Destination)
	case a.Kind == plan.Clean:
		p.work = c.Unfinished
		if name := p.work; name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
			return p, fmt.Errorf("%q is no name in the work folder of %q", name, c.Destination)
		}
		return p, nil
	}
	p.work = plan.WorkName(a.Kind, a.Layer, a.Volume, a.Version)
	for _, one := range []struct {
		into *string
		path string
	}{{&p.path, c.Path}, {&p.previous, c.Previous}} {
		if one.path == "" {
			continue
		}
		*one.into = filepath.Join(c.Directory, one.path)
		if !safe(*one.into) || !safe(one.path) || one.path == "." {
			return p, fmt.Errorf("version %q is no place below the layer's directory", one.path)
		}
	}
	if !safe(c.Directory) {
		return p, fmt.Errorf("the layer's directory %q is no place below the destination", c.Directory)
	}
	return p, nil
}

// safe says whether a path stays below the root and out of what bkplan keeps there
// for itself.
func safe(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return filepath.IsLocal(path) && filepath.Clean(path) == path && first != plan.OwnFolder && !strings.ContainsRune(path, 0)
}

// below says whether a path is a folder or lies below it.
func below(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, strings.TrimSuffix(folder, "/")+"/")
}
